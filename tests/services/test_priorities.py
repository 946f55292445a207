"""Changing how urgent a run is: who may, when, and what it comes to."""

from typing import Any

import pytest

from agents_app.exceptions import InvalidInput, NotFound, NotPermitted, WrongState
from agents_app.models import AgentContext, database_now
from agents_app.services import SYSTEM, cancel_run, set_priority, start_run
from agents_app.testing import AgentsKit
from agents_app.transitions import claims
from tests import office
from tests.office import Clerk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("agents")]


def test_it_is_taken_by_the_new_priority(agents: AgentsKit) -> None:
    first, second = start_run(Clerk, "x"), start_run(Clerk, "x")
    AgentContext.objects.update(due_at=database_now())
    boss = office.person("boss", "agents_app.control_run", "agents_app.view_agentcontext")
    run = set_priority(second.id, "high", by=boss)
    assert run.version == second.version + 1
    event = agents.events(second)[-1]
    assert (event.type, event.data) == (
        "run.prioritised",
        {"by": "boss", "reason": "", "before": "normal", "after": "high"},
    )
    assert claims.due_run_ids(2) == [second.id, first.id]


def test_what_it_is_already_is_no_news(agents: AgentsKit) -> None:
    run = start_run(Clerk, "x", priority="low")
    assert set_priority(run.id, "low", by=SYSTEM).version == run.version


def test_who_may_and_when() -> None:
    owner = office.person("owner")
    run = start_run(Clerk, "x", user=owner)
    with pytest.raises(NotPermitted):
        set_priority(run.id, "high", by=owner)
    with pytest.raises(NotFound):
        set_priority(run.id, "high", by=office.person("stranger"))
    wrong: Any = "urgent"
    with pytest.raises(InvalidInput, match="high, normal, low"):
        set_priority(run.id, wrong, by=SYSTEM)
    cancel_run(run.id, by=SYSTEM)
    with pytest.raises(WrongState):
        set_priority(run.id, "high", by=SYSTEM)
