"""The events of a run: immutable facts, numbered without gaps.

An event names rows and says what became of them; it holds no text of the conversation, no arguments and no
results. Who may read those reads them from the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from agents_app.core.event_payloads import (
    ApprovalDecided,
    ApprovalEndorsed,
    ApprovalEscalated,
    ApprovalReassigned,
    ApprovalRequested,
    BudgetChanged,
    BudgetExceeded,
    BudgetReserved,
    BudgetSettled,
    ByPerson,
    Empty,
    GrantChanged,
    InputDecided,
    InputRequested,
    MemoryUpdated,
    MessageProduced,
    Payload,
    RetrievalCompleted,
    RunCodeChanged,
    RunCompleted,
    RunFailed,
    RunHeldBack,
    RunPaused,
    RunPrioritised,
    RunRecovered,
    RunScheduled,
    RunStarted,
    RunWaiting,
    StepChanged,
    StepCompleted,
    StepFailed,
    ToolCallChanged,
    ToolCallProposed,
    ToolCallReason,
    ToolCallSettled,
    ToolCallStarted,
)


class EventType(StrEnum):
    RUN_STARTED = "run.started"
    RUN_WAITING = "run.waiting"
    RUN_SCHEDULED = "run.scheduled"
    RUN_HELD_BACK = "run.held_back"
    RUN_PRIORITISED = "run.prioritised"
    RUN_PAUSED = "run.paused"
    RUN_CODE_CHANGED = "run.code_changed"
    RUN_RESUMED = "run.resumed"
    RUN_RETRIED = "run.retried"
    RUN_RECOVERED = "run.recovered"
    RUN_CANCEL_REQUESTED = "run.cancel_requested"
    RUN_CANCELLED = "run.cancelled"
    RUN_COMPLETED = "run.completed"
    RUN_FAILED = "run.failed"
    RUN_HIDDEN = "run.hidden"
    RUN_REVEALED = "run.revealed"
    RUN_ERASED = "run.erased"
    STEP_STARTED = "step.started"
    STEP_COMPLETED = "step.completed"
    STEP_FAILED = "step.failed"
    TOOL_CALL_PROPOSED = "tool_call.proposed"
    TOOL_CALL_READY = "tool_call.ready"
    TOOL_CALL_STARTED = "tool_call.started"
    TOOL_CALL_SUCCEEDED = "tool_call.succeeded"
    TOOL_CALL_FAILED = "tool_call.failed"
    TOOL_CALL_UNKNOWN = "tool_call.unknown"
    TOOL_CALL_SETTLED = "tool_call.settled"
    TOOL_CALL_REJECTED = "tool_call.rejected"
    TOOL_CALL_CANCELLED = "tool_call.cancelled"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_EDITED = "approval.edited"
    APPROVAL_ENDORSED = "approval.endorsed"
    APPROVAL_APPROVED = "approval.approved"
    APPROVAL_REJECTED = "approval.rejected"
    APPROVAL_SENT_BACK = "approval.sent_back"
    APPROVAL_EXPIRED = "approval.expired"
    APPROVAL_WITHDRAWN = "approval.withdrawn"
    APPROVAL_REMINDED = "approval.reminded"
    APPROVAL_ESCALATED = "approval.escalated"
    APPROVAL_OVERDUE = "approval.overdue"
    APPROVAL_CLAIMED = "approval.claimed"
    APPROVAL_RELEASED = "approval.released"
    APPROVAL_REASSIGNED = "approval.reassigned"
    GRANT_MADE = "grant.made"
    GRANT_REVOKED = "grant.revoked"
    INPUT_REQUESTED = "input.requested"
    INPUT_ANSWERED = "input.answered"
    INPUT_EXPIRED = "input.expired"
    INPUT_WITHDRAWN = "input.withdrawn"
    MEMORY_UPDATED = "memory.updated"
    RETRIEVAL_COMPLETED = "retrieval.completed"
    MESSAGE_PRODUCED = "message.produced"
    BUDGET_CHANGED = "budget.changed"
    BUDGET_RESERVED = "budget.reserved"
    BUDGET_SETTLED = "budget.settled"
    BUDGET_EXCEEDED = "budget.exceeded"


@dataclass(frozen=True, slots=True)
class EventKind:
    """A type's payload model and its line in the documentation."""

    payload: type[Payload]
    meaning: str


_T = EventType

