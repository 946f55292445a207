"""The inbox: its parts and their counts, what stands first, risk, search."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app.admin import pages
from agents_app.core.risk import Risk
from agents_app.models import ApprovalRequest, database_now
from tests.admin.conftest import list_of, page_of, request_of


def tabs_in(page: str) -> dict[str, str]:
    """The counts on the tabs; the one that is open with a star."""
    found = re.findall(
        r'<a href="\?[^"]*tab=(\w+)[^"]*"( aria-current="page")?>[^<]*<span class="aa-count"(?: data-mine)?>(.*?)<',
        page,
    )
    return {name + ("*" if here else ""): count for name, here, count in found}


def shown(client: Any, **query: Any) -> list[Any]:
    """The requests in the list, from the top."""
    page = client.get(list_of("approvalrequest"), query).content.decode()
    found = [
        (page.index(str(key)), key) for key in ApprovalRequest.objects.values_list("pk", flat=True) if str(key) in page
    ]
    return [key for _, key in sorted(found)]


@pytest.fixture
def four(run_of: Any, people: Any) -> dict[str, Any]:
    """Requests: for everybody, for a group, taken on by somebody else, decided."""
    found = {name: request_of(run_of("refund")) for name in ("free", "group", "claimed", "decided")}
    group = Group.objects.create(name="Tills")
    people["approver"].groups.add(group)
    rows = {name: ApprovalRequest.objects.filter(pk=row.pk) for name, row in found.items()}
    rows["group"].update(group="Tills", expires_at=database_now() + timedelta(minutes=20))
    rows["claimed"].update(claimed_by_key=str(people["second"].pk), claimed_by_name="second")
    rows["decided"].update(status="rejected")
    return {name: row.pk for name, row in found.items()}


def test_each_part_holds_what_it_says(as_: Any, four: dict[str, Any]) -> None:
    client = as_("approver")
    assert shown(client) == shown(client, tab="mine") == [four["group"], four["free"]], "what is due first stands first"
    assert shown(client, tab="groups") == [four["group"]]
    assert shown(client, tab="all") == [four["group"], four["free"], four["claimed"], four["decided"]]
    assert shown(client, status="rejected") == [four["decided"]], "nothing decided is mine"
    assert shown(client, q=str(four["decided"])) == [four["decided"]], "who asks by id means that one"
    assert shown(as_("second"), tab="mine") == [four["free"], four["claimed"]]


@pytest.mark.parametrize("tab", ["mine", "groups", "all"])
def test_an_old_link_to_what_is_decided_shows_it(as_: Any, four: dict[str, Any], tab: str) -> None:
    client = as_("approver")
    assert shown(client, tab=tab, status="rejected") == [four["decided"]]
    page = client.get(list_of("approvalrequest"), {"tab": tab, "status": "rejected"}).content.decode()
    assert tabs_in(page) == {"mine": "2", "groups": "1", "all*": "3"}
    assert shown(client, tab=tab, status="pending") == shown(client, tab=tab)[: 3 if tab == "all" else None]


@pytest.mark.parametrize("tab", ["mine", "groups"])
def test_the_pages_of_a_part_reach_further_as_one_turns_them(
    as_: Any, four: dict[str, Any], people: Any, monkeypatch: pytest.MonkeyPatch, tab: str
) -> None:
    monkeypatch.setattr(pages, "AT_FIRST", 2)
    monkeypatch.setattr("agents_app.admin.base.ReadOnlyAdmin.list_per_page", 1)
    ApprovalRequest.objects.update(status="pending", claimed_by_key="", group="Tills")

    def turned(page: int) -> list[int]:
        found = as_("approver").get(list_of("approvalrequest"), {"tab": tab, "p": page}).content.decode()
        return sorted({int(number) for number in re.findall(r"[?&;]p=(\d)", found)} | {page})

    assert turned(1) == [1, 2]
    assert turned(2) == [1, 2, 3]
    assert turned(3) == [1, 2, 3, 4]
    assert len({shown(as_("approver"), tab=tab, p=page)[0] for page in (1, 2, 3, 4)}) == 4
    for wrong in ("x", "-1", "9999999"):
        assert as_("approver").get(list_of("approvalrequest"), {"tab": tab, "p": wrong}).status_code in (200, 302)


def test_what_a_group_has_is_found_by_index(as_: Any, four: dict[str, Any]) -> None:
    """Not in the order of the list: that looks at all that waits."""
    with CaptureQueriesContext(connection) as captured:
        as_("approver").get(list_of("approvalrequest"), {"tab": "groups"})
    counted = [query["sql"] for query in captured if f"LIMIT {pages.AT_FIRST + 1})" in query["sql"]]
    ofgroup = [sql for sql in counted if "escalate_to_group" in sql and "claimed_by_key" not in sql.split("WHERE")[1]]
    assert ofgroup
    assert not [sql for sql in ofgroup if "ORDER BY" in sql]


def test_the_tabs_count_what_waits(as_: Any, four: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    address = list_of("approvalrequest")
    page = as_("approver").get(address).content.decode()
    assert tabs_in(page) == {"mine*": "2", "groups": "1", "all": "3"}
    page = as_("approver").get(address, {"tab": "all", "risk": "high"}).content.decode()
    assert tabs_in(page) == {"mine": "2", "groups": "1", "all*": "3"}
    assert "risk=high" in re.findall(r'href="(\?[^"]*tab=mine[^"]*)"', page)[0], "what narrows it stays"
    assert tabs_in(as_("second").get(address).content.decode()) == {"mine*": "2", "all": "3"}, "no groups, no tab"
    assert tabs_in(as_("viewer").get(address).content.decode()) == {"mine": "0", "all*": "3"}
    monkeypatch.setattr("agents_app.admin.inbox.COUNTED", 1)
    assert tabs_in(as_("approver").get(address).content.decode())["all"] == "1+"


def test_time_left_and_who_has_taken_it_on(as_: Any, four: dict[str, Any]) -> None:
    never, over = ApprovalRequest.objects.filter(pk=four["free"]), ApprovalRequest.objects.filter(pk=four["claimed"])
    never.update(expires_at=None)
    over.update(expires_at=database_now() - timedelta(minutes=1))
    page = as_("approver").get(list_of("approvalrequest"), {"tab": "all"}).content.decode()
    assert re.search(r'aa-urgent">(19|20) minutes', page)
    assert 'aa-urgent">over<' in page
    assert "no end" in page
    assert "Taken on by second" in page


def test_risk_is_shown_and_filtered(as_: Any, run_of: Any) -> None:
    medium, high = request_of(run_of("refund")), request_of(run_of("unlock"))
    assert (medium.risk, high.risk) == (Risk.MEDIUM, Risk.HIGH)
    client = as_("approver")
    assert shown(client, risk="high") == [high.pk]
    assert shown(client, risk="medium") == [medium.pk]
    page = client.get(list_of("approvalrequest")).content.decode()
    assert page.index("High</span>") > 0
    assert page.index("Medium</span>") > 0
    assert "High</span>" in client.get(page_of(high)).content.decode()


def test_what_will_happen_is_searched_by_those_who_may_read_it(as_: Any, run_of: Any) -> None:
    request = request_of(run_of("refund"))
    assert shown(as_("approver"), q="Pay 120") == [request.pk]
    assert shown(as_("approver"), q="customer") == [request.pk]
    assert shown(as_("approver"), q="parcel") == []
    assert shown(as_("viewer"), q="Pay 120") == []
    assert shown(as_("viewer"), q="refund") == [request.pk]


def test_the_number_of_queries_is_fixed(as_: Any, run_of: Any, people: Any) -> None:
    client = as_("approver")
    people["approver"].groups.add(Group.objects.create(name="Tills"))
    counts = []
    for _ in range(2):
        run_of("refund")
        run_of("unlock")
        with CaptureQueriesContext(connection) as captured:
            assert client.get(list_of("approvalrequest")).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 16
