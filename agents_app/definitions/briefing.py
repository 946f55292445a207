"""The question to memory and knowledge before a run's LLM is asked for the first time."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agents_app.definitions.knowledge import Knowledge
from agents_app.definitions.memory import Memory


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Whose run it is and what was asked, and what the agent wants to be told: `memory` and `knowledge` as they are to
    be used in this run. user_id, session_id: None without. functions: what the agent's LLM may call. first_passage: the
    number of the next passage that is found."""

    run_id: UUID
    agent: str
    user_id: Any
    session_id: UUID | None
    input: str
    memory: Memory | None = None
    knowledge: tuple[Knowledge, ...] = ()
    functions: frozenset[str] = frozenset()
    first_passage: int = 1