EVENTS: Mapping[EventType, EventKind] = {
    _T.RUN_STARTED: EventKind(RunStarted, "a run was accepted"),
    _T.RUN_WAITING: EventKind(RunWaiting, "only people (or the clock) can go on with it"),
    _T.RUN_SCHEDULED: EventKind(RunScheduled, "it continues at a later time"),
    _T.RUN_HELD_BACK: EventKind(RunHeldBack, "no slot is free under a limit; it waits for one"),
    _T.RUN_PRIORITISED: EventKind(RunPrioritised, "a person changed its priority"),
    _T.RUN_CODE_CHANGED: EventKind(RunCodeChanged, "from here on other code is its agent's"),
    _T.RUN_PAUSED: EventKind(RunPaused, "it is held, with by whom and why"),
    _T.RUN_RESUMED: EventKind(ByPerson, "a person let it go on"),
    _T.RUN_RETRIED: EventKind(ByPerson, "a person retried a failed run"),
    _T.RUN_RECOVERED: EventKind(RunRecovered, "a worker's lease ran out and another took over"),
    _T.RUN_CANCEL_REQUESTED: EventKind(ByPerson, "somebody wants it to end"),
    _T.RUN_CANCELLED: EventKind(Empty, "it ended by cancellation"),
    _T.RUN_COMPLETED: EventKind(RunCompleted, "it ended with an answer"),
    _T.RUN_FAILED: EventKind(RunFailed, "it ended without an answer"),
    _T.RUN_HIDDEN: EventKind(ByPerson, "a person hid it from all but those who may see hidden runs"),
    _T.RUN_REVEALED: EventKind(ByPerson, "a person let it be seen again"),
    _T.RUN_ERASED: EventKind(ByPerson, "what it held of its user was erased; its words are gone"),
    _T.STEP_STARTED: EventKind(StepChanged, "a step, or its next attempt, was started"),
    _T.STEP_COMPLETED: EventKind(StepCompleted, "a step's outcome was recorded"),
    _T.STEP_FAILED: EventKind(StepFailed, "a step, or one attempt at it, failed"),
    _T.TOOL_CALL_PROPOSED: EventKind(ToolCallProposed, "the LLM wants a tool called"),
    _T.TOOL_CALL_READY: EventKind(ToolCallReason, "the call may start (again)"),
    _T.TOOL_CALL_STARTED: EventKind(ToolCallStarted, "the tool is called next"),
    _T.TOOL_CALL_SUCCEEDED: EventKind(ToolCallChanged, "the tool returned"),
    _T.TOOL_CALL_FAILED: EventKind(ToolCallReason, "the call failed"),
    _T.TOOL_CALL_UNKNOWN: EventKind(ToolCallReason, "nobody knows whether its effect happened"),
    _T.TOOL_CALL_SETTLED: EventKind(ToolCallSettled, "an unknown outcome was settled"),
    _T.TOOL_CALL_REJECTED: EventKind(ToolCallReason, "the call will not be made"),
    _T.TOOL_CALL_CANCELLED: EventKind(ToolCallReason, "the run ended before the call was made"),
    _T.APPROVAL_REQUESTED: EventKind(ApprovalRequested, "a person is asked about one exact call"),
    _T.APPROVAL_EDITED: EventKind(ApprovalDecided, "a person changed the arguments"),
    _T.APPROVAL_ENDORSED: EventKind(ApprovalEndorsed, "a person said yes, and others still have to"),
    _T.APPROVAL_APPROVED: EventKind(ApprovalDecided, "the last person needed said yes"),
    _T.APPROVAL_REJECTED: EventKind(ApprovalDecided, "a person said no"),
    _T.APPROVAL_SENT_BACK: EventKind(ApprovalDecided, "a person gave it back to the LLM with instructions"),
    _T.APPROVAL_EXPIRED: EventKind(ApprovalDecided, "the time to decide ran out"),
    _T.APPROVAL_WITHDRAWN: EventKind(ApprovalDecided, "the question no longer matters"),
    _T.APPROVAL_REMINDED: EventKind(ApprovalDecided, "nobody has decided yet: who may is told once more"),
    _T.APPROVAL_ESCALATED: EventKind(ApprovalEscalated, "nobody has decided yet: others may as well"),
    _T.APPROVAL_OVERDUE: EventKind(ApprovalDecided, "the time to decide is over, and it keeps waiting"),
    _T.APPROVAL_CLAIMED: EventKind(ApprovalDecided, "a person took it on; others may still decide"),
    _T.APPROVAL_RELEASED: EventKind(ApprovalDecided, "a person who had taken it on gave it back"),
    _T.APPROVAL_REASSIGNED: EventKind(ApprovalReassigned, "it was handed to somebody"),
    _T.GRANT_MADE: EventKind(GrantChanged, "a person allowed the like of a call from now on"),
    _T.GRANT_REVOKED: EventKind(GrantChanged, "such a standing grant counts no more"),
    _T.INPUT_REQUESTED: EventKind(InputRequested, "the user is asked a question"),
    _T.INPUT_ANSWERED: EventKind(InputDecided, "the user answered"),
    _T.INPUT_EXPIRED: EventKind(InputDecided, "the time to answer ran out"),
    _T.INPUT_WITHDRAWN: EventKind(InputDecided, "the question no longer matters"),
    _T.MEMORY_UPDATED: EventKind(MemoryUpdated, "what is remembered was changed, or could not be read"),
    _T.RETRIEVAL_COMPLETED: EventKind(RetrievalCompleted, "documents were searched"),
    _T.MESSAGE_PRODUCED: EventKind(MessageProduced, "the agent said something to the user"),
    _T.BUDGET_CHANGED: EventKind(BudgetChanged, "a person set what it may spend"),
    _T.BUDGET_RESERVED: EventKind(BudgetReserved, "budgets hold what the LLM's next reply may cost"),
    _T.BUDGET_SETTLED: EventKind(BudgetSettled, "budgets were charged with what it did cost"),
    _T.BUDGET_EXCEEDED: EventKind(BudgetExceeded, "a budget has not enough left for what comes next"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedEvent:
    """One event of a run, as it was committed. `sequence` is its number within the run."""

    run_id: UUID
    agent: str
    sequence: int
    type: str
    at: datetime
    data: dict[str, Any]

    @property
    def payload(self) -> Payload:
        """`data` as the frozen model of its type: RunCompleted, ToolCallChanged, …"""
        return EVENTS[EventType(self.type)].payload.model_validate(self.data)

    @property
    def key(self) -> str:
        """Names this event for ever: whoever acts once per key may be told of it twice."""
        return f"{self.run_id}:{self.sequence}"
