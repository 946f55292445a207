"""The list of approval requests, and deciding."""

import html
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from agents_app.core.status import ApprovalStatus, RunStatus, ToolCallStatus, Verdict
from agents_app.models import ApprovalRequest, Decision, ToolCall, database_now
from agents_app.services import approve, cancel_run, delegate
from agents_app.testing import move_time
from tests.admin.conftest import call_of, list_of, page_of, request_of, told
from tests.admin.till import EVIL, PARCEL


def form_of(client: Any, request: ApprovalRequest, **typed: str) -> dict[str, str]:
    """What a browser would send: the page's own form as it stands, with what somebody types."""
    page = client.get(page_of(request))
    assert page.status_code == 200
    form = page.context["decidable"].form
    sent = {"digest": page.context["approval"].call.digest, "reason": typed.pop("reason", "")}
    for bound in form or ():
        value = bound.value()
        if value is True:
            sent[bound.html_name] = "on"
        elif value is not False:
            sent[bound.html_name] = str(value if value is not None else "")
    return {**sent, **{f"argument-{name}": value for name, value in typed.items()}}


def approve_by(client: Any, request: ApprovalRequest, **typed: str) -> Any:
    """With other arguments: also the page that shows the difference first."""
    sent = {**form_of(client, request, **typed), "_approve": "1"}
    response = client.post(page_of(request), sent, REMOTE_ADDR="192.0.2.7")
    if response.status_code == 200:
        sent["_confirmed"] = response.context["confirm"].key
        response = client.post(page_of(request), sent, REMOTE_ADDR="192.0.2.7")
    return response


def reject_by(client: Any, request: ApprovalRequest, **typed: str) -> Any:
    return client.post(page_of(request), {**form_of(client, request, **typed), "_reject": "1"})


# Looking


