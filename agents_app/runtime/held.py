"""A run that this process holds, and the acts that are open in it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from agents_app.conf import conf
from agents_app.core.briefing import Briefing
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.selectors.transcript import TranscriptRows
from agents_app.transitions import OpenRows
from agents_app.transitions.claims import Claim
from agents_app.transitions.llms import Permit
from agents_app.transitions.steps import MARGIN_SECONDS

QUIET_SECONDS = 120.0
"""How long a run may be held while nothing is open in it: far more than any database work takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ThinkAct:
    """Ask the LLM: this step, this attempt."""

    step_id: UUID
    number: int
    attempt: int
    timeout: float
    permit: Permit


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolAct:
    """Call the tool: this call, this attempt."""

    call_id: UUID
    attempt: int
    tool: ToolSpec
    timeout: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconcileAct:
    """Ask the tool's reconcile about this call: about this attempt and those before."""

    call_id: UUID
    attempt: int
    tool: ToolSpec
    timeout: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SleepAct:
    """Keep the run for the short time until it goes on."""

    timeout: float


Act = ThinkAct | ToolAct | ReconcileAct | SleepAct


@dataclass(kw_only=True, eq=False)
class Held:
    """A claimed run in this process.

    `rows` is what was known after the last change. `renewed` is the monotonic moment of the last sign of life that
    the database took, `granted` for how many seconds it was. `inline`: driven on the caller's thread, without
    heartbeat. `unjudged`: an atomic call has settled itself and left calls for the gate, which has to be asked outside
    of its transaction. `permit`: what the gate in front of the LLM said, until the turn is opened. `briefing`: what
    memory and knowledge said, if they were asked (`briefing_is_new`: and it is not stored yet); `unbriefed`: they are
    not to be asked. `sent`: what the step keeps of its last request. `serves`: of an internal run
    the agent whose memory it sees to.
    """

    claim: Claim
    definition: AgentDefinition
    inline: bool
    rows: OpenRows | None = None
    first_look: bool = True
    draining: bool = False
    lost: bool = False
    renewed: float = field(default_factory=time.monotonic)
    granted: float = field(default_factory=lambda: conf.LEASE_SECONDS)
    on_news: Callable[[], None] = lambda: None
    cancel_requested: bool = False
    asking: set[UUID] = field(default_factory=set)
    unjudged: bool = False
    permit: Permit | None = None
    briefing: Briefing | None = None
    briefing_is_new: bool = False
    unbriefed: bool = False
    sent: dict[str, Any] | None = None
    serves: AgentDefinition | None = None
    ends: dict[Act, float] = field(default_factory=dict)
    quiet_since: float = field(default_factory=time.monotonic)
    _transcript: tuple[OpenRows, TranscriptRows] | None = None

    def transcript(self) -> TranscriptRows | None:
        """The rows of the conversation, if they are known as of `rows`."""
        known, rows = self._transcript, self.rows
        return known[1] if known is not None and known[0] is rows else None

    def remember(self, transcript: TranscriptRows) -> None:
        """These are the rows of the conversation as of `rows`."""
        self._transcript = None if self.rows is None else (self.rows, transcript)

    @property
    def run_id(self) -> UUID:
        """Its run."""
        return self.claim.run_id

    def open(self, act: Act) -> None:
        """Note when this act's time is over."""
        self.ends[act] = time.monotonic() + act.timeout + MARGIN_SECONDS

    def late(self, act: Act) -> bool:
        """Whether the act can no longer begin: begun now it might outlast the lease, and what reconcile waits for."""
        return act in self.ends and self.ends[act] - time.monotonic() < act.timeout

    def close(self, act: Act) -> None:
        """The act has ended."""
        self.ends.pop(act, None)
        self.quiet_since = time.monotonic()

    def lease_seconds(self) -> float:
        """How long the lease should last from now: never past the end of what is open, so that a process whose
        calls all hang does not hold its run for ever; nor one that hangs in a rule of the author's."""
        end = max(self.ends.values()) if self.ends else self.quiet_since + QUIET_SECONDS
        return max(min(conf.LEASE_SECONDS, end - time.monotonic()), 0.0)

    def lease_holds(self) -> bool:
        """Whether the lease surely still runs. The monotonic clock also counts while the process is stopped."""
        return self.inline or (not self.lost and time.monotonic() - self.renewed < self.granted)
