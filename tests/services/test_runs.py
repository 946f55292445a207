"""Cancel, pause, resume, retry: who may, what it does, and what it is refused for."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from agents_app.core.status import RunStatus, StepStatus, ToolCallStatus
from agents_app.exceptions import LLMError, NotFound, NotPermitted, WrongState
from agents_app.models import AgentStep
from agents_app.services import (
    SYSTEM,
    Run,
    approve,
    cancel_run,
    pause_run,
    resume_run,
    retry_run,
    settle_outcome,
    start_run,
)
from agents_app.testing import AgentsKit, calls, fails
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db
Command = Callable[..., Run[Any]]
VIEW, CONTROL = "agents_app.view_agentcontext", "agents_app.control_run"


def started(agents: AgentsKit, *turns: Any, **options: Any) -> Run[str]:
    agents.scripted_llm(Clerk, *(turns or ("Done.",)))
    return start_run(Clerk, "Do it.", **options)


def failed(agents: AgentsKit, *turns: Any) -> Run[str]:
    broken = fails(1, LLMError("no such model", code="not_found"), then="Done.")
    run = started(agents, *turns, broken)
    agents.run_until_idle()
    agents.assert_failed(run, "not_found")
    return run


# Who may.


@pytest.mark.parametrize("command", [cancel_run, pause_run, resume_run, retry_run])
def test_a_stranger_is_told_that_there_is_no_such_run(agents: AgentsKit, command: Command) -> None:
    run = started(agents, user=office.person("olga"))
    stranger = office.person("pat", CONTROL)
    for key in (run.id, uuid4(), "nonsense"):
        with pytest.raises(NotFound):
            command(key, by=stranger)


@pytest.mark.parametrize("command", [cancel_run, pause_run, resume_run, retry_run])
def test_who_may_only_look_may_not_act(agents: AgentsKit, command: Command) -> None:
    run = started(agents)
    with pytest.raises(NotPermitted):
        command(run.id, by=office.person("vera", VIEW))


def test_owners_cancel_their_runs_and_no_more(agents: AgentsKit) -> None:
    olga = office.person("olga")
    run = started(agents, user=olga)
    for command in (pause_run, resume_run, retry_run):
        with pytest.raises(NotPermitted):
            command(run.id, by=olga)
    assert cancel_run(run.id, by=olga).status is RunStatus.CANCELLED


def test_staff_with_the_permission_may_do_all(agents: AgentsKit) -> None:
    run, carl = started(agents), office.person("carl", VIEW, CONTROL)
    pause_run(run.id, by=carl)
    resume_run(run.id, by=carl)
    assert cancel_run(run.id, by=carl).status is RunStatus.CANCELLED


# Cancel.


def test_cancelling_ends_a_waiting_run_at_once_with_by_whom_and_why(agents: AgentsKit) -> None:
    run = started(agents, [calls("pay", to="Ada", amount="99"), calls("ask_user", question="Sure?")])
    agents.run_until_idle()
    carl = office.person("carl", VIEW, CONTROL)
    assert cancel_run(run.id, by=carl, reason="wrong customer\x00").status is RunStatus.CANCELLED
    details = office.context_of(run).details
    assert (details.cancelled_by, details.cancelled_why) == ("carl", "wrong customer\N{REPLACEMENT CHARACTER}")
    assert details.ended_at is not None
    assert office.call_of(run).status == ToolCallStatus.CANCELLED
    assert office.question_of(run).status == "withdrawn"
    assert not AgentStep.objects.filter(context_id=run.id, status=StepStatus.STARTED).exists()
    types = agents.event_types(run)
    assert types.index("run.cancel_requested") < types.index("approval.withdrawn") < types.index("run.cancelled")


@pytest.mark.parametrize("command", [cancel_run, pause_run, resume_run])
def test_an_ended_run_takes_no_commands(agents: AgentsKit, command: Command) -> None:
    run = started(agents)
    agents.run_until_idle()
    version = run.again().version
    with pytest.raises(WrongState, match="completed") as caught:
        command(run.id, by=SYSTEM)
    assert caught.value.code == "ended"
    assert run.again().version == version


# Pause and resume.


def test_a_paused_run_rests_with_by_whom_and_why_until_it_is_resumed(agents: AgentsKit) -> None:
    run = started(agents)
    carl = office.person("carl", VIEW, CONTROL)
    assert pause_run(run.id, by=carl, reason="audit").status is RunStatus.PAUSED
    version = run.again().version
    assert pause_run(run.id, by=SYSTEM, reason="again").version == version
    context = office.context_of(run)
    assert (context.due_at, context.details.held_by, context.details.held_why) == (None, "carl", "audit")
    agents.run_until_idle()
    assert run.again().version == version
    assert resume_run(run.id, by=carl).status is RunStatus.IDLE
    agents.run_until_idle()
    agents.assert_completed(run)


def test_only_a_paused_run_is_resumed(agents: AgentsKit) -> None:
    with pytest.raises(WrongState, match="not paused"):
        resume_run(started(agents).id, by=SYSTEM)


def test_time_spent_paused_does_not_count_toward_the_timeout(agents: AgentsKit) -> None:
    run = started(agents)
    context = office.context_of(run)
    type(context).objects.filter(pk=run.id).update(deadline_at=context.details.created_at)
    type(context).objects.filter(pk=run.id).update(deadline_at=context.status_at.replace(year=2100))
    pause_run(run.id, by=SYSTEM)
    before = office.context_of(run).deadline_at
    assert before is not None
    with agents.move_time(3600):
        resume_run(run.id, by=SYSTEM)
        after = office.context_of(run).deadline_at
        assert after is not None
        assert 3600 <= (after - before).total_seconds() < 3660


# Retry.


def test_a_retried_run_keeps_what_was_done_and_goes_on(agents: AgentsKit) -> None:
    run = failed(agents, calls("send", text="hello"))
    used = office.context_of(run).steps_used
    assert retry_run(run.id, by=SYSTEM).status is RunStatus.THINKING
    context = office.context_of(run)
    assert context.max_steps == used + Clerk.max_steps
    assert (context.details.error_code, context.details.error, context.details.ended_at) == ("", "", None)
    agents.run_until_idle()
    agents.assert_completed(run, "Done.")
    assert office.names() == ["send"]
    assert "run.retried" in agents.event_types(run)


def test_only_a_failed_run_is_retried(agents: AgentsKit) -> None:
    run = started(agents)
    with pytest.raises(WrongState, match="idle"):
        retry_run(run.id, by=SYSTEM)
    agents.run_until_idle()
    with pytest.raises(WrongState, match="completed"):
        retry_run(run.id, by=SYSTEM)


def test_unknown_outcomes_are_settled_before_a_retry(agents: AgentsKit) -> None:
    def breaks(*_: Any) -> None:
        raise ValueError

    office.behaviour["ring"] = breaks
    run = started(agents, [calls("ring", number="1"), calls("pay", to="Ada", amount="99")], "Done.")
    agents.run_until_idle()
    context = office.context_of(run)
    # Its deadline passes while it does not wait for people: the approval makes it go on.
    type(context).objects.filter(pk=run.id).update(deadline_at=context.details.created_at, waiting_since=None)
    request = office.request_of(run)
    approve(request.pk, by=office.decider(), digest=request.digest)
    agents.run_until_idle()
    agents.assert_failed(run, "timeout")
    ring = office.call_of(run, "ring")
    assert ring.status == ToolCallStatus.UNKNOWN
    with pytest.raises(WrongState) as caught:
        retry_run(run.id, by=SYSTEM)
    assert caught.value.code == "unknown_outcomes"
    settle_outcome(ring.pk, "give_up", reason="lost", by=office.person("sam", "agents_app.settle_toolcall", VIEW))
    retry_run(run.id, by=SYSTEM)
    agents.run_until_idle()
    agents.assert_completed(run, "Done.")
