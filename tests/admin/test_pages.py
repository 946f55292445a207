"""Lists count no table, whatever database there is; what no page shows any more is found by a filter or a search."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app.admin import pages
from agents_app.models import AgentContext, ApprovalRequest
from tests.admin.conftest import list_of, request_of
from tests.archives import days_later

COUNTS_A_FEW = re.compile(r"SELECT COUNT\(\*\) FROM \(SELECT .* LIMIT \d+\) subquery")
LISTS = ("agentcontext", "approvalrequest", "inputrequest", "toolcall", "agentsession", "agentevent", "archivedrun")


@pytest.mark.parametrize("name", LISTS)
def test_no_list_counts(as_: Any, run_of: Any, name: str) -> None:
    for plan in ("refund", "ask", "look"):
        run_of(plan, session="s")
    with CaptureQueriesContext(connection) as captured:
        assert as_("lead").get(list_of(name)).status_code == 200
        assert as_("lead").get(list_of(name), {"q": "customer"}).status_code == 200
    counts = [query["sql"] for query in captured if "COUNT(" in query["sql"].upper()]
    assert [sql for sql in counts if not COUNTS_A_FEW.fullmatch(sql)] == []


@pytest.fixture
def five(run_of: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setattr(pages, "MOST", 4)
    monkeypatch.setattr("agents_app.admin.base.ReadOnlyAdmin.list_per_page", 2)
    return [run_of("refund") for _ in range(5)]


def shown(client: Any, model: Any, name: str, **query: Any) -> list[Any]:
    page = client.get(list_of(name), query).content.decode()
    found = [(page.index(str(key)), key) for key in model.objects.values_list("pk", flat=True) if str(key) in page]
    return [key for _, key in sorted(found)]


def test_pages_reach_so_far_and_say_so(as_: Any, five: list[Any]) -> None:
    ids = [run.id for run in five]
    assert shown(as_("viewer"), AgentContext, "agentcontext") == ids[:2:-1]
    assert shown(as_("viewer"), AgentContext, "agentcontext", p=2) == ids[2:0:-1]
    text = as_("viewer").get(list_of("agentcontext")).content.decode()
    assert "The first 4 runs; narrow them down" in text
    assert "showall" not in text
    assert as_("viewer").get(list_of("agentcontext"), {"p": 3}).status_code == 302
    AgentContext.objects.filter(pk=ids[0]).delete()
    assert "4 runs" in as_("viewer").get(list_of("agentcontext")).content.decode()


def test_pending_requests_stand_first_over_pages(as_: Any, five: list[Any], till: Any, people: Any) -> None:
    till.reject_pending(five[3], by=people["approver"])
    requests = [request_of(run).pk for run in five]
    order = [*requests[:3], requests[4], requests[3]]
    client = as_("viewer")
    assert shown(client, ApprovalRequest, "approvalrequest") == order[:2]
    assert shown(client, ApprovalRequest, "approvalrequest", p=2) == order[2:4]
    till.reject_pending(five[0], by=people["approver"])
    till.reject_pending(five[1], by=people["approver"])
    order = [requests[2], requests[4], requests[3], requests[1]]
    assert shown(client, ApprovalRequest, "approvalrequest") == order[:2]
    assert shown(client, ApprovalRequest, "approvalrequest", p=2) == order[2:]
    assert shown(client, ApprovalRequest, "approvalrequest", status="rejected") == [requests[3], requests[1]]


@pytest.mark.parametrize("age", ["day", "week", "month", "quarter", "over-day", "over-quarter"])
def test_by_age(as_: Any, run_of: Any, age: str) -> None:
    run_of("look")
    days = {"day": 1, "week": 7, "month": 30, "quarter": 90}[age.removeprefix("over-")]
    over = age.startswith("over-")
    assert bool(shown(as_("viewer"), AgentContext, "agentcontext", age=age)) != over
    with days_later(days + 0.1):
        assert bool(shown(as_("viewer"), AgentContext, "agentcontext", age=age)) == over


@pytest.mark.parametrize("name", ["agentcontext", "approvalrequest", "toolcall", "agentevent"])
def test_an_id_is_searched_by_index(as_: Any, run_of: Any, name: str) -> None:
    run, other = run_of("refund"), run_of("refund")
    with CaptureQueriesContext(connection) as captured:
        text = as_("approver").get(list_of(name), {"q": str(run.id)}).content.decode()
    assert not any("LIKE" in query["sql"] for query in captured)
    assert str(run.id)[-8:] in text or str(request_of(run).pk) in text or "#1" in text
    assert str(other.id)[-8:] not in text
    assert str(request_of(other).pk) not in text


def test_an_empty_list_says_what_would_stand_in_it(as_: Any, run_of: Any) -> None:
    said = "No agent has run yet."
    assert said in as_("lead").get(list_of("agentcontext")).content.decode()
    assert said not in as_("lead").get(list_of("agentcontext"), {"q": "nobody"}).content.decode()
    run_of("hello")
    assert said not in as_("lead").get(list_of("agentcontext")).content.decode()
    assert said not in as_("lead").get(list_of("agentcontext"), {"status": "failed"}).content.decode()
