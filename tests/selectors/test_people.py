"""Who may see what."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from agents_app.selectors import people
from agents_app.services import SYSTEM, Run, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(agents: AgentsKit) -> Run[Any]:
    """A run of olga's that waits for an approval and for an answer, in a session."""
    agents.scripted_llm(Clerk, [calls("pay", to="Ada", amount="99"), calls("ask_user", question="?")], "Done.")
    started = start_run(Clerk, "x", user=office.person("olga"), session="s")
    agents.run_until_idle()
    return started


def somebody(*permissions: str) -> Any:
    return office.person("somebody", *(f"agents_app.{permission}" for permission in permissions))


def owner(run: Run[Any]) -> Any:
    return office.context_of(run).user


VISIBLE = {
    people.visible_runs: ["view_agentcontext"],
    people.visible_sessions: ["view_agentsession"],
    people.visible_approvals: ["view_approvalrequest"],
    people.visible_inputs: ["view_inputrequest"],
    people.visible_calls: ["view_agentcontext"],
}


@pytest.mark.parametrize("visible", VISIBLE, ids=lambda each: each.__name__)
def test_one_sees_ones_own_and_by_permission_those_of_others(run: Run[Any], visible: Any) -> None:
    assert visible(owner(run)).count() == 1
    assert visible(SYSTEM).count() == 1
    assert visible(AnonymousUser()).count() == 0
    assert visible(office.person("pat")).count() == 0
    assert visible(somebody(*VISIBLE[visible])).count() == 1
    for missing in VISIBLE[visible]:
        rest = [permission for permission in VISIBLE[visible] if permission != missing]
        assert visible(office.person(f"no-{missing}", *(f"agents_app.{each}" for each in rest))).count() == 0
    inactive = owner(run)
    inactive.is_active = False
    assert visible(inactive).count() == 0


def test_who_decides_answers_or_settles_sees_what_it_is_about(run: Run[Any]) -> None:
    request, question, call = office.request_of(run), office.question_of(run), office.call_of(run)
    decider = office.person("d", "agents_app.decide_approvalrequest")
    answerer = office.person("a", "agents_app.answer_inputrequest")
    settler = office.person("s", "agents_app.settle_toolcall")
    assert people.visible_approvals(decider).get() == people.pending_approvals(decider).get() == request
    assert people.visible_inputs(answerer).get() == question
    assert people.visible_calls(settler).get() == call
    assert people.may_read_approval(decider, request)
    assert people.may_read_input(answerer, question)
    assert people.may_read_call(settler, call)
    stranger = office.person("pat", "agents_app.view_agentcontext")
    assert not people.may_read_approval(stranger, request)
    assert not people.may_read_input(stranger, question)
    assert people.visible_calls(stranger).get() == call
    assert not people.may_read_call(stranger, call)


def test_to_know_of_a_run_is_not_to_read_it(run: Run[Any]) -> None:
    viewer, context = somebody("view_agentcontext"), office.context_of(run)
    assert people.may_view_run(viewer, context)
    assert not people.may_view_transcript(viewer, context)
    assert people.may_view_transcript(owner(run), context)
    assert people.may_view_transcript(office.person("r", "agents_app.view_transcript"), context)


def test_sensitive_arguments_need_their_own_permission(run: Run[Any]) -> None:
    assert not people.may_view_sensitive(owner(run))
    assert people.may_view_sensitive(somebody("view_sensitive"))


def test_who_may_act(run: Run[Any]) -> None:
    context, mine, pat = office.context_of(run), owner(run), office.person("pat", "agents_app.control_run")
    staff = somebody("view_agentcontext", "control_run", "start_run")
    assert [people.may_control(user, context) for user in (mine, pat, staff)] == [False, False, True]
    assert [people.may_cancel(user, context) for user in (mine, pat, staff)] == [True, False, True]
    assert [people.may_start(user) for user in (mine, staff)] == [False, True]
    starter = office.person("starter", "agents_app.start_run")
    assert people.may_start_for(starter, starter)
    assert not people.may_start_for(starter, mine)
    assert people.may_start_for(staff, mine)
    assert not people.may_watch_inbox(mine)
    assert people.may_watch_inbox(office.decider())


def test_names_for_records() -> None:
    olga = office.person("olga")
    assert [people.name_of(user) for user in (olga, None, AnonymousUser(), SYSTEM)] == ["olga", "", "", "system"]
    assert people.user_named("olga") == olga
    assert people.user_named("nobody") is None
