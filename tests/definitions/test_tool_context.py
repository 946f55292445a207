"""A context tells about the run while its call lasts, and nothing afterwards."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from agents_app import ToolContext, tool_context
from agents_app.exceptions import ToolContextClosed

PROPERTIES = [name for name, value in vars(ToolContext).items() if isinstance(value, property)]


def test_it_tells_what_it_was_given() -> None:
    run_id, call_id, deadline, user = uuid4(), uuid4(), datetime(2026, 1, 2, tzinfo=UTC), object()
    context = ToolContext(
        run_id=run_id,
        agent="support",
        call_id=call_id,
        tool="refund",
        user=user,
        session="s",
        metadata={"a": 1},
        idempotency_key="k",
        attempt=2,
        deadline=deadline,
    )
    assert (context.run_id, context.agent, context.call_id, context.tool) == (run_id, "support", call_id, "refund")
    assert (context.user, context.session, context.metadata, context.subject) == (user, "s", {"a": 1}, None)
    assert (context.idempotency_key, context.attempt, context.deadline) == ("k", 2, deadline)


def test_the_subject_is_loaded_once_and_late() -> None:
    loads: list[str] = []

    def load() -> str:
        loads.append("load")
        return "order"

    context = ToolContext(run_id=uuid4(), agent="support", load_subject=load)
    assert loads == []
    assert [context.subject, context.subject] == ["order", "order"]
    assert loads == ["load"]


def test_there_are_properties_to_close() -> None:
    assert {"run_id", "call_id", "user", "subject", "idempotency_key"} <= set(PROPERTIES)


@pytest.mark.parametrize("name", PROPERTIES)
def test_after_its_time_it_says_nothing(name: str) -> None:
    context = tool_context(tool="refund", subject="order")
    getattr(context, name)
    context.close()
    with pytest.raises(ToolContextClosed, match="refund"):
        getattr(context, name)


def test_for_unit_tests() -> None:
    context = tool_context(user="ann", subject="order", idempotency_key=None)
    assert (context.user, context.subject, context.idempotency_key, context.attempt) == ("ann", "order", None, 1)


@pytest.mark.parametrize(
    ("event", "payload"),
    [("run.completed", {}), ("approval.approved", {}), ("nonsense", {}), ("memory.updated", {"odd": 1})],
)
def test_a_tool_cannot_tell_what_is_not_its_own_to_tell(event: str, payload: dict[str, Any]) -> None:
    context = tool_context()
    with pytest.raises(ValueError, match=r"tell|odd"):
        context.tell(event, payload)
    assert context.told == ()
