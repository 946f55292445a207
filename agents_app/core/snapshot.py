"""What a worker sees of a run at one moment: all that `decide` may look at."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from agents_app.core.status import (
    SETTLED,
    Effect,
    RunStatus,
    StepStatus,
    ToolCallStatus,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ThinkView:
    """The run's last turn of the LLM.

    `held`: the looking claim has this very attempt open. `answered`: the reply was an acceptable answer.
    `exhausted`: it is open, but no further attempt is allowed.
    """

    status: StepStatus
    held: bool = False
    exhausted: bool = False
    answered: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CallView:
    """A tool call that is not settled.

    `held`: the looking claim has started this very attempt. `not_before`: postponed until then.
    `reconcile`: its outcome is unknown and the tool's reconcile is still to be asked. `counted`: it was started
    before, so that another attempt takes no further step.
    """

    id: UUID
    number: int
    effect: Effect
    status: ToolCallStatus
    held: bool = False
    not_before: datetime | None = None
    reconcile: bool = False
    counted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """One run at one moment. Times are database times.

    `timers` are the times at which the clock must act on questions to people. `run_at` holds back the next
    turn of the LLM (a start in the future, a back-off). `deadline_at` is when the agent's `timeout` is over, not
    counting time spent waiting for people; it stands still while the run waits.
    """

    now: datetime
    version: int
    status: RunStatus
    paused: bool = False
    cancel_requested: bool = False
    steps_used: int = 0
    max_steps: int = 20
    run_at: datetime | None = None
    deadline_at: datetime | None = None
    think: ThinkView | None = None
    calls: tuple[CallView, ...] = ()
    open_inputs: int = 0
    timers: tuple[datetime, ...] = ()
    lease_until: datetime | None = None

    @property
    def started(self) -> tuple[CallView, ...]:
        """Calls that are being made."""
        return tuple(call for call in self.calls if call.status is ToolCallStatus.STARTED)

    @property
    def thinking(self) -> bool:
        """Whether the LLM is being called by the looking claim."""
        return self.think is not None and self.think.status is StepStatus.STARTED and self.think.held

    @property
    def answered(self) -> bool:
        """Whether the last turn gave an acceptable answer."""
        return self.think is not None and self.think.status is StepStatus.COMPLETED and self.think.answered

    @property
    def unsettled(self) -> bool:
        """Whether a call or a question is still open, so that the LLM cannot be asked again."""
        return self.open_inputs > 0 or any(call.status not in SETTLED for call in self.calls)
