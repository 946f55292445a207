"""Runs of an agent that this worker does not know: another release may know it, or nobody."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agents_app import Agent, services
from agents_app.definitions.registry import registry
from agents_app.models import database_now
from agents_app.runtime import drive, iterate
from agents_app.runtime.held import Held, ToolAct
from agents_app.services import Run, start_run
from agents_app.testing import approve_pending, calls, move_time, run_until_idle
from agents_app.testing.kit import AgentsKit
from agents_app.transitions import claims
from tests import office
from tests.office import Clerk
from tests.scenarios.checks import assert_sound

Started = Callable[..., Run[str]]
PAY = calls("pay", to="Ann", amount=120)


def test_it_is_left_alone_for_a_while_and_goes_on_where_it_is_known(started: Started, dora: Any) -> None:
    run = started(PAY, "Done.")
    approve_pending(run, by=dora)
    before = database_now()
    with registry.override():
        run_until_idle()
        context = office.context_of(run)
        assert context.due_at is not None
        assert context.due_at >= before + timedelta(seconds=5)
        assert office.done == []
    with move_time(6):
        run_until_idle()
    assert run.again().status == "completed"
    assert office.context_of(run).unknown_since is None
    assert_sound(run)


def test_after_ten_minutes_it_fails_and_can_be_retried(started: Started, dora: Any) -> None:
    run = started(PAY, "Done.")
    approve_pending(run, by=dora)
    with registry.override():
        run_until_idle()
        with move_time(601):
            run_until_idle()
    assert run.again().error is not None
    assert office.context_of(run).details.error_code == "unknown_agent"
    assert_sound(run)
    services.retry_run(run.id, by=dora)
    run_until_idle()
    assert run.again().output == "Done."


LEFT_OPEN = [
    ("ring", "unknown", "waiting_for_approval"),
    ("book", "unknown", "failed"),
    ("look", "cancelled", "failed"),
]


@pytest.mark.parametrize(("name", "call", "run_status"), LEFT_OPEN)
def test_a_call_that_its_last_worker_left_open_is_not_forgotten(
    agents: AgentsKit, name: str, call: str, run_status: str
) -> None:
    """Nobody knows the agent any more, but the call may have been made."""
    agents.scripted_llm(Clerk, calls(name, **{"text" if name == "book" else "number": "a"}), "Done.")
    run = start_run(Clerk, "go")
    claim = claims.claim(run.id)
    assert claim is not None
    held = Held(claim=claim, definition=registry.get("clerk"), inline=False)
    (think,) = iterate.prepare(held)
    (act,) = iterate.settle(held, think, drive.engine().run(lambda on: drive.perform(on, held, think)))
    assert isinstance(act, ToolAct)
    with registry.override():
        for seconds in (31, 31 + 601):
            with move_time(seconds):
                run_until_idle()
    assert run.again().status == run_status
    assert office.call_of(run).status == call
    assert_sound(run)


def test_it_can_be_cancelled_and_its_questions_expire(started: Started, dora: Any) -> None:
    run = started(PAY, "Done.")
    with registry.override():
        services.cancel_run(run.id, by=dora)
        run_until_idle()
    assert run.again().status == "cancelled"
    assert_sound(run)


class Apprentice(Agent[str]):
    """The clerk of another release, who cannot pay."""

    name = "clerk"


def test_a_call_of_a_tool_that_is_not_here_waits_for_a_worker_that_has_it(started: Started, dora: Any) -> None:
    run = started(PAY, "Done.")
    approve_pending(run, by=dora)
    with registry.override(Apprentice):
        run_until_idle()
        assert office.call_of(run).status == "ready"
        assert office.context_of(run).unknown_since is not None
    with move_time(6):
        run_until_idle()
    assert run.again().output == "Done."
    assert_sound(run)


def test_after_ten_minutes_a_person_is_asked_what_to_do_without_the_tool(started: Started, dora: Any) -> None:
    run = started(PAY, "Done.")
    approve_pending(run, by=dora)
    with registry.override(Apprentice):
        run_until_idle()
        with move_time(601):
            run_until_idle()
        assert run.again().status == "paused"
        change = services.read_code_change(run.id, by=dora)
        assert change is not None
        services.resume_run(run.id, by=dora, accept_changes=change.code)
        run_until_idle()
    call = office.call_of(run)
    assert (call.status, call.error_code) == ("rejected", "unknown_tool")
    assert run.again().output == "Done."
    assert_sound(run)
