"""The statuses, kinds and effects that rows carry. Names may be added, never renamed."""

from enum import StrEnum


class RunStatus(StrEnum):
    """What a run is doing, for people. Who must act, and when, is `due_at`."""

    IDLE = "idle"
    THINKING = "thinking"
    USING_TOOL = "using_tool"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    WAITING_FOR_INPUT = "waiting_for_input"
    SCHEDULED = "scheduled"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


ENDED = frozenset({RunStatus.COMPLETED, RunStatus.CANCELLED, RunStatus.FAILED})
"""A run with one of these statuses has ended; `failed` alone can be retried by a person."""

WAITING_FOR_PEOPLE = frozenset({RunStatus.WAITING_FOR_APPROVAL, RunStatus.WAITING_FOR_INPUT, RunStatus.PAUSED})
"""Time spent in one of these does not count toward the agent's `timeout`."""


class StepKind(StrEnum):
    """What a step did."""

    THINK = "think"
    USE_TOOL = "use_tool"
    ASK_USER = "ask_user"
    RESPOND = "respond"
    WAIT = "wait"
    COMPLETE = "complete"


COUNTED_STEPS = frozenset({StepKind.THINK, StepKind.USE_TOOL})
"""The kinds that `max_steps` counts."""


class StepStatus(StrEnum):
    STARTED = "started"
    COMPLETED = "completed"
    FAILED = "failed"


class ToolCallStatus(StrEnum):
    PROPOSED = "proposed"
    AWAITING_APPROVAL = "awaiting_approval"
    READY = "ready"
    STARTED = "started"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


SETTLED = frozenset(
    {ToolCallStatus.SUCCEEDED, ToolCallStatus.FAILED, ToolCallStatus.REJECTED, ToolCallStatus.CANCELLED}
)
"""A tool call with one of these statuses is over; the LLM may be told how it went."""


class ApprovalStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SENT_BACK = "sent_back"
    WITHDRAWN = "withdrawn"


class InputStatus(StrEnum):
    PENDING = "pending"
    ANSWERED = "answered"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Effect(StrEnum):
    """What repeating a tool call would do; the promise of the tool's author."""

    READ = "read"
    IDEMPOTENT = "idempotent"
    ATOMIC = "atomic"
    EXTERNAL = "external"


class Verdict(StrEnum):
    """One person's word in a decision: on an approval request, or on a call of unknown outcome.

    `endorsed` is a yes that others still have to join; `approved` the one that lets the call start.
    """

    APPROVED = "approved"
    ENDORSED = "endorsed"
    EDITED = "edited"
    REJECTED = "rejected"
    SENT_BACK = "sent_back"
    HAPPENED = "happened"
    TRY_AGAIN = "try_again"
    GIVE_UP = "give_up"


YES_VERDICTS = (Verdict.APPROVED, Verdict.ENDORSED)
"""Both are a person's yes."""
