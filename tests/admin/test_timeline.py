"""The timeline's words for what seldom happens."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils.html import strip_tags

from agents_app import Agent, Knowledge
from agents_app.core.events import EventType
from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError
from agents_app.models import AgentContext, AgentEvent, ApprovalRequest, Decision, ToolCall
from agents_app.services import cancel_run, start_run
from agents_app.testing import fails, move_time, raw_call
from agents_app.transitions import change, runs
from tests.admin.conftest import page_of
from tests.admin.till import Till


def page(client: Any, run: Any) -> str:
    text: str = client.get(page_of(run)).content.decode()
    return text[text.index("What happened") :]


def test_an_llm_that_fails_once(as_: Any, till: Any, people: Any) -> None:
    error = LLMError("The provider is busy.", code="overloaded", transient=True)
    till.scripted_llm(Till, fails(1, error, "Hello."))
    run = start_run("till", "anything", user=people["customer"])
    till.run_until_idle()
    text = page(as_("reader"), run)
    assert "The LLM did not reply" in text
    assert "The provider is busy. (overloaded)" in text
    assert "Continues later" in text
    with move_time(3600):
        till.run_until_idle()
    text = page(as_("reader"), run)
    assert text.index("The LLM did not reply") < text.index("attempt 2") < text.index("The run completed")


class Away:
    def retrieve(self, query: str, *, user: Any, top_k: int) -> Any:
        raise RuntimeError("bm25.example.org is gone")


class Careful(Agent[str]):
    """Says nothing that it has not looked up."""

    name = "careful"
    knowledge = Knowledge(retriever=Away, on_error="fail")


def test_an_llm_that_is_not_asked_because_knowledge_is_away(as_: Any, till: Any, people: Any) -> None:
    with registry.override(Careful):
        run = start_run("careful", "anything", user=people["customer"])
        till.run_until_idle()
        text = page(as_("reader"), run)
    assert "The LLM was not asked" in text
    assert "Knowledge was not searched" in text
    assert "Knowledge could not be searched (RuntimeError); see the log. (knowledge_unavailable)" in text
    assert "What was sent" not in text
    assert "bm25.example.org" not in text


def test_what_became_of_memory(as_: Any, run_of: Any) -> None:
    run = run_of("hello")
    context = AgentContext.objects.get(pk=run.id)
    AgentEvent.objects.create(
        context=context,
        sequence=context.version + 1,
        type=EventType.MEMORY_UPDATED,
        at=context.status_at,
        data={"what": "working", "act": "forgotten", "key": "4711", "where": "session", "by_step": 1, "by": None},
    )
    text = " ".join(strip_tags(page(as_("viewer"), run)).split())
    assert re.search(r"Memory changed .{0,40}working memory · forgotten · 4711", text)


def test_nobody_decides_or_answers_in_time(as_: Any, run_of: Any, till: Any, settings: Any) -> None:
    limits = {"APPROVAL_EXPIRES_SECONDS": 60, "INPUT_EXPIRES_SECONDS": 60}
    settings.AGENTS_APP = {**settings.AGENTS_APP, **limits}
    undecided, unanswered = run_of("refund"), run_of("ask")
    with move_time(120):
        till.run_until_idle()
    assert "Nobody decided about refund in time" in page(as_("viewer"), undecided)
    assert "Nobody answered in time" in page(as_("viewer"), unanswered)


@pytest.mark.parametrize("name", ["viewer", "reader"])
def test_a_cancelled_run(as_: Any, run_of: Any, people: Any, name: str) -> None:
    refund, ask = run_of("refund"), run_of("ask")
    for run in (refund, ask):
        cancel_run(run.id, by=people["lead"], reason="enough")
    text = page(as_(name), refund)
    told_in_order = (
        "<strong>lead</strong> cancelled the run",
        "enough",
        "was withdrawn",
        "refund was not made",
        "ended: cancelled",
    )
    places = [text.index(words) for words in told_in_order]
    assert places == sorted(places)
    assert "The question was withdrawn" in page(as_(name), ask)


def test_a_lost_worker_and_a_pause_by_the_system(as_: Any, run_of: Any) -> None:
    run = run_of("refund")
    with change(run.id) as edit:
        runs.recover(edit)
        runs.pause(edit, by="", reason="five workers died with it")
    text = page(as_("viewer"), run)
    assert "A worker was lost" in text
    assert "<strong>The system</strong> paused the run" in text
    assert "five workers died with it" in text
    assert "Paused by the system: five workers died" in as_("viewer").get(page_of(run)).content.decode()


def test_a_call_that_cannot_be_made(as_: Any, till: Any, people: Any) -> None:
    till.scripted_llm(Till, raw_call("look", '{"where": 2}'), "Well.")
    run = start_run("till", "anything", user=people["customer"])
    till.run_until_idle()
    text = page(as_("reader"), run)
    assert "look is not made" in text
    assert "where" in text
    assert "look is not made" in page(as_("viewer"), run)


def test_a_tool_that_failed_or_is_tried_again(as_: Any, run_of: Any) -> None:
    run = run_of("look")
    started = AgentEvent.objects.get(context_id=run.id, type=EventType.TOOL_CALL_STARTED)
    ended = AgentEvent.objects.get(context_id=run.id, type=EventType.TOOL_CALL_SUCCEEDED)
    call = ToolCall.objects.get()
    for kind, words in (
        (EventType.TOOL_CALL_FAILED, "look failed"),
        (EventType.TOOL_CALL_READY, "look did not finish; it is tried again"),
    ):
        ToolCall.objects.filter(pk=call.pk).update(error_code="raised", error="It <b>broke</b>.")
        AgentEvent._base_manager.filter(pk=ended.pk).update(type=kind, data={**started.data, "code": "raised"})
        text = page(as_("reader"), run)
        assert words in text
        assert "It &lt;b&gt;broke&lt;/b&gt;. (raised)" in text
        text = page(as_("viewer"), run)
        assert words in text
        assert "broke" not in text
        assert "raised" in text
    AgentEvent._base_manager.filter(pk=ended.pk).delete()
    assert "look is running" in page(as_("viewer"), run)


def test_a_postponed_call(as_: Any, run_of: Any) -> None:
    run = run_of("refund")
    context = AgentContext.objects.get(pk=run.id)
    call = ToolCall.objects.get()
    data = {"call": str(call.pk), "number": 1, "tool": "refund"}
    for offset, (kind, extra) in enumerate(
        [
            (EventType.TOOL_CALL_READY, {"code": "postponed", "message": "a twin is of unknown outcome"}),
            (EventType.TOOL_CALL_UNKNOWN, {"code": "reconcile_cannot_tell"}),
        ],
        start=1,
    ):
        AgentEvent.objects.create(
            context=context,
            sequence=context.version + offset,
            type=kind,
            at=context.status_at + timedelta(seconds=offset),
            data={**data, **extra},
        )
    text = page(as_("viewer"), run)
    assert "refund is postponed" in text
    assert "a twin is of unknown outcome" in text
    assert "a person must say what became of it" in text


def test_decisions_without_a_name(as_: Any, run_of: Any, people: Any, till: Any) -> None:
    """Deleting a person keeps what they decided, and their name."""
    run = run_of("refund")
    till.approve_pending(run, by=people["approver"])
    till.run_until_idle()
    people["approver"].delete()
    assert Decision.objects.get().user is None
    assert "<strong>approver</strong> approved refund" in page(as_("reader"), run)
    assert "approver" in as_("reader").get(page_of(ApprovalRequest.objects.get())).content.decode()
    assert run.again().status == RunStatus.COMPLETED


def test_only_the_newest_events_of_a_very_long_run_are_shown(
    as_: Any, run_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of("look")
    for module in ("run_rows", "run_page"):
        monkeypatch.setattr(f"agents_app.admin.{module}.EVENTS_SHOWN", 3)
    text = page(as_("reader"), run)
    assert "Only the newest events are shown." in text
    assert text.count('class="aa-entry') <= 3
    assert "The run completed" in text
