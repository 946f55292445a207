"""What hides, turns around or pretends is made visible on every page, not only where one decides."""

import re
from typing import Any

import pytest
from django.db.models import QuerySet

from agents_app.models import AgentEvent, ApprovalRequest, Decision, InputRequest, RunDetails, ToolCall
from agents_app.services import reject
from agents_app.testing import calls
from tests.admin.conftest import call_of, list_of, page_of, question_of, request_of
from tests.admin.test_approvals import approve_by
from tests.admin.till import PLANS

TRICK = "fri\u0435nds\u202e evil\u200b"
RAW = {"\u202e", "\u200b"}
SHOWN = "⟨U+202E⟩"


def text_of(client: Any, address: str) -> str:
    """The page without what stands in fields of forms, which hold values as they are."""
    page = client.get(address)
    assert page.status_code == 200, address
    without = re.sub(r"<textarea.*?</textarea>|<input[^>]*>", "", page.content.decode(), flags=re.S)
    return re.sub(r"<p class=\"aa-help aa-before\" data-before hidden>.*?</p>", "", without, flags=re.S)


def rewrite(rows: Any, **fields: Any) -> None:
    """Behind everybody's back, also what is append-only."""
    QuerySet(rows.model).filter(pk__in=list(rows.values_list("pk", flat=True))).update(**fields)


def test_a_question_of_the_agent(as_: Any, run_of: Any) -> None:
    run = run_of("ask")
    rewrite(InputRequest.objects.all(), question=TRICK)
    client = as_("lead")
    for address in (page_of(question_of(run)), list_of("inputrequest"), page_of(run)):
        text = text_of(client, address)
        assert SHOWN in text, address
        assert not RAW & set(text), address
    assert "Look twice." in text_of(client, page_of(question_of(run)))


def test_a_run_that_waits_and_what_it_was_asked(as_: Any, run_of: Any) -> None:
    run = run_of("refund")
    rewrite(ApprovalRequest.objects.all(), summary=TRICK, reason=TRICK)
    rewrite(RunDetails.objects.all(), input=TRICK)
    client = as_("lead")
    for address in (page_of(run), list_of("agentcontext"), list_of("approvalrequest")):
        text = text_of(client, address)
        assert SHOWN in text, address
        assert not RAW & set(text), address


def test_why_a_call_was_not_made(as_: Any, run_of: Any, people: Any) -> None:
    run = run_of("refund")
    reject(request_of(run).pk, by=people["lead"], reason=TRICK)
    rewrite(ToolCall.objects.filter(pk=call_of(run).pk), note=TRICK)
    client = as_("lead")
    for address in (page_of(call_of(run)), page_of(run)):
        assert not RAW & set(text_of(client, address)), address
    assert SHOWN in text_of(client, page_of(run))
    assert text_of(client, page_of(call_of(run))).count(SHOWN) >= 2


def test_what_somebody_changed_and_why(as_: Any, run_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at a decision later sees what was odd in it."""
    monkeypatch.setitem(PLANS, "trick", [calls("refund", group=TRICK, amount="120"), "Refunded."])
    run = run_of("trick")
    request = request_of(run)
    client = as_("approver")
    answer = approve_by(client, request, group="friends", amount="60")
    assert answer.status_code == 302, answer.content.decode()
    rewrite(Decision.objects.all(), reason=TRICK)
    for address in (page_of(request), page_of(run)):
        text = text_of(client, address)
        assert "<del>fri<mark" in text, address
        assert not RAW & set(text), address


def test_why_others_were_refused(as_: Any, run_of: Any, people: Any) -> None:
    first, second = request_of(run_of("refund")), request_of(run_of("refund"))
    reject(first.pk, by=people["second"], reason=TRICK)
    text = text_of(as_("approver"), page_of(second))
    assert SHOWN in text
    assert not RAW & set(text)


def test_an_event(as_: Any, run_of: Any) -> None:
    run = run_of("refund")
    event = AgentEvent.objects.filter(context_id=run.id).latest("sequence")
    rewrite(AgentEvent.objects.filter(pk=event.pk), data={**event.data, "note": TRICK})
    text = text_of(as_("lead"), page_of(event))
    assert SHOWN in text
    assert not RAW & set(text)
