"""Every event has a payload model and a line of documentation; payloads hold no content."""

import re
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from agents_app.core.event_payloads import Payload, RunScheduled
from agents_app.core.events import EVENTS, EventType


@pytest.mark.parametrize("event", EventType)
def test_every_event_has_a_payload_and_a_meaning(event: EventType) -> None:
    kind = EVENTS[event]
    assert issubclass(kind.payload, Payload)
    assert kind.meaning.strip()
    assert not kind.meaning.endswith(".")
    assert re.fullmatch(r"(run|step|tool_call|approval|grant|input|message|budget|memory|retrieval)\.[a-z_]+", event)


def test_nothing_else_is_described() -> None:
    assert set(EVENTS) == set(EventType)


@pytest.mark.parametrize(
    "payload", dict.fromkeys(kind.payload for kind in EVENTS.values()), ids=lambda each: each.__name__
)
def test_payloads_name_rows_and_hold_no_content(payload: type[Payload]) -> None:
    assert not {"arguments", "result", "input", "output", "text", "answer", "question"} & set(payload.model_fields)


def test_a_payload_takes_no_more_than_it_declares() -> None:
    with pytest.raises(ValidationError):
        RunScheduled(due_at=datetime.now(UTC), reason="x", arguments="{}")  # type: ignore[call-arg]


def test_moments_are_written_with_and_without_offset() -> None:
    # Projects without USE_TZ have naive moments.
    naive = RunScheduled(due_at=datetime(2026, 1, 1), reason="r").model_dump(mode="json")  # noqa: DTZ001
    aware = RunScheduled(due_at=datetime(2026, 1, 1, tzinfo=UTC), reason="r").model_dump(mode="json")
    assert naive["due_at"] == "2026-01-01T00:00:00"
    assert aware["due_at"] == "2026-01-01T00:00:00Z"
