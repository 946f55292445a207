"""The numbers on the admin's first page."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents_app.testing import move_time
from tests.admin.conftest import list_of


def numbers(client: Any, address: str = "admin:index") -> dict[str, str]:
    arguments = [] if address.endswith("index") else ["agents_app"]
    page = client.get(reverse(address, args=arguments))
    return {item["label"]: item["number"] for item in page.context["numbers"]}


@pytest.mark.parametrize("address", ["admin:index", "admin:app_list", "team:index"])
def test_it_says_what_waits_runs_and_failed(as_: Any, run_of: Any, till: Any, people: Any, address: str) -> None:
    decided = run_of("refund")
    with move_time(90):
        till.reject_pending(decided, by=people["approver"])
    run_of("refund")
    run_of("unlock")
    run_of("fail")
    assert numbers(as_("approver"), address) == {
        "Waiting for me": "2",
        "Waiting in all": "2",
        "Running": "1",
        "Failed today": "1",
        "Median time to decide": "1 min 30 s",
    }


def test_only_what_one_may_decide_waits_for_one(as_: Any, run_of: Any) -> None:
    run_of("refund")
    run_of("unlock")
    assert numbers(as_("unfit"))["Waiting for me"] == "1"
    assert numbers(as_("viewer"))["Waiting for me"] == "0"


def test_who_may_not_see_runs_has_no_numbers_of_them(as_: Any, run_of: Any) -> None:
    run_of("refund")
    assert set(numbers(as_("decider"))) == {"Waiting for me", "Waiting in all", "Median time to decide"}


@pytest.mark.parametrize("name", ["nobody", "requester"])
def test_who_has_no_inbox_has_no_numbers(as_: Any, run_of: Any, name: str) -> None:
    run_of("refund")
    page = as_(name).get(reverse("admin:index"))
    assert page.status_code == 200
    assert "aa-numbers" not in page.content.decode()


def test_the_queries_do_not_grow(as_: Any, run_of: Any) -> None:
    client = as_("approver")
    counts = []
    for _ in range(2):
        run_of("refund")
        run_of("parcel")
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("admin:index"))
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 16


def test_the_list_says_where_it_listens(as_: Any, run_of: Any) -> None:
    page = as_("approver").get(list_of("approvalrequest")).content.decode()
    assert "data-inbox" in page
    assert "data-socket" not in page, "under WSGI nothing would answer"
