"""What a tool, a hook or an agent's `get_instructions` may know about the run it serves."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from agents_app.core.events import EVENTS, EventType
from agents_app.exceptions import ToolContextClosed

TOLD_BY_TOOLS = (EventType.MEMORY_UPDATED, EventType.RETRIEVAL_COMPLETED)
"""The rest of the record is written by those who know that it is so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Facts:
    run_id: UUID
    agent: str
    call_id: UUID | None
    tool: str
    user: Any
    session: str | None
    metadata: Mapping[str, Any]
    idempotency_key: str | None
    attempt: int
    deadline: datetime | None
    load_subject: Callable[[], Any] | None


class ToolContext:
    """The run around one call. It dies with the call's time: after `close()` every property raises
    ToolContextClosed, so that an abandoned thread cannot go on acting in the run's name."""

    def __init__(
        self,
        *,
        run_id: UUID,
        agent: str,
        call_id: UUID | None = None,
        tool: str = "",
        user: Any = None,
        session: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        attempt: int = 1,
        deadline: datetime | None = None,
        load_subject: Callable[[], Any] | None = None,
    ) -> None:
        self._facts = _Facts(
            run_id=run_id,
            agent=agent,
            call_id=call_id,
            tool=tool,
            user=user,
            session=session,
            metadata=dict(metadata or {}),
            idempotency_key=idempotency_key,
            attempt=attempt,
            deadline=deadline,
            load_subject=load_subject,
        )
        self._closed = False
        self._subject: list[Any] = []
        self._told: list[tuple[str, Mapping[str, Any]]] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """The call's time is over: from now on every property raises ToolContextClosed."""
        self._closed = True

    def tell(self, event: str, payload: Mapping[str, Any]) -> None:
        """Have this event recorded in the run's timeline, together with the call's outcome, if the tool returns; if it
        only reads, also if it raises.

        Only what a tool may know can be told: `memory.updated` and `retrieval.completed`. Raises ValueError for any
        other, and for a payload that does not fit: here, and not when the call's outcome is recorded.
        """
        self._open()
        if event not in TOLD_BY_TOOLS:
            raise ValueError(f"A tool cannot tell of {event!r}; it can of {' and '.join(TOLD_BY_TOOLS)}.")
        EVENTS[EventType(event)].payload(**payload)
        self._told.append((event, payload))

    @property
    def told(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """What the tool has told so far."""
        self._open()
        return tuple(self._told)

    def _open(self) -> _Facts:
        if self._closed:
            raise ToolContextClosed(
                f"The time of tool “{self._facts.tool}” is over; its context can no longer be used."
            )
        return self._facts

    @property
    def run_id(self) -> UUID:
        """The run's id, which is also its context's primary key."""
        return self._open().run_id

    @property
    def agent(self) -> str:
        """The agent's name."""
        return self._open().agent

    @property
    def call_id(self) -> UUID | None:
        """The tool call's id; None while instructions are written."""
        return self._open().call_id

    @property
    def tool(self) -> str:
        """The tool's name; empty while instructions are written."""
        return self._open().tool

    @property
    def user(self) -> Any:
        """The run's user, None for a run without one."""
        return self._open().user

    @property
    def session(self) -> str | None:
        """The key of the run's session, None for a run without one."""
        return self._open().session

    @property
    def subject(self) -> Any:
        """The object that the run is about, read from the database at the first use; None without one."""
        load = self._open().load_subject
        if load is None:
            return None
        with self._lock:
            if not self._subject:
                self._subject.append(load())
            return self._subject[0]

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What was given to `start_run` as `metadata`."""
        return self._open().metadata

    @property
    def idempotency_key(self) -> str | None:
        """The same for every attempt of this call, and no other's; None before the call's first start."""
        return self._open().idempotency_key

    @property
    def attempt(self) -> int:
        """1 for the first attempt."""
        return self._open().attempt

    @property
    def deadline(self) -> datetime | None:
        """When this attempt's time is over."""
        return self._open().deadline


def tool_context(
    *,
    run_id: UUID | None = None,
    agent: str = "test",
    call_id: UUID | None = None,
    tool: str = "test",
    user: Any = None,
    session: str | None = None,
    subject: Any = None,
    metadata: Mapping[str, Any] | None = None,
    idempotency_key: str | None = "test-key",
    attempt: int = 1,
    deadline: datetime | None = None,
) -> ToolContext:
    """A context for unit tests of tools and hooks: `SupportAgent().refund(tool_context(user=user), "A-1001", …)`."""
    return ToolContext(
        run_id=run_id or uuid4(),
        agent=agent,
        call_id=call_id or uuid4(),
        tool=tool,
        user=user,
        session=session,
        metadata=metadata,
        idempotency_key=idempotency_key,
        attempt=attempt,
        deadline=deadline,
        load_subject=lambda: subject,
    )
