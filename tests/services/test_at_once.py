"""Several people at the same moment: one wins, the others are told clearly, and the run is left legal."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from agents_app.core.status import ENDED, RunStatus
from agents_app.exceptions import AgentsError, AlreadyDecided, StaleContext, WrongState
from agents_app.models import AgentEvent, ApprovalRequest, Decision
from agents_app.services import SYSTEM, Run, answer_input, approve, cancel_run, pause_run, reject, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*commands: Callable[[], Any]) -> list[Any]:
    """What each gave or raised, in their order."""
    together = threading.Barrier(len(commands))
    ends: list[Any] = [None] * len(commands)

    def work(place: int) -> None:
        together.wait()
        try:
            ends[place] = commands[place]()
        except AgentsError as error:
            ends[place] = error

    for thread in [office.thread(work, place) for place in range(len(commands))]:
        thread.join()
    return ends


def waiting(agents: AgentsKit, *turns: Any) -> tuple[Run[str], ApprovalRequest]:
    agents.scripted_llm(Clerk, *(turns or (calls("pay", to="Ada", amount="99"),)), "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    return run, office.request_of(run)


def assert_no_gap(run: Run[str]) -> None:
    numbers = AgentEvent.objects.filter(context_id=run.id).order_by("sequence").values_list("sequence", flat=True)
    assert list(numbers) == list(range(1, run.again().version + 1))


def test_of_several_approvers_one_wins(agents: AgentsKit) -> None:
    run, request = waiting(agents)
    people = [office.decider(f"dora-{number}") for number in range(4)]
    ends = at_once(*[lambda by=by: approve(request.pk, by=by, digest=request.digest) for by in people])
    assert sum(isinstance(end, ApprovalRequest) for end in ends) == 1
    assert sum(isinstance(end, AlreadyDecided | StaleContext) for end in ends) == 3
    assert Decision.objects.count() == 1
    assert_no_gap(run)
    agents.run_until_idle()
    assert office.names() == ["pay"]


def test_approve_against_reject(agents: AgentsKit) -> None:
    run, request = waiting(agents)
    first, second = office.decider("ann"), office.decider("bob")
    at_once(
        lambda: approve(request.pk, by=first, digest=request.digest), lambda: reject(request.pk, by=second, reason="no")
    )
    agents.run_until_idle()
    agents.assert_completed(run)
    assert office.names() == (["pay"] if Decision.objects.get().verdict == "approved" else [])


def test_one_person_clicking_twice(agents: AgentsKit) -> None:
    _, request = waiting(agents)
    dora = office.decider()
    ends = at_once(*[lambda: approve(request.pk, by=dora, digest=request.digest)] * 2)
    assert all(isinstance(end, ApprovalRequest) for end in ends)
    assert Decision.objects.count() == 1


def test_decisions_on_two_calls_of_one_run(agents: AgentsKit) -> None:
    run, _ = waiting(agents, [calls("pay", to="Ada", amount="99"), calls("order", what="tea")])
    dora = office.decider()
    requests = list(ApprovalRequest.objects.filter(context_id=run.id))
    at_once(*[lambda one=one: approve(one.pk, by=dora, digest=one.digest) for one in requests])
    assert Decision.objects.count() == 2
    assert_no_gap(run)
    agents.run_until_idle()
    agents.assert_completed(run)
    assert sorted(office.names()) == ["order", "pay"]


def test_approve_against_cancel_and_pause(agents: AgentsKit) -> None:
    for command in (cancel_run, pause_run):
        run, request = waiting(agents)
        dora = office.decider(f"dora-{command.__name__}")
        ends = at_once(
            lambda request=request, dora=dora: approve(request.pk, by=dora, digest=request.digest),
            lambda run=run, command=command: command(run.id, by=SYSTEM),
        )
        assert all(not isinstance(end, AgentsError) or isinstance(end, WrongState) for end in ends)
        agents.run_until_idle()
        status = run.again().status
        assert status is (RunStatus.CANCELLED if command is cancel_run else RunStatus.PAUSED)
        assert office.done == []
        assert (office.context_of(run).due_at is None) or status not in ENDED
        assert_no_gap(run)


def test_two_answers(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, calls("ask_user", question="?"), "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    question = office.question_of(run)
    ann, bob = (office.person(name, "agents_app.answer_inputrequest") for name in ("ann", "bob"))
    ends = at_once(lambda: answer_input(question.pk, "a", by=ann), lambda: answer_input(question.pk, "b", by=bob))
    assert sum(isinstance(end, AlreadyDecided | StaleContext) for end in ends) == 1
    agents.run_until_idle()
    agents.assert_completed(run)
