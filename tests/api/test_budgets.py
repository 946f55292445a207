"""Budgets over REST: narrowed at the start, shown with the run, and whose one may know of."""

from typing import Any

from agents_app import Budget
from agents_app.models import AgentBudget
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
