"""What an agent's class resolves to, once per class."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents_app.core.budgets import Budget
from agents_app.core.canonical import JSON, sha256_of
from agents_app.core.priority import Priority
from agents_app.definitions.agent import Agent
from agents_app.definitions.answers import AnswerType
from agents_app.definitions.code_change import Migrations, OnCodeChange
from agents_app.definitions.knowledge import Knowledge
from agents_app.definitions.memory import Memory
from agents_app.definitions.problems import Problem
from agents_app.definitions.tool_context import ToolContext
from agents_app.definitions.tool_spec import ToolSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class AgentDefinition:
    """An agent without errors. Times are seconds; `llm` None means the default.

    `hash` is SHA-256 over `facts`: everything that changes what the agent does, except the code of its functions.
    `migrations`: (from version, to version) → the method that brings a waiting run along.
    """

    name: str
    description: str
    cls: type[Agent[Any]]
    formerly: tuple[str, ...]
    version: str
    llm: str | None
    fallback_llms: tuple[str, ...]
    instructions: str
    temperature: float | None
    llm_timeout: float
    max_steps: int
    timeout: float | None
    max_tokens: int | None
    budget: Budget | None
    tools: Mapping[str, ToolSpec]
    asks_user: bool
    metadata: Mapping[str, Any]
    answer: AnswerType
    hash: str
    facts: Mapping[str, Any]
    on_code_change: OnCodeChange = "continue"
    migrations: Migrations = field(default_factory=dict)
    priority: Priority = Priority.NORMAL
    max_running: int | None = None
    max_running_per_session: int | None = None
    memory: Memory | None = None
    knowledge: tuple[Knowledge, ...] = ()

    @property
    def is_briefed(self) -> bool:
        """Whether memory or knowledge is asked before its LLM."""
        return self.memory is not None or bool(self.knowledge)

    @property
    def briefing_timeout(self) -> float:
        """How long asking them may take at most."""
        memory = 0.0 if self.memory is None else self.memory.timeout
        return memory + max((each.timeout for each in self.knowledge), default=0.0)

    def hash_under(self, name: str) -> str:
        """The hash that this very agent has under another name: a new name alone is no other code."""
        return self.hash if name == self.name else sha256_of({**self.facts, "name": name})

    @property
    def answer_type(self) -> Any:
        """The type of the answer; str for plain text."""
        return self.answer.type

    @property
    def answer_schema(self) -> dict[str, Any] | None:
        """JSON schema of the parameters of `final_answer`; None where plain text is the answer."""
        return self.answer.schema

    def validate_answer(self, answer: Any) -> Any:
        """The LLM's answer (plain text, or the arguments of `final_answer`) as an object. Raises InvalidArguments."""
        return self.answer.validate(answer)

    def dump_answer(self, answer: Any) -> JSON:
        """An answer as JSON values, as it is stored. Raises ValueError or TypeError if it cannot be written."""
        return self.answer.dump(answer)

    def load_answer(self, stored: JSON) -> Any:
        """A stored answer as an object. Raises InvalidArguments if it no longer fits the type."""
        return self.answer.load(stored)

    def instructions_for(self, context: ToolContext) -> str:
        """The instructions of one run; calls the author's `get_instructions`."""
        return self.cls().get_instructions(context)


@dataclass(frozen=True, kw_only=True, slots=True)
class Inspection:
    """What was found in an agent's class: its definition, or what is wrong with it."""

    definition: AgentDefinition | None
    problems: tuple[Problem, ...]
