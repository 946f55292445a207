"""What helps a person to decide: origins of the arguments, deceptive text, the way here, others' decisions."""

import html
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group

from agents_app.admin.request_page import consequences, done_before, in_words
from agents_app.models import AgentStep, ApprovalRequest, Decision, ToolCall
from agents_app.selectors.transcript import TranscriptRows
from agents_app.testing import calls, turn
from tests.admin.conftest import call_of, page_of, request_of
from tests.admin.test_approvals import approve_by, form_of
from tests.admin.till import BILL, PLANS

SPELLED = "Pay 120,00 EUR back to Friends!"
TRICK = "fri\u0435nds\u202e evil\u200b"


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Plan what a run with this input does."""
    return lambda words, *turns: monkeypatch.setitem(PLANS, words, list(turns))


def text_of(client: Any, row: Any) -> str:
    return html.unescape(client.get(page_of(row)).content.decode())


def test_each_argument_says_where_it_came_from_with_the_quotation(as_: Any, run_of: Any, plan: Any) -> None:
    plan(SPELLED, turn("A refund.", [calls("refund", group="friends", amount="120")]), "Refunded.")
    page = text_of(as_("approver"), request_of(run_of(SPELLED)))
    assert "from what the agent was asked" in page
    assert "<mark>120,00</mark> EUR back to Friends!" in page
    assert "<mark>Friends</mark>!" in page
    assert "written by the LLM" not in page


def test_parts_of_which_the_same_is_said_are_told_together(as_: Any, run_of: Any, plan: Any) -> None:
    page = text_of(as_("approver"), request_of(run_of("bill")))
    assert page.count("written by the LLM") == 3, "of the items, the currency and the total"
    items = [{**BILL["items"][0], "what": each} for each in ("Lamp", "Cable")]
    plan("Send me a Cable", calls("bill", **{**BILL, "items": items}), "Written.")
    page = text_of(as_("approver"), request_of(run_of("Send me a Cable")))
    assert "1 › What" in page
    assert "2 › What: from what the agent was asked" in page, "people count from 1"


def test_what_nobody_told_the_llm_is_called_its_own(as_: Any, run_of: Any) -> None:
    page = text_of(as_("approver"), request_of(run_of("refund")))
    assert page.count("written by the LLM") == 2


def test_results_of_tools_are_quoted_with_the_tool(as_: Any, run_of: Any, plan: Any) -> None:
    look, refund = calls("look", what="Order of 120 EUR"), calls("refund", group="friends", amount="120")
    plan("from a result", turn("I look.", [look]), turn("A refund.", [refund]), "Refunded.")
    page = text_of(as_("approver"), request_of(run_of("from a result")))
    assert "from the result of look" in page
    assert "Order of <mark>120</mark> EUR" in page
    assert "It said" in page
    assert "I look." in page
    assert "Order of 120 EUR is there" in page, "what the agent has done before"


def test_a_result_of_values_reads_as_names_and_values() -> None:
    order = {"number": "A-1", "total": "<b>120</b>", "products": ["Kettle", "Tea"]}
    made = ToolCall(tool="look", status="succeeded", result=order, edited=False)
    nested = ToolCall(tool="look", status="succeeded", result={"lines": [{"total": 1}]}, edited=False)
    calls_of = {str(call.pk): call for call in (made, nested)}
    turn_of = AgentStep(response={"calls": [{"ref": ref} for ref in calls_of]})
    shown, as_text = done_before(TranscriptRows(turns=[turn_of], calls=calls_of), ToolCall())[0]
    assert list(shown.pairs) == [
        ("Number", "A-1"),
        ("Total", "&lt;b&gt;120&lt;/b&gt;"),
        ("Products", "[&quot;Kettle&quot;, &quot;Tea&quot;]"),
    ]
    assert not as_text.pairs
    assert "lines" in as_text.text


def test_who_may_not_read_transcripts_is_told_the_source_and_not_the_words(as_: Any, run_of: Any, plan: Any) -> None:
    plan(SPELLED, turn("A refund.", [calls("refund", group="friends", amount="120")]), "Refunded.")
    page = text_of(as_("decider"), request_of(run_of(SPELLED)))
    assert "from what the agent was asked" in page
    assert "120,00" not in page


def test_hidden_arguments_are_not_quoted(as_: Any, run_of: Any, plan: Any) -> None:
    words = "the code is hunter2, open the cellar"
    plan(words, calls("unlock", door="cellar", code="hunter2"), "Open.")
    response = as_("approver").get(page_of(request_of(run_of(words))))
    origins = {item.row.name: item.origins for item in response.context["decidable"].arguments}
    assert origins["code"] == ()
    assert origins["door"][0].words == "from what the agent was asked"


def test_what_a_person_changed_says_so(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    client = as_("approver")
    approve_by(client, request, amount="100")
    assert "changed by a person" in text_of(client, request)


def test_deceptive_text_is_made_visible_with_a_warning(as_: Any, run_of: Any, plan: Any) -> None:
    plan("trick", turn(TRICK, [calls("refund", group=TRICK, amount="120")]), "Refunded.")
    request = request_of(run_of("trick"))
    client = as_("approver")
    page = text_of(client, request)
    for words in (
        "Look twice.",
        "characters that cannot be seen",
        "turn the order of the text around",
        "look like others",
        "⟨U+202E⟩",
        "⟨U+200B⟩",
        "\u0435<small>U+0435</small>",
    ):
        assert words in page
    outside = page.replace(f'value="{TRICK}"', "").replace(f"<del>{TRICK}</del>", "")
    assert "\u202e" not in outside, "it stands raw in the form field alone"
    approve_by(client, request, amount="60")
    assert "⟨U+202E⟩" in text_of(client, request)


def test_ordinary_text_has_no_warning(as_: Any, run_of: Any) -> None:
    assert "Look twice." not in text_of(as_("approver"), request_of(run_of("refund")))


def test_control_characters_and_markup_in_arguments_are_shown_and_approved(
    as_: Any, run_of: Any, plan: Any, till: Any
) -> None:
    nasty = "<b>bold</b>\x1b[2J\x07 \r done"
    plan("nasty", calls("refund", group=nasty, amount="120"), "Refunded.")
    run = run_of("nasty")
    client = as_("approver")
    raw = client.get(page_of(request_of(run))).content.decode()
    assert "<b>bold" not in raw
    assert "⟨U+001B⟩" in raw
    assert approve_by(client, request_of(run)).status_code == 302
    till.run_until_idle()
    till.assert_called(run, "refund", group=nasty, amount="120")


def test_a_million_characters_are_folded_cut_and_survive_an_edit_beside_them(
    as_: Any, run_of: Any, plan: Any, till: Any, settings: Any
) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "REPLY_LIMIT": 3_000_000}
    long = "much " * 200_000
    plan("long", calls("refund", group=long, amount="120"), "Refunded.")
    run = run_of("long")
    client = as_("approver")
    response = client.get(page_of(request_of(run)))
    assert len(response.content) < 300_000
    page = response.content.decode()
    assert "1,000,000 characters" in page
    assert "Too long to be changed here" in page
    assert 'name="argument-group"' not in page
    approve_by(client, request_of(run), amount="100")
    till.run_until_idle()
    till.assert_called(run, "refund", group=long, amount="100")


def test_an_edit_is_shown_before_it_is_made(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    client = as_("approver")
    sent = {**form_of(client, request, amount="100", reason="half"), "_approve": "1"}
    first = client.post(page_of(request), sent)
    page = first.content.decode()
    assert first.status_code == 200
    for words in (
        "<del>120.00 EUR</del>",
        "<ins>100.00 EUR</ins>",
        "Nothing has been decided yet.",
        'value="100"',
        "half",
    ):
        assert words in page
    assert not Decision.objects.exists()
    other = {**sent, "_confirmed": first.context["confirm"].key, "argument-amount": "90"}
    again = client.post(page_of(request), other)
    assert "<ins>90.00 EUR</ins>" in again.content.decode(), "another edit is shown anew"
    assert not Decision.objects.exists()
    other["_confirmed"] = again.context["confirm"].key
    assert client.post(page_of(request), other).status_code == 302
    assert '"amount":"90"' in Decision.objects.get().arguments


def test_changing_back_needs_no_confirmation(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    client = as_("approver")
    key = (
        client.post(page_of(request), {**form_of(client, request, amount="100"), "_approve": "1"})
        .context["confirm"]
        .key
    )
    sent = {**form_of(client, request), "_approve": "1", "_confirmed": key}
    assert client.post(page_of(request), sent).status_code == 302
    assert Decision.objects.get().arguments == ""


def test_the_last_decisions_on_the_tool_are_told(as_: Any, run_of: Any, people: Any, till: Any) -> None:
    for number in range(7):
        till.reject_pending(run_of("refund"), by=people["approver"], reason=f"reason {number}")
    till.approve_pending(run_of("parcel"), by=people["approver"])
    page = as_("approver").get(page_of(request_of(run_of("refund"))))
    assert [item.reason for item in page.context["earlier"]] == [f"reason {number}" for number in (6, 5, 4, 3, 2)]
    assert all(item.who == "approver" for item in page.context["earlier"])
    assert "Pay 120 EUR back to friends" in page.context["earlier"][0].text
    seen = as_("viewer").get(page_of(request_of(run_of("refund"))))
    assert [(item.text, item.reason) for item in seen.context["earlier"]] == [("", "")] * 5


def test_it_says_what_follows(as_: Any, run_of: Any, settings: Any) -> None:
    request = request_of(run_of("refund"))
    page = text_of(as_("approver"), request)
    assert "at the latest within 1 hour." in page
    assert "It waits until somebody decides." in page
    settings.AGENTS_APP = {**settings.AGENTS_APP, "APPROVAL_EXPIRES_SECONDS": 7300}
    page = text_of(as_("approver"), request_of(run_of("refund")))
    assert "If nobody decides within 2 hours 2 minutes, the call is not made" in page


def test_a_call_of_an_agent_that_is_gone_has_origins_too(as_: Any, run_of: Any) -> None:
    run = run_of("refund")
    ToolCall.objects.filter(pk=call_of(run).pk).update(tool="gone")
    ApprovalRequest.objects.get().context.__class__.objects.update(agent="gone")
    Group.objects.all().delete()
    assert as_("approver").get(page_of(request_of(run))).status_code == 200


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 minute"),
        (3599, "1 hour"),
        (3 * 86400 - 1, "3 days"),
        (86400 + 23 * 3600, "1 day 23 hours"),
        (2 * 3600 + 90, "2 hours 2 minutes"),
    ],
)
def test_spans_are_not_told_shorter_than_they_are(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_less_than_a_minute_is_told_to_the_second(run_of: Any) -> None:
    row = request_of(run_of("refund"))
    now = row.created_at
    for left, words in ((59.9, "59 seconds"), (1.2, "1 second"), (-5, "0 seconds"), (60, "1 minute")):
        row.valid_seconds, row.expires_at = max(left, 0), now + timedelta(seconds=left)
        told = consequences(row, 3600, now)
        assert told.approve.endswith(f"at the latest within {words}.")
        assert told.expiry.startswith(f"If nobody decides within {words},")


def test_it_is_said_that_nobody_may_approve(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    assert "There is no group" not in text_of(as_("approver"), request)
    ApprovalRequest.objects.update(group="Nowhere")
    assert "There is no group “Nowhere”, which is to decide: nobody can approve this" in text_of(as_("admin"), request)
