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

from pydantic import AwareDatetime, BaseModel, ConfigDict, NaiveDatetime

Moment = AwareDatetime | NaiveDatetime


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
    INPUT_REQUESTED = "input.requested"
    INPUT_ANSWERED = "input.answered"
    INPUT_EXPIRED = "input.expired"
    INPUT_WITHDRAWN = "input.withdrawn"
    MESSAGE_PRODUCED = "message.produced"
    BUDGET_CHANGED = "budget.changed"
    BUDGET_RESERVED = "budget.reserved"
    BUDGET_SETTLED = "budget.settled"
    BUDGET_EXCEEDED = "budget.exceeded"


class Payload(BaseModel):
    """Base of the payloads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Empty(Payload):
    """Nothing to add to the type."""


class RunStarted(Payload):
    agent: str
    by: str | None = None
    run_at: Moment | None = None


class RunWaiting(Payload):
    """For whom: the status says it. `due_at`: when the clock acts if nobody does."""

    status: str
    due_at: Moment | None = None


class RunScheduled(Payload):
    due_at: Moment
    reason: str


class RunHeldBack(Payload):
    """The limit at which no slot was free: of its `agent`, `user` or `session`, of which `most` are driven at once.
    Told once, however often it is looked for a slot."""

    limit: str
    most: int


class ByPerson(Payload):
    """What a person did. `by` is the name at that time; None is the system."""

    by: str | None = None
    reason: str = ""


class RunPrioritised(ByPerson):
    """From the priority `before` to `after`."""

    before: str
    after: str


class RunRecovered(Payload):
    """The lease of `claim` ran out; another worker goes on."""

    claim: int


class RunPaused(ByPerson):
    """`code` says what holds it, if no person does: `code_changed`, `migration_failed`, `poison`."""

    code: str = ""


class RunCodeChanged(Payload):
    """It goes on under other code: by the agent's policy (`continued`), a migration function (`migrated`), or because a
    person accepted it (`accepted`). `before` and `after` are the agent's versions."""

    how: str
    before: str
    after: str
    by: str | None = None


class RunCompleted(Payload):
    steps: int


class RunFailed(Payload):
    code: str
    message: str


class StepChanged(Payload):
    """`llm` is the one that is asked, by its name in the settings; when it has answered, by the provider's."""

    step: UUID
    number: int
    kind: str
    attempt: int
    llm: str | None = None


class StepFailed(StepChanged):
    code: str
    message: str


class ToolCallChanged(Payload):
    call: UUID
    number: int
    tool: str


class ToolCallProposed(ToolCallChanged):
    effect: str
    step: int


class ToolCallStarted(ToolCallChanged):
    """`rule` names what decided that it may start; without it no rule spoke of the call."""

    attempt: int
    step: int
    rule: str | None = None


class ToolCallReason(ToolCallChanged):
    """With a stable code and a sentence; the sentence never quotes arguments. `rule`: what refused it."""

    code: str = ""
    message: str = ""
    rule: str | None = None


class ToolCallSettled(ToolCallChanged):
    """How an unknown outcome was settled: `verdict`, and by whom (None: the tool's reconcile)."""

    verdict: str
    by: str | None = None


class ApprovalRequested(ToolCallChanged):
    """`rule` names what asked, `why` says why in words that quote no arguments; the whole reason stands in the row."""

    request: UUID
    rule: str
    why: str | None = None
    expires_at: Moment | None = None
    supersedes: UUID | None = None


class ApprovalDecided(ToolCallChanged):
    """`reason` is the system's own, of a withdrawal. What people write stands in the decision alone.

    `on_behalf_of`: whose decision it was, by a delegation.
    """

    request: UUID
    by: str | None = None
    reason: str = ""
    on_behalf_of: str | None = None


class ApprovalEndorsed(ApprovalDecided):
    """`have` of `quorum` have said yes at this stage; stages are counted from 1."""

    stage: int
    stages: int
    have: int
    quorum: int


class ApprovalReassigned(ToolCallChanged):
    """`by` handed it to `to`."""

    request: UUID
    by: str | None = None
    to: str


class ApprovalEscalated(ToolCallChanged):
    """From now on those with this permission, in this group, may decide as well."""

    request: UUID
    permission: str = ""
    group: str = ""


class InputRequested(Payload):
    request: UUID
    step: int
    expires_at: Moment | None = None


class InputDecided(Payload):
    request: UUID
    by: str | None = None


class MessageProduced(Payload):
    step: int


class BudgetChanged(Payload):
    """The run's own budget per `period` from now on; what is left out has no limit. Money is USD as a string."""

    by: str | None = None
    period: str
    steps: int | None = None
    tool_calls: int | None = None
    tokens: int | None = None
    money: str | None = None
    ends_at: Moment | None = None


class BudgetReserved(Payload):
    """For one attempt at a turn of the LLM: estimated tokens, and USD as a string."""

    step: int
    attempt: int
    tokens: int
    money: str


class BudgetSettled(BudgetReserved):
    """What the attempt came to. `state`: settled (by the provider's word), released (nothing was spent) or kept (it is
    not known, so all that was reserved counts as spent); `note` says why."""

    state: str
    note: str = ""


class BudgetExceeded(Payload):
    """Whose budget has not enough left, and of what. Amounts are strings, money in USD; `kind` may be `time`."""

    scope: str
    period: str
    kind: str
    limit: str
    spent: str
    reserved: str
    wanted: str


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
    _T.STEP_COMPLETED: EventKind(StepChanged, "a step's outcome was recorded"),
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
    _T.INPUT_REQUESTED: EventKind(InputRequested, "the user is asked a question"),
    _T.INPUT_ANSWERED: EventKind(InputDecided, "the user answered"),
    _T.INPUT_EXPIRED: EventKind(InputDecided, "the time to answer ran out"),
    _T.INPUT_WITHDRAWN: EventKind(InputDecided, "the question no longer matters"),
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
