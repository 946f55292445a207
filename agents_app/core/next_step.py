"""What `decide` may answer."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CallLLM:
    """Ask the LLM for its next turn."""


@dataclass(frozen=True, slots=True)
class RunTools:
    """Judge these calls at the gate and start those that may, in this order."""

    calls: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Ask the tool whether this call of unknown outcome happened."""

    call: UUID


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be opened now: somebody or something else acts next."""


@dataclass(frozen=True, slots=True)
class Complete:
    """The run ends with the last turn's answer."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The run ends without an answer. `code` is stable, `message` a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """The run ends because somebody asked for it."""


NextStep = CallLLM | RunTools | Reconcile | Wait | Complete | Fail | Cancel
