"""`Agent`, the class that an author subclasses in an app's `agents.py`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal

from typing_extensions import TypeVar

from agents_app.core.budgets import Budget
from agents_app.core.policy import Rule
from agents_app.definitions.code_change import OnCodeChange
from agents_app.definitions.knowledge import Knowledge
from agents_app.definitions.memory import Memory
from agents_app.definitions.tool_context import ToolContext
from agents_app.definitions.tools import ToolOwner, ToolSource

Answer = TypeVar("Answer", default=str)


class Agent(ToolOwner, Generic[Answer]):
    """Subclass it, give it a name, instructions and tools, and put `@register` on it.

    `Agent[Reply]` answers with a `Reply`, `Agent[str]` with plain text. The docstring is the description that people
    read. Agents are stateless: every call has a new instance, made without arguments.
    """

    name: ClassVar[str]
    """Stored in rows. If it changes, the old name goes into `formerly`."""
    formerly: ClassVar[Sequence[str]] = ()
    version: ClassVar[str] = "1"
    """Stored in rows; `@migrates` leads from one to the next."""
    on_code_change: ClassVar[OnCodeChange] = "continue"
    """What becomes of a run that wakes under other code than it started with: "continue" if the calls it still has fit
    (else as "ask"), "ask" a person, or "fail"."""
    abstract: ClassVar[bool] = False
    """True on a base class of agents. It is not inherited."""

    llm: ClassVar[str | None] = None
    """An alias from AGENTS_APP["LLMS"] or "provider:name"; None is AGENTS_APP["DEFAULT_LLM"]."""
    fallback_llms: ClassVar[Sequence[str]] = ()
    """LLMs that are asked, in this order, when `llm` is down or lets the run wait for long."""
    instructions: ClassVar[str] = ""
    temperature: ClassVar[float | None] = None
    llm_timeout: ClassVar[float] = 60.0
    """Seconds for one call of the LLM."""

    max_steps: ClassVar[int] = 20
    """LLM turns and tool calls, counted together."""
    timeout: ClassVar[float | None] = None
    """Seconds of wall time, without the time spent waiting for people; None for no limit."""

    max_tokens: ClassVar[int | None] = None
    """The longest reply that is asked of the LLM; None leaves it to the LLM (or its alias)."""
    budget: ClassVar[Budget | None] = None
    """What one run may spend; a start may narrow it."""
    priority: ClassVar[Literal["high", "normal", "low"]] = "normal"
    """Of its runs, unless `start_run` says otherwise: which are taken first when more is due than workers can drive."""
    max_running: ClassVar[int | None] = None
    """How many of its runs are driven at once, over all processes; None for no limit. Runs that wait do not count."""
    max_running_per_session: ClassVar[int | None] = None
    """The same for the runs of one session: 1 has them one after the other. None is the setting of this name."""

    memory: ClassVar[Memory | None] = None
    """What it remembers of earlier runs: `Memory(conversation=True)`. None: each run begins with nothing."""
    knowledge: ClassVar[Knowledge | Sequence[Knowledge] | None] = None
    """What it may look up: `Knowledge("handbook")`, or several."""

    policy: ClassVar[Sequence[Rule]] = ()
    """Rules on calls of its tools, beside the tools' own and those that staff keep."""
    tools: ClassVar[Sequence[ToolSource]] = ()
    """Functions and toolsets, beside the methods with `@tool`."""
    ask_user: ClassVar[bool] = True
    """Whether the LLM may ask the run's user."""
    metadata: ClassVar[Mapping[str, Any]] = {}
    """JSON values for the project's own use."""

    def get_instructions(self, context: ToolContext) -> str:
        """The instructions of this very run; override it when they depend on the user, the subject or the time."""
        return self.instructions
