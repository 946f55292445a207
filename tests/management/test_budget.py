"""agents_budget, and the limits of agents_run."""

from typing import Any

import pytest

from agents_app.models import AgentBudget, AgentSession
from agents_app.services import start_run
from agents_app.testing import AgentsKit
from tests.management.desk import manage, resting
from tests.testing.shop import Reply, ShopAgent


def test_a_users_budget_is_set_and_shown(agents: AgentsKit, people: dict[str, Any]) -> None:
    done = manage("agents_budget", "--user", "customer", "--period", "day", "--tokens", 100, "--money", "2.50")
    assert (done.code, done.out) == (0, "User, per day: 0 of 100 tokens\nUser, per day: 0.00 of 2.50 USD\n")
    resting(agents, Reply(text="Done."), user=people["customer"])
    shown = manage("agents_budget", "--user", "customer").out
    assert shown.splitlines()[0] == "User, per day: 0 of 100 tokens"  # held more than there is: not asked
    manage("agents_budget", "--user", "customer", "--period", "day", "--tokens", 50_000)
    run = resting(agents, Reply(text="Done."), user=people["customer"])
    assert manage("agents_budget", "--user", "customer").out == "User, per day: 15 of 50,000 tokens\n"
    assert "Budget      User, per day: 15 of 50,000 tokens" in manage("agents_show", run.id).out
    (json,) = manage("agents_budget", "--user", "customer", "--json").json
    assert (json["limits"]["tokens"], json["spent"]["tokens"], json["spent"]["money"]) == (50_000, 15, "0")


def test_a_session_and_a_run_by_the_beginning_of_their_ids(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = start_run(ShopAgent, "x", session="mail")
    session = AgentSession.objects.get()
    assert manage("agents_budget", "--session", session.pk, "--tool-calls", 3).code == 0
    assert (
        manage("agents_budget", "--run", str(run.id)[:30], "--steps", 2, "--ends-at", "2090-01-01T00:00:00Z").code == 0
    )
    assert AgentBudget.objects.get(session=session).tool_calls == 3
    assert "until 2090-01-01" in manage("agents_budget", "--run", run.id).out
    assert manage("agents_budget", "--run", run.id, "--no-limit").out == "No limit.\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--user", "nobody", "--tokens", "1"], 3),
        (["--user", "customer", "--tokens", "-1"], 2),
        (["--user", "customer", "--money", "2 EUR"], 2),
        (["--user", "customer", "--ends-at", "soon"], 2),
        (["--user", "customer", "--tokens", "1", "--as", "customer"], 4),
    ],
    ids=["nobody", "negative", "euro", "soon", "without-permission"],
)
def test_what_cannot_be_done(people: dict[str, Any], arguments: list[str], code: int) -> None:
    refused = manage("agents_budget", *arguments)
    assert refused.code == code
    assert refused.error
    assert not AgentBudget.objects.exists()


def test_a_run_is_started_with_limits(agents: AgentsKit, people: dict[str, Any]) -> None:
    agents.scripted_llm(ShopAgent, Reply(text="Done."))
    done = manage("agents_run", "shop", "x", "--tokens", 10, "--here")
    assert done.code != 0
    assert "budget" in done.out
    assert AgentBudget.objects.get().tokens == 10
