"""Limits as classes and settings say them, and what they do to runs that are driven."""

import threading
import time
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app import Agent, ToolContext, tool
from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.models import AgentContext, RunSlot
from agents_app.runtime.drive import continue_run
from agents_app.runtime.limits import limits_of
from agents_app.services import start_run
from agents_app.testing import AgentsKit, calls
from tests import office

pytestmark = pytest.mark.usefixtures("workers")
WAITING = "agents_app.testing.executor.WaitingExecutor"

now, most, changed = [0], [0], threading.Condition()


class Modest(Agent[str]):
    """Two of it at once."""

    name = "modest"
    max_running = 2

    @tool(effect="read", timeout=30)
    def work(self, context: ToolContext) -> str:
        """Work until as many work as may, and a while longer, in which one too many would begin."""
        expected = 2 if context.agent == Modest.name else 1
        with changed:
            now[0] += 1
            most[0] = max(most[0], now[0])
            changed.notify_all()
            changed.wait_for(lambda: most[0] >= expected, timeout=20)
        time.sleep(0.1)
        with changed:
            now[0] -= 1
        return "done"


def settings_with(**given: Any) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": WAITING, **given})


def said(**fields: Any) -> dict[str, int]:
    context = AgentContext(agent="modest", **fields)
    return {limit.key: limit.most for limit in limits_of(context)}


def test_what_classes_and_settings_say() -> None:
    user = office.person("ada")
    with registry.override(Modest, office.Clerk):
        assert said() == {"agent:modest": 2}
        assert limits_of(AgentContext(agent="clerk")) == ()
        assert limits_of(AgentContext(agent="nobody")) == ()
        with settings_with(MAX_RUNNING={"modest": 7, "clerk": 1}, MAX_RUNNING_PER_USER=3, MAX_RUNNING_PER_SESSION=1):
            assert said(user=user) == {"agent:modest": 7, f"user:{user.pk}": 3}
            assert [limit.most for limit in limits_of(AgentContext(agent="clerk"))] == [1]


def test_the_runs_of_a_session_one_after_the_other(agents: AgentsKit) -> None:
    class InTurn(Modest):
        name = "in turn"[:2]
        max_running = None
        max_running_per_session = 1

    drive_all(agents, InTurn, session="mail-1")
    assert most == [1]


def drive_all(agents: AgentsKit, agent: Any, **options: Any) -> None:
    now[0] = most[0] = 0
    with registry.override(agent), settings_with():
        agents.scripted_llm(agent, calls("work"), "Done.")
        runs = [start_run(agent, "x", **options) for _ in range(7)]
        continue_run(str(runs[6].id))
        assert {run.again().status for run in runs} == {RunStatus.COMPLETED}
    assert not RunSlot.objects.exists()


def test_no_more_than_so_many_at_once_and_every_one_in_the_end(agents: AgentsKit) -> None:
    """One slice drives them all: who is done calls the next, so that nobody waits out the time that it was put off."""
    drive_all(agents, Modest)
    assert most == [2]


def test_a_run_gives_its_slot_back_while_it_waits(agents: AgentsKit) -> None:
    class Asking(Modest):
        name = "asking"
        max_running = 1

    with registry.override(Asking), settings_with():
        agents.scripted_llm(Asking, calls("ask_user", question="Which?"), "Done.")
        runs = [start_run(Asking, "x") for _ in range(3)]
        continue_run(str(runs[0].id))
        assert {run.again().status for run in runs} == {RunStatus.WAITING_FOR_INPUT}
