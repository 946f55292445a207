"""Every event can be told."""

from typing import Any

import pytest

from agents_app.core.events import EVENTS, EventType
from agents_app.management.sentences import SENTENCES, STYLES, sentence

SILENT = {
    EventType.STEP_COMPLETED,
    EventType.TOOL_CALL_READY,
    EventType.BUDGET_RESERVED,
    EventType.BUDGET_SETTLED,
}


@pytest.mark.parametrize("event", EventType)
def test_every_event_has_a_sentence_that_its_payload_fills(event: EventType) -> None:
    fields = EVENTS[event].payload.model_fields
    data: dict[str, Any] = {name: f"<{name}>" for name in fields}
    if "due_at" in fields:
        data["due_at"] = "2026-11-20T12:00:00Z"
    data |= {"attempt": 1} if "attempt" in fields else {}
    data |= {"kind": "think"} if "kind" in fields else {}
    text = sentence(event, data)
    assert bool(text) == (event not in SILENT)
    assert "{" not in text
    assert not text.endswith((": ", "()"))


def test_every_event_is_in_the_table() -> None:
    assert set(SENTENCES) == set(EventType)
    assert set(STYLES) <= set(EventType)


@pytest.mark.parametrize(
    ("event", "data", "text"),
    [
        (EventType.STEP_STARTED, {"number": 2, "kind": "use_tool", "attempt": 1}, ""),
        (EventType.STEP_STARTED, {"number": 2, "kind": "think", "attempt": 3}, "step 2: think, attempt 3"),
        (EventType.TOOL_CALL_STARTED, {"tool": "refund", "attempt": 2}, "calls refund, attempt 2"),
        (EventType.RUN_PAUSED, {"reason": ""}, "paused by the system"),
        (EventType.RUN_PAUSED, {"by": "lead", "reason": "audit"}, "paused by lead: audit"),
        (EventType.RUN_WAITING, {"status": "waiting_for_approval"}, "is waiting for approval"),
        (
            EventType.RETRIEVAL_COMPLETED,
            {"query": "x", "error": "ValueError"},
            "could not look anything up (ValueError)",
        ),
        (
            EventType.RETRIEVAL_COMPLETED,
            {"query": "x", "collections": ["handbook", "prices"], "ids": ["1", "2"], "mode": "fused"},
            "searched handbook, prices: 2 passages",
        ),
        (
            EventType.RETRIEVAL_COMPLETED,
            {"query": "x", "collections": ["handbook"], "ids": ["1"], "mode": "text", "error": "llm_timeout"},
            "searched handbook: 1 passage, by words alone (llm_timeout)",
        ),
        (
            EventType.RETRIEVAL_COMPLETED,
            {"query": "x", "collections": [], "ids": [], "mode": ""},
            "searched nothing that its user may see: no passages",
        ),
        (
            EventType.RETRIEVAL_COMPLETED,
            {"query": "x", "collections": [], "ids": ["b"], "mode": "retriever"},
            "searched with its own retriever: 1 passage",
        ),
        (EventType.MEMORY_UPDATED, {"what": "briefing", "error": "OSError"}, "memory: briefing failed (OSError)"),
        (EventType.MEMORY_UPDATED, {"what": "fact", "key": "pet"}, "memory: fact pet"),
        (EventType.MEMORY_UPDATED, {"what": "fact", "act": "forgotten", "key": "7"}, "memory: fact 7 forgotten"),
        (EventType.APPROVAL_REJECTED, {"by": None, "tool": "refund"}, "the system rejected refund"),
    ],
)
def test_sentences(event: EventType, data: dict[str, Any], text: str) -> None:
    assert sentence(event, data) == text
