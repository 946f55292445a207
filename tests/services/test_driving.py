"""Running an agent in this process."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from agents_app.core.status import RunStatus
from agents_app.exceptions import InsideTransaction
from agents_app.models import AgentContext
from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.services import run_and_wait
from agents_app.testing import AgentsKit, calls
from agents_app.transitions import claims
from tests.office import Clerk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _workers() -> Any:
    yield
    close_engine()
    heartbeat.join()


def test_it_returns_when_the_run_has_ended(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, calls("send", text="x"), "Done.")
    run = run_and_wait(Clerk, "x")
    assert (run.status, run.output) == (RunStatus.COMPLETED, "Done.")


def test_it_returns_when_people_or_a_later_time_are_waited_for(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, calls("pay", to="Ada", amount="99"))
    assert run_and_wait(Clerk, "x").status is RunStatus.WAITING_FOR_APPROVAL
    later = timezone.now() + timedelta(hours=1)
    assert run_and_wait(Clerk, "x", run_at=later).status is RunStatus.SCHEDULED


def test_it_refuses_inside_a_transaction(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "Done.")
    with pytest.raises(InsideTransaction), transaction.atomic():
        run_and_wait(Clerk, "x")
    assert not AgentContext.objects.exists()


def test_it_waits_for_a_worker_that_was_faster(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    agents.scripted_llm(Clerk, "Done.")
    first = []

    def faster(self: Any, run_id: Any, run_at: Any = None) -> None:
        if not first:
            first.append(claims.claim(run_id))

    monkeypatch.setattr("agents_app.testing.executor.WaitingExecutor.submit", faster)
    with override_settings(
        AGENTS_APP={"EXECUTOR": "agents_app.testing.executor.WaitingExecutor", "LEASE_SECONDS": 2.0}
    ):
        assert run_and_wait(Clerk, "x").status is RunStatus.COMPLETED
    assert first[0] is not None
