"""How often one may ask, and how many queries an answer costs."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.settings import api_settings

from agents_app.api.throttling import RATES
from agents_app.services import start_run


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The project's own rates."""

    def given(**rates: str | None) -> None:
        monkeypatch.setattr(api_settings, "DEFAULT_THROTTLE_RATES", rates, raising=False)

    return given


def test_who_asks_too_often_is_told_when_to_come_again(client_of: Any, desk: Any, rates: Any) -> None:
    rates(agents_read="2/min")
    client = client_of("customer")
    assert [client.get("/api/runs/").status_code for _ in range(3)] == [200, 200, 429]
    answer = client.get("/api/runs/")
    assert answer.json()["error"]["code"] == "throttled"
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    # Others, and other kinds of requests, have their own count.
    assert client_of("viewer").get("/api/runs/").status_code == 200
    assert client.post("/api/runs/", {"agent": "desk", "input": "answer"}, format="json").status_code == 201


def test_starting_has_its_own_rate(client_of: Any, desk: Any, rates: Any) -> None:
    rates(agents_start="1/min")
    client, body = client_of("customer"), {"agent": "desk", "input": "answer"}
    assert [client.post("/api/runs/", body, format="json").status_code for _ in range(2)] == [201, 429]
    assert client.post("/api/tickets/", {}, format="json").status_code == 201


def test_a_rate_may_be_lifted(client_of: Any, desk: Any, rates: Any) -> None:
    rates(agents_read=None)
    client = client_of("customer")
    assert {client.get("/api/sessions/").status_code for _ in range(5)} == {200}
    assert set(RATES) == {"agents_read", "agents_command", "agents_start"}


LISTS = ["runs/", "approvals/", "tool-calls/", "input-requests/", "sessions/"]


def queries_of(client: Any, path: str) -> int:
    client.get(f"/api/{path}")  # content types are cached
    with CaptureQueriesContext(connection) as found:
        assert client.get(f"/api/{path}").json()["results"]
    return len(found)


@pytest.mark.parametrize(
    ("person", "path"),
    [*(("customer", path) for path in LISTS), *(("admin", path) for path in LISTS), ("approver", "approvals/")],
)
def test_a_long_list_costs_as_many_queries_as_a_short_one(
    client_of: Any, desk: Any, people: Any, path: str, person: str
) -> None:
    client = client_of(person)

    def grow(number: int) -> None:
        for plan in ("refund", "ask", "look", "pay"):
            start_run("desk", plan, user=people["customer"], session=f"{plan}-{number}", subject=people["viewer"])
        desk.run_until_idle()

    grow(0)
    short = queries_of(client, path)
    for number in range(1, 4):
        grow(number)
    assert queries_of(client, path) == short
    assert short <= 12


@pytest.mark.parametrize("path", ["steps/", "tool-calls/", "events/", "transcript/", ""])
def test_what_lies_within_a_run_is_read_with_few_queries(client_of: Any, run_of: Any, path: str) -> None:
    run, client = run_of("look"), client_of("approver")
    client.get(f"/api/runs/{run.id}/{path}")
    with CaptureQueriesContext(connection) as found:
        assert client.get(f"/api/runs/{run.id}/{path}").status_code == 200
    assert len(found) <= 14
