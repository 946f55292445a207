"""Deciding many requests at once, in the admin."""

import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents_app.core.status import ApprovalStatus
from agents_app.models import ApprovalRequest, Decision, ToolCall
from tests.admin.conftest import list_of, request_of

BULK = "admin:agents_app_approvalrequest_bulk"


def choose(client: Any, *requests: ApprovalRequest) -> Any:
    keys = [str(row.pk) for row in requests]
    return client.post(list_of("approvalrequest"), {"action": "decide_selected", "_selected_action": keys})


def sent_by(page: Any, **typed: str) -> dict[str, Any]:
    """What a browser would send from the page: its own fields as they stand."""
    text = page.content.decode()
    keys = re.findall(r'name="_selected_action" value="([^"]+)"', text)
    digests = dict(re.findall(r'name="(digest-[^"]+)" value="([^"]*)"', text))
    return {"_selected_action": keys, **digests, **typed}


def test_what_is_common_what_differs_and_who_may_decide_which(as_: Any, run_of: Any) -> None:
    refunds = [request_of(run_of("refund")) for _ in range(2)]
    door = request_of(run_of("unlock"))
    ToolCall.objects.filter(pk=refunds[0].call_id).update(arguments='{"amount":"99","group":"friends"}')
    ApprovalRequest.objects.filter(pk=door.pk).update(group="Guards")
    page = choose(as_("approver"), *refunds, door)
    assert page.status_code == 200
    told = page.context
    assert {label: str(value) for label, value in told["common"]}["Group"] == "friends"
    assert told["columns"] == ["Amount"]
    assert [(label, str(value)) for each in told["mine"] for label, value in each.differing] == [
        ("Amount", "99.00 EUR"),
        ("Amount", "120.00 EUR"),
    ]
    assert [each.row.pk for each in told["others"]] == [door.pk]
    text = page.content.decode()
    assert "This decision on unlock is for the group Guards." in text
    assert f'value="{door.pk}"' not in text, "what is not theirs is not sent along"
    assert not Decision.objects.exists()


def with_arguments(run: Any, **arguments: Any) -> ApprovalRequest:
    request = request_of(run)
    ToolCall.objects.filter(pk=request.call_id).update(arguments=json.dumps(arguments))
    return request


def test_long_values_that_differ_late_are_not_called_the_same(as_: Any, run_of: Any) -> None:
    """Whoever saw only their beginnings would approve one for the other."""
    long = "Pay the invoice of the month. " * 40
    one = with_arguments(run_of("refund"), group=f"{long}To DE11, {long}", amount="5")
    two = with_arguments(run_of("refund"), group=f"{long}To DE99, {long}", amount="5")
    other = with_arguments(run_of("refund"), group="Something else", amount="5")
    told = choose(as_("approver"), one, other, two).context
    assert told["columns"] == ["Group"]
    shown = [str(value) for each in told["mine"] for _, value in each.differing]
    assert ["DE11" in shown[0], shown[1], "DE99" in shown[2]] == [True, "Something else", True]
    assert all(len(text) < 140 for text in shown)
    assert {label: str(value) for label, value in told["common"]}["Amount"] == "5.00 EUR"


def test_what_there_is_no_room_for_is_named(as_: Any, run_of: Any) -> None:
    rows = [
        with_arguments(run_of("refund"), **{f"field_{letter}": f"{letter}{number}" for letter in "abcdefghij"})
        for number in range(2)
    ]
    page = choose(as_("approver"), *rows)
    assert len(page.context["columns"]) == 8
    assert page.context["more"] == ["Field i", "Field j"]
    assert "open them to see: Field i, Field j." in page.content.decode()


@pytest.mark.parametrize(
    ("button", "status"),
    [
        ("_approve", ApprovalStatus.APPROVED),
        ("_reject", ApprovalStatus.REJECTED),
        ("_send_back", ApprovalStatus.SENT_BACK),
    ],
)
def test_each_is_decided_and_reported(as_: Any, run_of: Any, button: str, status: ApprovalStatus) -> None:
    requests = [request_of(run_of("refund")) for _ in range(2)]
    client = as_("approver")
    sent = sent_by(choose(client, *requests), reason="All alike.", **{button: "1"})
    for _ in range(2):  # a reload of the report tells the same
        report = client.post(reverse(BULK), sent, REMOTE_ADDR="192.0.2.7")
        assert report.status_code == 200
        assert report.context["title"] == "2 of 2 decided"
    assert set(ApprovalRequest.objects.values_list("status", flat=True)) == {status}
    made = Decision.objects.values_list("door", "address", "reason")
    assert list(made) == [("admin", "192.0.2.7", "All alike.")] * 2
    assert LogEntry.objects.filter(user__username="approver", content_type__model="approvalrequest").count() == 2


def test_one_that_changed_and_one_that_was_lost_are_named(as_: Any, run_of: Any, people: Any, till: Any) -> None:
    runs = [run_of("refund") for _ in range(3)]
    changed, lost, fine = (request_of(run) for run in runs)
    client = as_("approver")
    sent = sent_by(choose(client, changed, lost, fine), _approve="1")
    till.reject_pending(runs[1], by=people["second"])
    sent[f"digest-{changed.pk}"] = "0" * 64
    page = client.post(reverse(BULK), sent)
    text = page.content.decode()
    assert page.context["title"] == "1 of 3 decided"
    assert "Its arguments have changed" in text
    assert "second rejected this" in text
    statuses = [ApprovalRequest.objects.get(pk=row.pk).status for row in (changed, lost, fine)]
    assert statuses == ["pending", "rejected", "approved"]


def test_without_a_reason_nothing_is_rejected_and_what_was_chosen_stays(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    client = as_("approver")
    page = client.post(reverse(BULK), sent_by(choose(client, request), _reject="1"))
    assert page.status_code == 400
    assert "Say why" in page.content.decode()
    assert sent_by(page)["_selected_action"] == [str(request.pk)]
    assert not Decision.objects.exists()


def test_markup_and_hidden_values_stay_hidden(as_: Any, run_of: Any) -> None:
    text = choose(as_("approver"), request_of(run_of("evil refund")), request_of(run_of("unlock"))).content.decode()
    assert "<script>alert" not in text
    assert "hunter2" not in text


def test_who_may_not_decide_is_refused(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    sent = {"_selected_action": [str(request.pk)], f"digest-{request.pk}": request.digest, "_approve": "1"}
    assert as_("viewer").post(reverse(BULK), sent).status_code == 403
    page = as_("unfit").post(reverse(BULK), sent)
    assert "Decisions on refund need the permission" in page.content.decode()
    assert as_("approver").get(reverse(BULK)).status_code == 302
    assert not Decision.objects.exists()


def test_too_many_are_refused(as_: Any, run_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = [request_of(run_of("refund")) for _ in range(2)]
    monkeypatch.setattr("agents_app.admin.bulk.MOST_AT_ONCE", 1)
    assert choose(as_("approver"), *requests).status_code == 302


def test_the_number_of_queries_of_the_page_does_not_grow(as_: Any, run_of: Any) -> None:
    client, requests, counts = as_("approver"), [], []
    for _ in range(2):
        requests += [request_of(run_of("refund")) for _ in range(2)]
        with CaptureQueriesContext(connection) as captured:
            assert choose(client, *requests).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
