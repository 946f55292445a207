"""The runs that sum up and extract: staff's to see, bounded by themselves, with the LLM of whose memory it is."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app import Agent, Budget, Memory, services
from agents_app.conf import conf
from agents_app.core.internal import EXTRACTOR, INTERNAL_AGENTS
from agents_app.definitions.registry import registry
from agents_app.memory.extractor import Extractor
from agents_app.models import AgentBudget, AgentContext, ArchivedRun, clock
from agents_app.runtime.limits import limits_of
from agents_app.runtime.llm_gate import llms_of
from agents_app.selectors.archives import visible_archived_runs
from agents_app.selectors.budgets import visible_budgets
from agents_app.selectors.people import may_cancel, may_view_run, visible_runs
from agents_app.selectors.presentation import run_as_dict
from agents_app.services.extraction import extract
from agents_app.testing import AgentsKit
from tests import office
from tests.models import rows
from tests.runtime.llms import DOWN, PATH, behaviour, told_llms

pytestmark = pytest.mark.django_db


class Waiter(Agent[str]):
    name = "waiter"
    instructions = "Serve."
    llm = "slow"
    fallback_llms = ("far",)
    memory = Memory(facts=True, extract=True)


def settings_with(**given: Any) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, "LLMS": dict.fromkeys(LLMS, "demo"), **given})


LLMS = ("slow", "far", "notes")


@pytest.fixture(autouse=True)
def inn() -> Iterator[None]:
    with registry.override(Waiter), settings_with():
        yield


def extracted(agents: AgentsKit, user: Any) -> AgentContext:
    """The run that extracts, as far as it goes."""
    agents.scripted_llm(Extractor, "Nothing.")
    agents.scripted_llm(Waiter, "Enjoy.")
    run = services.start_run(Waiter, "No nuts, please.", user=user)
    agents.run_until_idle()
    extract(run.id)
    agents.run_until_idle()
    return AgentContext.objects.select_related("details").get(agent=EXTRACTOR)


def test_only_staff_see_them_and_see_what_they_are(agents: AgentsKit) -> None:
    ann, olga = office.person("ann"), office.person("olga", "agents_app.view_agentcontext")
    run = extracted(agents, ann)
    rows.archived(agent=EXTRACTOR, user=ann, archive=rows.archive(name="a"))
    assert run.user_id == ann.pk, "so that erasing reaches it"
    assert [each.agent for each in visible_runs(ann)] == ["waiter"]
    assert not visible_archived_runs(ann).exists()
    assert not may_view_run(ann, run)
    assert not may_cancel(ann, run)
    assert AgentBudget.objects.filter(context=run).exists()
    assert not visible_budgets(ann).filter(context=run).exists()
    shown = {each.agent: run_as_dict(each, olga)["internal"] for each in visible_runs(olga)}
    assert shown == {"waiter": False, EXTRACTOR: True}
    assert visible_archived_runs(olga).count() == ArchivedRun.objects.count() == 1


def test_they_do_not_eat_the_limits_of_the_user(agents: AgentsKit) -> None:
    ann = office.person("ann")
    budgets = {"user": {"ever": {"tokens": 1_000_000}}}
    with settings_with(BUDGETS=budgets, MAX_RUNNING_PER_USER=1):
        run = extracted(agents, ann)
        of_ann = AgentBudget.objects.get(user=ann)
        own = AgentBudget.objects.get(context=run)
        assert own.tokens_spent > 0
        spent = of_ann.tokens_spent
        assert spent > 0
        assert limits_of(run) == ()
    with settings_with(BUDGETS=budgets, MAX_RUNNING_PER_USER=1, MEMORY_COUNTS_FOR_USER=True):
        assert [limit.key for limit in limits_of(run)] == [f"user:{ann.pk}"]
        AgentContext.objects.filter(agent__in=INTERNAL_AGENTS).delete()
        run = extracted(agents, ann)
        of_ann.refresh_from_db()
        of_run = AgentBudget.objects.get(context=run)
        assert of_ann.tokens_spent >= spent + of_run.tokens_spent


def test_so_many_are_begun_a_day_for_one_user_and_what_is_left_out_is_made_up_for(agents: AgentsKit) -> None:
    ann, ben = office.person("ann"), office.person("ben")

    def begun(user: Any) -> int:
        return AgentContext.objects.filter(agent=EXTRACTOR, user=user).count()

    def serve(user: Any) -> None:
        agents.scripted_llm(Waiter, "Enjoy.")
        run = services.start_run(Waiter, "No nuts, please.", user=user)
        agents.run_until_idle()
        agents.scripted_llm(Extractor, "Nothing.", "Nothing.", "Nothing.", "Nothing.")
        extract(run.id)
        agents.run_until_idle()

    with settings_with(MEMORY_RUNS_PER_DAY=2):
        for _ in range(4):
            serve(ann)
        assert begun(ann) == 2
        for user in (ben, None):
            serve(user)
        assert begun(ben) == 1, "of others it counts by itself"
        assert begun(None) == 0, "nobody's run has nobody to remember it of"
        with clock.moved(by=timedelta(hours=25)):
            for run_id in AgentContext.objects.filter(agent="waiter", user=ann).values_list("pk", flat=True):
                extract(run_id)
        assert begun(ann) == 4
    with settings_with():
        serve(ann)
    assert begun(ann) == 5, "without the setting there is no limit"


def test_a_user_who_has_nothing_left_is_remembered_all_the_same(agents: AgentsKit) -> None:
    ann = office.person("ann")
    agents.scripted_llm(Waiter, "Enjoy.")
    run = services.start_run(Waiter, "No nuts, please.", user=ann)
    agents.run_until_idle()
    services.set_budget(Budget(tokens=1), by=services.SYSTEM, user=ann)
    agents.scripted_llm(Extractor, "Nothing.")
    extract(run.id)
    agents.run_until_idle()
    assert AgentContext.objects.get(agent=EXTRACTOR).status == "completed"


def test_their_llm_is_that_of_the_agent_unless_the_settings_name_one() -> None:
    ann = office.person("ann")
    extractor, waiter = registry.get(EXTRACTOR), registry.get("waiter")
    assert llms_of(extractor, waiter) == ("slow", "far")
    assert llms_of(extractor, None) == (conf.DEFAULT_LLM,)
    # The preferred one is down: who answers for it answers for the memory, too.
    for name, answered in (("", "far"), ("notes", "notes")):
        with told_llms(), settings_with(LLMS=dict.fromkeys(LLMS, PATH), MEMORY_LLM=name, LLM_ATTEMPTS=1):
            behaviour["slow"] = DOWN
            with registry.override(Waiter), AgentsKit.opened() as agents:
                run = services.start_run(Waiter, "No nuts, please.", user=ann)
                agents.run_until_idle()
                assert run.again().output == "far says so."
                extract(run.id)
                agents.run_until_idle()
                made = AgentContext.objects.select_related("details").filter(agent=EXTRACTOR).latest("pk")
                assert (made.status, made.details.output) == ("completed", f"{answered} says so.")


def test_an_agent_that_is_gone_leaves_the_default(agents: AgentsKit) -> None:
    run = services.start_run(EXTRACTOR, "The conversation:", user=office.person("ann"), metadata={"agent": "gone"})
    agents.scripted_llm(Extractor, "Nothing.")
    agents.run_until_idle()
    assert run.again().status == "completed"
