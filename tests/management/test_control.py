"""agents_cancel, agents_pause, agents_resume, agents_retry, agents_recover."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from agents_app.models import AgentContext, database_now
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit, calls
from tests.management.desk import manage, resting
from tests.testing.shop import Reply


@pytest.fixture
def run(agents: AgentsKit, people: dict[str, Any]) -> Run[Any]:
    return resting(agents, calls("refund", number="A-1", amount=120), Reply(text="Paid."), user=people["customer"])


def test_cancel(agents: AgentsKit, run: Run[Any]) -> None:
    done = manage("agents_cancel", run.id, "--reason", "not needed")
    assert done.code == 0
    agents.run_until_idle()
    agents.assert_cancelled(run)
    details = AgentContext.objects.get(pk=run.id).details
    assert (details.cancelled_by, details.cancelled_why) == ("system", "not needed")


def test_the_owner_may_cancel(run: Run[Any]) -> None:
    assert manage("agents_cancel", run.id, "--as", "customer").code == 0
    assert AgentContext.objects.get(pk=run.id).details.cancelled_by == "customer"


def test_pause_and_resume(agents: AgentsKit, run: Run[Any]) -> None:
    done = manage("agents_pause", str(run.id)[:26], "--reason", "audit", "--as", "lead")
    assert (done.code, done.out) == (0, f"Run {run.id} is paused.\n")
    details = AgentContext.objects.get(pk=run.id).details
    assert (details.held_by, details.held_why) == ("lead", "audit")
    assert manage("agents_resume", run.id).out == f"Run {run.id} is waiting for approval.\n"
    again = manage("agents_resume", run.id)
    assert (again.code, "not paused" in again.error) == (5, True)


def test_retry(agents: AgentsKit, people: dict[str, Any]) -> None:
    run = resting(agents)
    agents.assert_failed(run)
    assert manage("agents_retry", run.id).code == 0
    agents.scripted_llm("shop", Reply(text="Now it works."))
    agents.run_until_idle()
    agents.assert_completed(run, Reply(text="Now it works."))
    assert manage("agents_retry", run.id).code == 5


def test_priority(run: Run[Any]) -> None:
    done = manage("agents_priority", run.id, "high", "--as", "lead")
    assert (done.code, done.out) == (0, f"Run {run.id} is waiting for approval.\n")
    assert AgentContext.objects.get(pk=run.id).priority == 1
    assert "choose from" in manage("agents_priority", run.id, "urgent").error


@pytest.mark.parametrize("name", ["cancel", "pause", "resume", "retry"])
class TestEach:
    def test_unknown(self, people: dict[str, Any], name: str) -> None:
        assert manage(f"agents_{name}", uuid.uuid4()).code == 3
        assert manage(f"agents_{name}", "nonsense").code == 3

    def test_foreign(self, agents: AgentsKit, people: dict[str, Any], name: str) -> None:
        foreign = resting(agents, Reply(text="Done."))
        assert manage(f"agents_{name}", foreign.id, "--as", "customer").code == 3
        assert manage(f"agents_{name}", foreign.id, "--as", "clerk").code == 4

    def test_ended(self, agents: AgentsKit, people: dict[str, Any], name: str) -> None:
        ended = resting(agents, Reply(text="Done."))
        assert manage(f"agents_{name}", ended.id).code == 5


@pytest.mark.django_db
def test_recover(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(
        "agents_app.testing.executor.WaitingExecutor.submit", lambda self, run_id, later: sent.append(run_id)
    )
    run = start_run("text", "hi")
    expected = {"due": 1, "stale_leases": 0, "hinted": [str(run.id)], "refused": 0}
    assert manage("agents_recover", "--dry-run", "--json").json == expected
    assert sent == []
    done = manage("agents_recover")
    assert "1 run is due.\n1 wake-up was sent.\n" in done.out
    assert str(run.id) in done.out
    assert sent == [run.id]
    assert manage("agents_recover", "--json").json == {**expected, "hinted": []}
    AgentContext.objects.all().update(due_at=None)
    assert manage("agents_recover").out == "No runs are due.\nNo wake-ups were sent.\n"


@pytest.mark.django_db
def test_recover_says_that_the_queue_takes_nothing(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, run_id: object, later: object) -> None:
        raise ConnectionError("Connection refused.")

    monkeypatch.setattr("agents_app.testing.executor.WaitingExecutor.submit", refuse)
    for _ in range(2):
        start_run("text", "hi")
    done = manage("agents_recover")
    assert done.code == 1
    assert done.out.startswith("2 runs are due.\nNo wake-ups were sent.\nThe queue did not take 2 wake-ups;")
    done = manage("agents_recover", "--json")
    assert (done.code, done.json["hinted"], done.json["refused"]) == (1, [], 2)


@pytest.mark.django_db
def test_recover_sees_a_dead_worker(agents: AgentsKit) -> None:
    run = start_run("text", "hi")
    past = database_now() - timedelta(seconds=1)
    AgentContext.objects.filter(pk=run.id).update(lease_until=past, due_at=past, claim_number=1)
    assert "1 worker gave no sign in time." in manage("agents_recover", "--dry-run").out