def test_the_page_says_what_why_and_with_which_arguments(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    page = as_("approver").get(page_of(request)).content.decode()
    for words in (
        "Pay 120 EUR back to friends",
        "more than 50 EUR",
        "Whom to pay.",
        "in EUR",
        "acts once",
        "A refund.",
    ):
        assert words in page
    assert 'name="argument-amount" value="120"' in page
    assert f'name="digest" value="{request.call.digest}"' in page
    assert "Digest" in page


def test_a_reference_is_a_link_for_those_who_may_open_it(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    group = Group.objects.get(name="friends")
    link = f'Refers to <a href="{reverse("admin:auth_group_change", args=[group.pk])}">friends</a>'
    assert link in as_("admin").get(page_of(request)).content.decode()
    page = as_("second").get(page_of(request)).content.decode()
    # `second` may change groups, and so may view them; a decider of the tool always may here.
    assert link in page
    group.delete()
    assert "Refers to" not in as_("admin").get(page_of(request)).content.decode()


def test_markup_in_arguments_is_text(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("evil refund"))
    client = as_("approver")
    for page in (client.get(page_of(request)), client.get(list_of("approvalrequest"))):
        assert "<script>alert" not in page.content.decode()
        assert "<img src=x" not in page.content.decode()
    assert html.escape(EVIL) in client.get(page_of(request)).content.decode()
    approve_by(client, request, amount="60")
    assert "<script>alert" not in client.get(page_of(request)).content.decode()


def test_pending_ones_stand_first(as_: Any, run_of: Any, people: Any, till: Any) -> None:
    first, second, third = (run_of("refund") for _ in range(3))
    till.reject_pending(second, by=people["approver"])
    page = as_("approver").get(list_of("approvalrequest"), {"tab": "all"}).content.decode()
    places = [page.index(str(request_of(run).pk)) for run in (first, third, second)]
    assert places == sorted(places)
    only = as_("approver").get(list_of("approvalrequest"), {"status": "rejected"}).content.decode()
    assert str(request_of(second).pk) in only
    assert str(request_of(first).pk) not in only
    assert "customer" in only
    assert " ago" in page


@pytest.mark.parametrize(
    ("name", "status"), [("viewer", 200), ("decider", 200), ("nobody", 403), ("requester", 403), ("gone", 302)]
)
def test_who_has_a_list(as_: Any, run_of: Any, name: str, status: int) -> None:
    run_of("refund")
    assert as_(name).get(list_of("approvalrequest")).status_code == status


def test_those_who_may_only_view_see_no_arguments_and_no_form(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    client = as_("viewer")
    for page in (client.get(page_of(request)), client.get(list_of("approvalrequest"))):
        text = page.content.decode()
        for words in ("friends", "A refund.", 'name="digest"', "_approve"):
            assert words not in text
    assert "refund" in client.get(page_of(request)).content.decode()


def test_those_who_may_only_view_read_neither_why_it_asks_nor_why_it_was_rejected(
    as_: Any, run_of: Any, people: Any, till: Any
) -> None:
    run = run_of("refund")
    page = page_of(request_of(run))
    till.reject_pending(run, by=people["approver"], reason="He has asked twice.")
    for words in ("more than 50 EUR", "He has asked twice."):
        assert words in as_("reader").get(page).content.decode()
        assert words not in as_("viewer").get(page).content.decode()
    assert "Rejected" in as_("viewer").get(page).content.decode()


def test_readers_see_the_arguments_and_no_form(as_: Any, run_of: Any) -> None:
    page = as_("reader").get(page_of(request_of(run_of("refund")))).content.decode()
    assert "friends" in page
    assert "You need the permission agents_app.decide_approvalrequest." in page
    assert "_approve" not in page


def test_amounts_inside_of_arguments_read_as_amounts(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("bill"))
    stored, digest = request.call.arguments, request.call.digest
    with translation.override("de"):
        form, page = (as_(name).get(page_of(request)).content.decode() for name in ("approver", "reader"))
    for words in ("1 › Unit price <strong>1.062,50 EUR</strong>", "1 › Deposit <strong>12,00 CHF</strong>"):
        assert words in form
    assert '<p class="aa-help" data-amounts>' in form
    assert "&quot;unit_price&quot;: &quot;1062.5&quot;" in form, "what one changes is as it is stored"
    for words in ("1.062,50 EUR", "12,00 CHF", "3.187,50 EUR"):
        assert words in page
    assert "&quot;pieces&quot;: 3," in page
    call = ToolCall.objects.get()
    assert (call.arguments, call.digest) == (stored, digest)


def test_who_may_decide_may_read_what_they_decide(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    client = as_("decider")
    page = client.get(page_of(request)).content.decode()
    assert "Pay 120 EUR back to friends" in page
    assert "A refund." not in page, "the conversation around it needs view_transcript"
    response = approve_by(client, request)
    assert response["Location"] == page_of(request), "the run's own page is not for them"
    assert "approved" in client.get(page_of(request)).content.decode()


def test_the_number_of_queries_of_the_list_is_bounded(as_: Any, run_of: Any, people: Any) -> None:
    client = as_("decider")
    people["decider"].groups.add(Group.objects.get(name="friends"))
    for giver in ("approver", "second"):
        delegate(to=people["decider"], by=people[giver], until=database_now() + timedelta(days=1))
    counts = []
    for _ in range(2):
        run_of("refund")
        run_of("parcel")
        asked = {"group": "friends", "named": True, "approvers": {"resolver": "owner"}}
        ApprovalRequest.objects.filter(call__tool="refund").update(**asked)
        ApprovalRequest.objects.exclude(call__tool="refund").update(quorum=2, approvers={"quorum": 2}, group="other")
        with CaptureQueriesContext(connection) as captured:
            shown = client.get(f"{list_of('approvalrequest')}?tab=all").content.decode()
        counts.append(len(captured))
    assert shown.count("refund") > 1
    assert counts[0] == counts[1] <= 22, [each["sql"][:150] for each in captured.captured_queries]
    with CaptureQueriesContext(connection) as captured:
        client.get(page_of(ApprovalRequest.objects.latest("pk")))
    # Whoever may not approve it is told whether anybody may, which takes a few.
    assert len(captured) <= 30, [each["sql"][:150] for each in captured.captured_queries]


# Approving


def test_approving_lets_the_run_go_on_and_is_recorded(as_: Any, run_of: Any, people: Any, till: Any) -> None:
    run = run_of("refund")
    request = request_of(run)
    response = approve_by(as_("approver"), request, reason="fine")
    assert response.status_code == 302
    assert response["Location"] == page_of(run)
    till.run_until_idle()
    till.assert_called(run, "refund", amount="120")
    made = Decision.objects.get()
    assert (made.verdict, made.user, made.door, made.address) == (
        Verdict.APPROVED,
        people["approver"],
        "admin",
        "192.0.2.7",
    )
    assert (made.reason, made.digest_shown, made.arguments) == ("fine", request.call.digest, "")
    entries = LogEntry.objects.order_by("pk").values_list("object_id", "change_message")
    expected = [(str(request.pk), "approved (admin)"), (str(run.id), f"{request.call}: approved (admin)")]
    assert list(entries) == expected


def test_a_changed_field_is_an_edit(as_: Any, run_of: Any, till: Any) -> None:
    run = run_of("refund")
    client = as_("approver")
    response = approve_by(client, request_of(run), amount="100")
    assert "You approved it with changes." in told(response)
    till.run_until_idle()
    till.assert_called(run, "refund", amount="100", group="friends")
    made = Decision.objects.get()
    assert json.loads(made.arguments)["amount"] == "100"
    assert json.loads(made.arguments_before)["amount"] == "120"
    page = client.get(page_of(request_of(run))).content.decode()
    assert "<del>120.00 EUR</del>" in page
    assert "<ins>100.00 EUR</ins>" in page


def test_every_kind_of_argument_comes_back_unchanged(as_: Any, run_of: Any, till: Any) -> None:
    run = run_of("parcel")
    before = call_of(run)
    approve_by(as_("approver"), request_of(run))
    after = ToolCall.objects.get(pk=before.pk)
    assert (after.digest, after.edited) == (before.digest, False)
    till.run_until_idle()
    assert run.again().status == RunStatus.COMPLETED


def test_every_kind_of_argument_can_be_edited(as_: Any, run_of: Any) -> None:
    run = run_of("parcel")
    approve_by(
        as_("approver"),
        request_of(run),
        address='{"street": "Low St 2", "floor": 3}',
        colour='"blue"',
        pieces="5",
        weight="2.5",
        gift="true",
        day="2026-12-24",
        note="careful",
        tags='["a", "b"]',
    )
    assert json.loads(call_of(run).arguments) == {
        **PARCEL,
        "address": {"street": "Low St 2", "floor": 3},
        "colour": "blue",
        "pieces": 5,
        "weight": 2.5,
        "gift": True,
        "day": "2026-12-24",
        "note": "careful",
        "tags": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("plan", "typed", "message"),
    [
        ("refund", {"amount": "-5"}, "greater than 0"),
        ("refund", {"amount": "a lot"}, "valid decimal"),
        ("refund", {"amount": ""}, "This field is required."),
        ("parcel", {"pieces": "many"}, "Enter a whole number."),
        ("parcel", {"day": "tomorrow"}, "valid date"),
        ("parcel", {"address": '{"floor": 1}'}, "street: Field required"),
        ("parcel", {"address": "{"}, "not valid JSON"),
        ("parcel", {"tags": '["a", 1]'}, "1: Input should be a valid string"),
    ],
)
def test_an_edit_that_does_not_fit_is_an_error_at_the_field(
    as_: Any, run_of: Any, plan: str, typed: dict[str, str], message: str
) -> None:
    run = run_of(plan)
    response = approve_by(as_("approver"), request_of(run), reason="my reason", **typed)
    assert response.status_code == 400
    page = html.unescape(response.content.decode())
    assert "Some values cannot be used" in page
    assert message in page
    [name] = typed
    assert message in html.unescape(str(response.context["decidable"].form.errors[name]))
    assert typed[name] in page
    assert "my reason" in page
    assert not Decision.objects.exists()


def test_sensitive_arguments_are_hidden_and_survive_an_edit(as_: Any, run_of: Any, till: Any) -> None:
    run = run_of("unlock")
    client = as_("approver")
    page = client.get(page_of(request_of(run))).content.decode()
    assert "hunter2" not in page
    assert "***" in page
    approve_by(client, request_of(run), door="attic")
    till.run_until_idle()
    till.assert_called(run, "unlock", door="attic", code="hunter2")
    assert "hunter2" not in client.get(page_of(request_of(run))).content.decode()


def test_sensitive_arguments_are_shown_and_edited_with_the_permission(as_: Any, run_of: Any, till: Any) -> None:
    run = run_of("unlock")
    client = as_("lead")
    assert "hunter2" in client.get(page_of(request_of(run))).content.decode()
    approve_by(client, request_of(run), code="hunter3")
    till.run_until_idle()
    till.assert_called(run, "unlock", door="cellar", code="hunter3")


def test_without_the_key_nothing_sensitive_can_be_edited_away(as_: Any, run_of: Any, settings: Any) -> None:
    request = request_of(run_of("unlock"))
    settings.AGENTS_APP = {**settings.AGENTS_APP, "ENCRYPTION_KEYS": ["another"]}
    page = as_("lead").get(page_of(request))
    assert page.status_code == 200
    assert page.context["decidable"].form is None
    assert "hunter2" not in page.content.decode()


def test_a_tool_whose_code_has_changed_is_shown_and_not_edited(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    ToolCall.objects.filter(pk=request.call.pk).update(schema_hash="other")
    page = as_("approver").get(page_of(request)).content.decode()
    assert "The code of this tool has changed" in page
    assert "friends" in page
    assert "argument-amount" not in page
    ToolCall.objects.filter(pk=request.call.pk).update(tool="gone")
    assert as_("approver").get(page_of(request)).status_code == 200


# Rejecting


def test_rejecting_tells_the_agent_why(as_: Any, run_of: Any, till: Any) -> None:
    run = run_of("refund")
    response = reject_by(as_("approver"), request_of(run), reason="not broken", amount="99")
    assert response.status_code == 302
    assert "You rejected it." in told(response)
    till.run_until_idle()
    call = call_of(run)
    assert (call.status, call.error, call.edited) == (ToolCallStatus.REJECTED, "not broken", False)
    assert run.again().status == RunStatus.COMPLETED


def test_sending_back_tells_the_agent_what_to_do_instead(as_: Any, run_of: Any, till: Any) -> None:
    run = run_of("refund")
    client, request = as_("approver"), request_of(run)
    empty = client.post(page_of(request), {**form_of(client, request), "_send_back": "1"})
    assert (empty.status_code, "Say what to do instead" in empty.content.decode()) == (400, True)
    response = client.post(page_of(request), {**form_of(client, request, reason="Repair it."), "_send_back": "1"})
    assert "You sent it back." in told(response)
    till.run_until_idle()
    assert (call_of(run).error_code, call_of(run).error) == ("sent_back", "Repair it.")
    page = client.get(f"/admin/agents_app/agentcontext/{run.id}/change/").content.decode()
    assert "sent refund back" in page


def test_a_rejection_needs_a_reason_and_keeps_what_was_typed(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    response = reject_by(as_("approver"), request, amount="77")
    assert response.status_code == 400
    page = response.content.decode()
    assert "Say why" in page
    assert 'aria-describedby="aa-reason-error"' in page
    assert 'value="77"' in page
    assert ApprovalRequest.objects.get().status == ApprovalStatus.PENDING


# Others are faster


def test_a_second_click_gets_the_same_answer(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    client = as_("approver")
    data = {**form_of(client, request, amount="100"), "_approve": "1"}
    data["_confirmed"] = client.post(page_of(request), data).context["confirm"].key
    first, again = client.post(page_of(request), data), client.post(page_of(request), data)
    assert first.status_code == again.status_code == 302
    assert (Decision.objects.count(), LogEntry.objects.filter(object_id=str(request.pk)).count()) == (1, 1)
    assert told(again).count("You approved it with changes.") == 2


def test_a_second_click_without_changes_speaks_of_none(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    client = as_("approver")
    data = {**form_of(client, request), "_approve": "1"}  # two tabs show the same
    first, again = client.post(page_of(request), data), client.post(page_of(request), data)
    assert first.status_code == again.status_code == 302
    assert (told(again).count("You approved it."), "with changes" in told(again)) == (2, False)


@pytest.mark.parametrize("button", ["_approve", "_reject"])
def test_two_approvers_one_wins_and_the_other_is_told_who(as_: Any, run_of: Any, button: str) -> None:
    request = request_of(run_of("refund"))
    slow, fast = as_("second"), as_("approver")
    data = {**form_of(slow, request, amount="80", reason="I think so"), button: "1"}
    approve_by(fast, request, reason="fine")
    response = slow.post(page_of(request), data)
    assert response.status_code == 409
    page = response.content.decode()
    assert "approver approved this at 20" in page
    assert "I think so" in page
    assert "80" in page, "nothing of what was typed is lost"
    assert "_approve" not in page
    assert Decision.objects.get().user_name == "approver"
    assert LogEntry.objects.filter(object_id=str(request.pk)).count() == 1


def test_arguments_that_changed_meanwhile_are_shown_anew(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    client = as_("approver")
    data = {**form_of(client, request, amount="80", reason="well"), "_approve": "1", "digest": "0" * 64}
    response = client.post(page_of(request), data)
    assert response.status_code == 409
    page = response.content.decode()
    assert "have changed since you saw them" in page
    assert 'value="80"' in page
    assert "<del>120</del>" in page
    assert "well" in page
    assert f'name="digest" value="{request.call.digest}"' in page
    assert not Decision.objects.exists()


@pytest.mark.parametrize("button", ["_approve", "_reject"])
def test_the_time_to_decide_is_over(as_: Any, run_of: Any, settings: Any, button: str) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "APPROVAL_EXPIRES_SECONDS": 60}
    request = request_of(run_of("refund"))
    client = as_("approver")
    data = {**form_of(client, request, reason="late"), button: "1"}
    with move_time(timedelta(minutes=2).total_seconds()):
        assert "The time to decide is over." in client.get(page_of(request)).content.decode()
        response = client.post(page_of(request), data)
    assert response.status_code == 410
    assert "The time to decide ended" in response.content.decode()
    assert "late" in response.content.decode()


def test_a_withdrawn_request(as_: Any, run_of: Any, people: Any) -> None:
    run = run_of("refund")
    client = as_("approver")
    data = {**form_of(client, request_of(run)), "_approve": "1"}
    cancel_run(run.id, by=people["lead"])
    response = client.post(page_of(request_of(run)), data)
    assert response.status_code == 409
    assert "withdrawn" in response.content.decode()


@pytest.mark.parametrize(
    ("name", "status"), [("viewer", 403), ("reader", 403), ("unfit", 403), ("requester", 404), ("gone", 302)]
)
def test_who_may_not_decide_cannot(as_: Any, run_of: Any, name: str, status: int) -> None:
    request = request_of(run_of("refund"))
    for button in ("_approve", "_reject"):
        data = {"digest": request.call.digest, "reason": "because", button: "1"}
        assert as_(name).post(page_of(request), data).status_code == status
    assert not Decision.objects.exists()
    assert ApprovalRequest.objects.get().status == ApprovalStatus.PENDING


def test_the_tools_own_permission_is_named(as_: Any, run_of: Any) -> None:
    page = as_("unfit").get(page_of(request_of(run_of("refund")))).content.decode()
    assert "auth.change_group" in page
    assert "_approve" not in page


# Afterwards


def test_the_next_request_is_linked(as_: Any, run_of: Any) -> None:
    one, two = run_of("refund"), run_of("refund")
    client = as_("approver")
    response = approve_by(client, request_of(one))
    assert f'<a href="{page_of(request_of(two))}">Next request (1 waiting)</a>' in told(response)
    assert page_of(request_of(two)) in client.get(response["Location"]).content.decode()
    assert "Nothing else waits for you." in told(approve_by(client, request_of(two)))


def test_news_of_the_run_on_the_requests_page(as_: Any, run_of: Any, people: Any, till: Any) -> None:
    run = run_of("refund")
    request = request_of(run)
    client = as_("decider")
    known = client.get(page_of(request)).context["news_key"]
    address = reverse("admin:agents_app_approvalrequest_news", args=[request.pk])
    assert json.loads(client.get(address, {"known": known}).content)["parts"] == {}
    approve(request.pk, by=people["approver"], digest=request.call.digest)
    till.run_until_idle()
    told_now = json.loads(client.get(address, {"known": known}).content)
    assert told_now["ended"]
    assert "Completed" in told_now["parts"]["head"]
    assert as_("nobody").get(address).status_code == 404


def test_a_replaced_request_names_the_new_one(as_: Any, run_of: Any) -> None:
    old, new = request_of(run_of("refund")), request_of(run_of("refund"))
    ApprovalRequest.objects.filter(pk=new.pk).update(supersedes=old)
    assert page_of(new) in as_("approver").get(page_of(old)).content.decode()


def test_a_late_edit_that_does_not_even_fit_is_told_who_decided(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    slow = as_("second")
    data = {**form_of(slow, request, amount="-5"), "_approve": "1"}
    approve_by(as_("approver"), request)
    response = slow.post(page_of(request), data)
    assert response.status_code == 409
    assert "approver approved this at 20" in response.content.decode()


# Who decides


def test_who_asked_for_it_may_reject_it_but_not_approve(as_: Any, run_of: Any, people: Any) -> None:
    request = request_of(run_of("refund", user=people["approver"]))
    key = str(people["approver"].pk)
    ApprovalRequest.objects.filter(pk=request.pk).update(four_eyes=True, requester_key=key, requester_name="ann")
    mine, other = (as_(name).get(page_of(request)).content.decode() for name in ("approver", "second"))
    assert ('name="_approve"' in mine, 'name="_reject"' in mine) == (False, True)
    assert "somebody else must approve it" in mine
    assert ('name="_approve"' in other, "(somebody else must approve)" in other) == (True, True)
    assert ("You may change them" in mine, "You may change them" in other) == (False, True)
    sent = {**form_of(as_("approver"), request), "_approve": "1"}
    assert as_("approver").post(page_of(request), sent).status_code == 403
    assert ApprovalRequest.objects.get().status == ApprovalStatus.PENDING
    assert reject_by(as_("approver"), request, reason="I was wrong.").status_code == 302
    assert ApprovalRequest.objects.get().status == ApprovalStatus.REJECTED


def test_changes_that_somebody_else_must_approve_are_no_approval(as_: Any, run_of: Any, people: Any) -> None:
    request = request_of(run_of("refund"))
    key = str(people["customer"].pk)
    ApprovalRequest.objects.filter(pk=request.pk).update(four_eyes=True, requester_key=key, requester_name="customer")
    said = told(approve_by(as_("approver"), request, amount="100"))
    assert "Your changes are noted. Somebody else must approve the call with them." in said
    assert "You approved" not in said
    assert ApprovalRequest.objects.get().status == ApprovalStatus.PENDING


def test_our_own_reasons_are_told_in_the_language_of_the_reader(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("parcel"))
    assert request.reason == "This tool always needs approval.", "as it is stored"
    with translation.override("de"):
        assert "Dieses Werkzeug braucht immer eine Genehmigung." in as_("reader").get(page_of(request)).content.decode()


def test_a_quorum_shows_who_has_said_yes(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    ApprovalRequest.objects.filter(pk=request.pk).update(approvers={"quorum": 2}, quorum=2)
    assert "0 of 2" in as_("second").get(page_of(request)).content.decode()
    assert "It still waits for somebody else's yes." in html.unescape(told(approve_by(as_("second"), request)))
    page = as_("approver").get(page_of(request)).content.decode()
    assert ("1 of 2" in page, "second" in page) == (True, True)


def test_a_request_is_taken_on_and_given_back(as_: Any, run_of: Any, people: Any) -> None:
    request = request_of(run_of("refund"))
    client = as_("approver")
    assert client.post(page_of(request), {"_claim": "1"}).status_code == 302
    assert ApprovalRequest.objects.get().claimed_by_key == str(people["approver"].pk)
    other = as_("second").get(page_of(request)).content.decode()
    assert ("Taken on by" in other, 'name="_claim"' in other, 'name="_approve"' in other) == (True, False, True)
    assert "has taken this on" in told(as_("second").post(page_of(request), {"_claim": "1"}))
    client.post(page_of(request), {"_release": "1"})
    assert ApprovalRequest.objects.get().claimed_by_key == ""


def test_a_request_is_handed_to_a_colleague(as_: Any, run_of: Any, people: Any) -> None:
    request = request_of(run_of("refund"))
    client = as_("approver")
    page = client.get(page_of(request)).content.decode()
    assert 'name="_reassign"' in page
    assert '<option value="second">' in page, "who decides is suggested"
    assert [name for name in ("approver", "viewer", "customer", "gone") if f'<option value="{name}">' in page] == []
    assert "It was handed to second." in told(client.post(page_of(request), {"_reassign": "1", "to": " second "}))
    assert ApprovalRequest.objects.get().claimed_by_key == str(people["second"].pk)
    assert 'name="_reassign"' not in client.get(page_of(request)).content.decode(), "it is second's"
    assert "to take it away needs" in told(client.post(page_of(request), {"_reassign": "1", "to": "approver"}))
    lead = as_("admin").get(page_of(request)).content.decode()
    assert ('name="_reassign"' in lead, 'name="_release"' in lead) == (True, True)
    as_("admin").post(page_of(request), {"_release": "1"})
    for name, words in (("viewer", "viewer may not approve this"), ("nobodys", "There is no user"), ("", "no user")):
        assert words in told(client.post(page_of(request), {"_reassign": "1", "to": name}))
    assert ApprovalRequest.objects.get().claimed_by_key == ""


def test_who_may_not_decide_hands_nothing_over(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    assert 'name="_reassign"' not in as_("viewer").get(page_of(request)).content.decode()
    assert "agents_app.decide_approvalrequest" in told(
        as_("viewer").post(page_of(request), {"_reassign": "1", "to": "approver"})
    )
    assert ApprovalRequest.objects.get().claimed_by_key == ""


def test_only_those_of_the_group_are_suggested(as_: Any, run_of: Any, people: Any) -> None:
    request = request_of(run_of("refund"))
    finance = Group.objects.create(name="Finance")
    people["approver"].groups.add(finance)
    people["lead"].groups.add(finance)
    rule = {"group": "Finance"}
    ApprovalRequest.objects.filter(pk=request.pk).update(approvers=rule, group="Finance")
    page = as_("approver").get(page_of(request)).content.decode()
    assert ('<option value="lead">' in page, '<option value="second">' in page) == (True, False)


def test_the_page_says_in_whose_place_one_decides(as_: Any, run_of: Any, people: Any) -> None:
    request = request_of(run_of("refund"))
    until = request.created_at + timedelta(days=2)
    delegate(to=people["unfit"], by=people["approver"], until=until)
    page = as_("unfit").get(page_of(request)).content.decode()
    assert "You decide for approver, who has delegated it to you." in page
    assert "You decide for" not in as_("second").get(page_of(request)).content.decode()
    approve_by(as_("unfit"), request)
    after = as_("second").get(page_of(request)).content.decode()
    assert "<bdi>unfit</bdi></strong> for approver approved" in after


@pytest.mark.parametrize(
    ("on_expiry", "says"),
    [("reject", "the call is not made"), ("cancel", "the whole run is cancelled"), ("keep_waiting", "keeps waiting")],
)
def test_the_page_says_what_follows_when_nobody_decides(as_: Any, run_of: Any, on_expiry: str, says: str) -> None:
    request = request_of(run_of("refund"))
    late = request.created_at + timedelta(hours=2)
    ApprovalRequest.objects.filter(pk=request.pk).update(on_expiry=on_expiry, expires_at=late)
    assert says in as_("approver").get(page_of(request)).content.decode()
