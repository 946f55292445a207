"""Budgets over REST: narrowed at the start, shown with the run, and whose one may know of."""

from decimal import Decimal
from typing import Any

from agents_app import Budget
from agents_app.models import AgentBudget, AgentContext
from agents_app.services import SYSTEM, set_budget


def start(client: Any, **body: Any) -> Any:
    return client.post("/api/runs/", {"agent": "desk", "input": "answer", **body}, format="json")


def test_a_start_narrows_and_the_run_shows_what_was_spent(client_of: Any, desk: Any) -> None:
    client = client_of("customer")
    answer = start(client, budget={"tokens": 90_000, "money": "2.50", "steps": 3})
    assert answer.status_code == 201, answer.json()
    desk.run_until_idle()
    run = client.get(f"/api/runs/{answer.json()['id']}/").json()
    (budget,) = run["budgets"]
    assert (run["status"], run["max_steps"]) == ("completed", 3)
    assert (budget["scope"], budget["limits"]["tokens"], budget["limits"]["money"]) == ("run", 90_000, "2.5")
    assert budget["spent"]["tokens"] == AgentBudget.objects.get().tokens_spent > 0
    assert budget["reserved"]["tokens"] == 0


def test_a_budget_that_cannot_be_used(client_of: Any, desk: Any) -> None:
    for wrong in ({"tokens": -1}, {"money": "2 EUR"}, {"money": 2.5}, {"coffee": 1}, {"tokens": 2**63}):
        answer = start(client_of("customer"), budget=wrong)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_input"), wrong
    assert not AgentBudget.objects.exists()


def test_the_budgets_of_a_run_for_its_user_for_staff_and_for_who_may_see_runs_alone(
    client_of: Any, people: Any, run_of: Any
) -> None:
    set_budget(Budget(tokens=100_000), by=SYSTEM, user=people["customer"], period="day")
    run = run_of("answer", session="mail", budget=Budget(tool_calls=9))
    seen = {}
    for name in ("customer", "viewer", "admin"):
        results = client_of(name).get(f"/api/runs/{run.id}/budgets/").json()["results"]
        seen[name] = [(each["scope"], each["period"]) for each in results]
    both = [("run", "ever"), ("user", "day")]
    assert seen == {"customer": both, "viewer": [("run", "ever")], "admin": both}
    assert client_of("stranger").get(f"/api/runs/{run.id}/budgets/").status_code == 404


def set_one(client: Any, **body: Any) -> Any:
    return client.post("/api/budgets/", body, format="json")


def test_budgets_of_runs_sessions_and_users_are_set(client_of: Any, run_of: Any, people: Any) -> None:
    run, admin = run_of("answer", session="mail-1"), client_of("admin")
    session = AgentContext.objects.get(pk=run.id).session_id
    owners = {"run": str(run.id), "session": str(session), "user": "customer"}
    for name, owner in owners.items():
        made = set_one(admin, **{name: owner}, period="day", money="2.50", tokens=100, ends_at="2030-01-01T00:00:00Z")
        assert made.status_code == 200, made.json()
        told = made.json()
        assert (told["scope"], told["period"], told["limits"]["tokens"]) == (name, "day", 100)
        assert Decimal(told["limits"]["money"]) == Decimal("2.5")
        again = set_one(admin, **{name: owner}, period="day", steps=3)
        assert (again.json()["id"], again.json()["limits"]["tokens"]) == (told["id"], None)
    assert AgentBudget.objects.count() == 3
    mine = client_of("customer").get("/api/budgets/").json()["results"]
    assert {row["scope"] for row in mine} == {"run", "session", "user"}
    assert client_of("stranger").get("/api/budgets/").json()["results"] == []
    found = admin.get("/api/budgets/", {"user": "customer"}).json()["results"]
    assert [row["scope"] for row in found] == ["user"]


def test_what_cannot_be_set_says_why(client_of: Any, run_of: Any, people: Any) -> None:
    run, admin = run_of("answer"), client_of("admin")
    for body, code in (
        ({"tokens": 1}, "invalid_input"),
        ({"tokens": 1, "run": str(run.id), "user": "customer"}, "invalid_input"),
        ({"tokens": 1, "user": "nobody"}, "unknown_user"),
        ({"money": "2 EUR", "user": "customer"}, "invalid_input"),
        ({"tokens": 1, "user": "customer", "period": "week"}, "invalid_input"),
        ({"tokens": 1, "user": "customer", "ends_at": "9999-12-31T23:59:59-12:00"}, "invalid_input"),
    ):
        answer = set_one(admin, **body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code), body
    missing = set_one(admin, tokens=1, session="00000000-0000-4000-8000-000000000000")
    assert missing.status_code == 404
    assert not AgentBudget.objects.exists()
