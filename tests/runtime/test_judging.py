"""What the gate is asked before a run that waited is looked at under its lock, and when that counts for nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app.models import ToolCall
from agents_app.runtime import drive, iterate
from agents_app.runtime.engines import engine
from agents_app.runtime.held import Held
from agents_app.services import SYSTEM, approve, cancel_run, pause_run, start_run, switch_off
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk
from tests.runtime.test_iterate import held_by_hand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held(agents: AgentsKit) -> Held:
    """A run whose call was approved, taken up again."""
    agents.scripted_llm(Clerk, calls("order", what="pens"), "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    request = office.request_of(run)
    approve(request.pk, by=office.decider(), digest=request.digest)
    return held_by_hand(run)


def acted(held: Held, act: object) -> object:
    return engine().run(lambda on: drive.perform(on, held, act))  # type: ignore[arg-type]


def status_of(held: Held) -> str:
    status: str = ToolCall.objects.get(context=held.run_id, tool="order").status
    return status


def updates(queries: CaptureQueriesContext) -> int:
    return sum('UPDATE "agents_app_agentcontext"' in query["sql"] for query in queries)


def test_what_was_approved_starts_in_the_first_change(held: Held) -> None:
    with CaptureQueriesContext(connection) as queries:
        (act,) = iterate.prepare(held)
    assert isinstance(act, iterate.ToolAct)
    assert status_of(held) == "started"
    assert updates(queries) == 1


def test_what_follows_is_recorded_without_looking_again(held: Held) -> None:
    """The request of a call that is settled is not asked about any more."""
    (act,) = iterate.prepare(held)
    (think,) = iterate.settle(held, act, acted(held, act))
    reply = acted(held, think)
    with CaptureQueriesContext(connection) as queries:
        assert iterate.settle(held, think, reply) == []
    assert [query["sql"] for query in queries if query["sql"].lstrip().startswith("SELECT")] == []


def stop(held: Held) -> None:
    switch_off(by=office.person("boss", "agents_app.stop_agents"), reason="No.", tool="order")


@pytest.mark.parametrize(
    ("meanwhile", "becomes"),
    [
        (lambda held: pause_run(held.run_id, by=SYSTEM), "ready"),
        (lambda held: cancel_run(held.run_id, by=SYSTEM), "cancelled"),
        (stop, "rejected"),
    ],
    ids=["paused", "cancelled", "switched off"],
)
def test_it_counts_for_nothing_when_something_has_happened_meanwhile(
    held: Held, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Held], Any], becomes: str
) -> None:
    judge, judged = iterate.judge, []

    def overtaken(held: Held, *args: Any) -> Any:
        verdicts = judge(held, *args)
        if not judged:
            judged.extend(verdict.go for verdict in verdicts.of.values())
            meanwhile(held)
        return verdicts

    monkeypatch.setattr(iterate, "judge", overtaken)
    acts = iterate.prepare(held)
    assert judged == ["start"]
    assert not any(isinstance(act, iterate.ToolAct) for act in acts)
    assert status_of(held) == becomes
    assert office.done == []
