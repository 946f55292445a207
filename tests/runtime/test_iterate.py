"""What is given up, lost or late: what becomes of it, and that it is neither repeated nor forgotten."""

import asyncio
import threading
import time
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import override_settings

from agents_app import (
    Agent,
    ToolContext,
    not_happened,
    tool,
)
from agents_app.core.status import RunStatus, ToolCallStatus
from agents_app.core.transcript import LLMReply
from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError
from agents_app.models import AgentContext, AgentStep, database_now
from agents_app.runtime import drive, iterate, perform
from agents_app.runtime.drive import Drive, drive_to_rest
from agents_app.runtime.engines import engine
from agents_app.runtime.held import Act, Held, ToolAct
from agents_app.services import (
    SYSTEM,
    Run,
    pause_run,
    resume_run,
    retry_run,
    settle_outcome,
    start_run,
)
from agents_app.testing import AgentsKit, calls
from agents_app.transitions import claims
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.usefixtures("workers")
S = ToolCallStatus


def settings_with(**given: Any) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, **given})


def driven(agents: AgentsKit, *turns: Any) -> Run[str]:
    agents.scripted_llm(Clerk, *turns)
    run = start_run(Clerk, "x")
    drive_to_rest(run.id)
    return run.again()


def due_in(run: Run[Any]) -> float | None:
    due = office.context_of(run).due_at
    return None if due is None else (due - database_now()).total_seconds()


def raises(error: BaseException) -> Any:
    def behave(*_: Any) -> None:
        raise error

    return behave


def test_a_reconcile_that_cancels_itself_cannot_tell(agents: AgentsKit) -> None:
    office.behaviour["send"] = raises(ValueError())
    run = driven(agents, calls("send", text="x"), "Done.")
    office.behaviour["send.reconcile"] = raises(asyncio.CancelledError())
    with agents.move_time(11):
        drive_to_rest(run.id)
    assert (run.again().status, office.context_of(run).lease_until) == (RunStatus.WAITING_FOR_APPROVAL, None)


def test_what_reconcile_says_of_one_attempt_is_no_word_on_the_next(agents: AgentsKit) -> None:
    """While it is asked a person has the call made again, and that one is in doubt too when the answer comes."""
    asked, answer, asks = threading.Event(), threading.Event(), []

    def slow(*_: Any) -> Any:
        asks.append(1)
        if len(asks) > 1:
            return None
        asked.set()
        answer.wait(20)
        return not_happened

    office.behaviour["send"] = raises(ValueError())
    office.behaviour["send.reconcile"] = slow
    with settings_with(HEARTBEAT_SECONDS=0.05):
        run = driven(agents, calls("send", text="x"), "Done.")
        operator = office.person("olga", "agents_app.settle_toolcall", "agents_app.view_agentcontext")
        with agents.move_time(11):
            worker = office.thread(drive_to_rest, run.id)
            assert asked.wait(30)
            settle_outcome(office.call_of(run).pk, "try_again", by=operator)
            until = time.monotonic() + 30
            while (office.call_of(run).attempt, office.call_of(run).status) != (2, S.UNKNOWN):
                assert time.monotonic() < until
                time.sleep(0.02)
            answer.set()
            worker.join(60)
    assert office.names() == ["send", "send"]
    assert office.call_of(run).status == S.UNKNOWN


def held_up(agents: AgentsKit, run: Run[str]) -> None:
    """Workers that do not know its agent meet it."""
    with registry.override():
        drive_to_rest(run.id)
    assert run.again().status is not RunStatus.FAILED


def test_patience_with_unknown_code_begins_anew_after_a_retry_and_a_pause(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "Done.")
    run = start_run(Clerk, "x")
    held_up(agents, run)
    with agents.move_time(601):
        with registry.override():
            drive_to_rest(run.id)
        assert run.again().status is RunStatus.FAILED
        retry_run(run.id, by=SYSTEM)
        held_up(agents, run)
        pause_run(run.id, by=SYSTEM)
    with agents.move_time(1300):
        resume_run(run.id, by=SYSTEM)
        held_up(agents, run)


def test_patience_with_unknown_code_does_not_run_while_people_are_waited_for(agents: AgentsKit) -> None:
    office.behaviour["ring"] = raises(ValueError())
    run = driven(agents, calls("ring", number="1"), "Done.")
    operator = office.person("olga", "agents_app.settle_toolcall", "agents_app.view_agentcontext")
    AgentContext.objects.filter(pk=run.id).update(due_at=database_now())  # as after the death of a worker
    held_up(agents, run)
    with agents.move_time(700):
        settle_outcome(office.call_of(run).pk, "happened", by=operator, result="sent")
        held_up(agents, run)


def test_an_error_of_the_llm_that_cannot_be_stored_is_cleaned(agents: AgentsKit) -> None:
    run = driven(agents, LLMError("It said \ud800.", code="\ud800" * 101))
    assert (run.status, office.context_of(run).lease_until) == (RunStatus.FAILED, None)
    assert run.error == ("\ufffd" * 100, "It said \ufffd.")


def test_the_name_that_a_provider_gives_its_llm_is_cleaned(agents: AgentsKit) -> None:
    run = driven(agents, LLMReply(text="Done.", llm="\ud800" * 201))
    assert run.status is RunStatus.COMPLETED
    assert AgentStep.objects.get(context_id=run.id, kind="think").llm == "\ufffd" * 200


def test_a_call_of_a_dead_worker_is_in_doubt_also_if_the_next_gives_up_at_once(agents: AgentsKit) -> None:
    """The next one is stopped before it could look: the call was made, though not by itself."""
    agents.scripted_llm(Clerk, calls("ring", number="1"), "Done.")
    with settings_with(EXECUTOR="agents_app.testing.executor.WaitingExecutor"):
        run = start_run(Clerk, "x")
        dead = held_by_hand(run)
        (think,) = iterate.prepare(dead)
        (act,) = iterate.settle(dead, think, engine().run(lambda on: drive.perform(on, dead, think)))
        engine().run(lambda on: drive.perform(on, dead, act))
        with agents.move_time(31):
            iterate.abandon(held_by_hand(run), [])
    assert office.names() == ["ring"]
    assert office.call_of(run).status == S.UNKNOWN


def held_by_hand(run: Run[str]) -> Held:
    claim = claims.claim(run.id)
    assert claim is not None
    return Held(claim=claim, definition=registry.get("clerk"), inline=False)


@pytest.mark.parametrize("why", ["late", "unread"])
def test_a_call_that_cannot_be_made_in_time_or_read_is_made_later(
    agents: AgentsKit, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """Begun late it might outlast the lease. To say so needs no database, which may be what is away."""
    agents.scripted_llm(Clerk, calls("ring", number="1"), "Done.")
    run = start_run(Clerk, "x")
    held = held_by_hand(run)
    (think,) = iterate.prepare(held)
    (act,) = iterate.settle(held, think, engine().run(lambda on: drive.perform(on, held, think)))
    held.open(act)
    if why == "late":
        held.ends[act] -= 6
    else:
        monkeypatch.setattr(perform, "known_call", lambda held, act: None)
        monkeypatch.setattr(perform, "read_call", raises(OperationalError()))
    outcome = engine().run(lambda on: drive.perform(on, held, act))
    iterate.settle(held, act, outcome)
    assert office.done == []
    assert (office.call_of(run).status, office.call_of(run).error_code) == (S.READY, "not_called")


class Slice:
    """One that ends when the test says so: on a slow machine no time is both short and long enough."""

    def of(self, on: Any, run: Run[str]) -> Any:
        self.drive = Drive(on, others=False)
        return self.drive.run([run.id])

    def end(self) -> None:
        self.drive._over = 0.0


def test_a_call_that_was_made_but_not_yet_recorded_when_given_up_is_in_doubt(
    agents: AgentsKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away at the end of the slice, and back a moment later."""

    def away(held: Held, act: Act, outcome: Any) -> list[Act]:
        if isinstance(act, ToolAct):
            a_slice.end()
            raise OperationalError
        return settle(held, act, outcome)

    settle = drive.settle
    monkeypatch.setattr(drive, "settle", away)
    agents.scripted_llm(Clerk, calls("ring", number="1"), "Done.")
    a_slice = Slice()
    with settings_with(DRAIN_SECONDS=0.1, EXECUTOR="agents_app.testing.executor.WaitingExecutor"):
        run = start_run(Clerk, "x")
        engine().run(lambda on: a_slice.of(on, run))
    assert office.names() == ["ring"]
    assert (office.call_of(run).status, office.call_of(run).error_code) == (S.UNKNOWN, "worker_stopped")


def test_a_lease_is_believed_from_before_the_claim(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens between the claim and the first sign of life counts too."""
    claimed, renewed = [], []

    def claim(run_id: Any, **options: Any) -> Any:
        taken = take(run_id, **options)
        claimed.append(time.monotonic())
        return taken

    async def hold(on: Any, held: Held) -> None:
        renewed.append(held.renewed)
        await work(on, held)

    take, work = claims.claim, drive.hold
    monkeypatch.setattr(claims, "claim", claim)
    monkeypatch.setattr(drive, "hold", hold)
    assert driven(agents, "Done.").status is RunStatus.COMPLETED
    assert renewed[0] < claimed[0]


class Courier(Agent[str]):
    """Its tool may be repeated, and reconcile can say what became of it."""

    name = "courier"

    @tool(effect="idempotent", timeout=60, retries=1)
    def bring(self, context: ToolContext, what: str) -> str:
        """Bring something."""
        return office.behaviour["bring"](context, what)

    @bring.precondition
    def can_be_brought(self, context: ToolContext, what: str) -> bool | str:
        return "bring.precondition" not in office.behaviour

    @bring.reconcile
    def was_brought(self, context: ToolContext, what: str) -> Any:
        return not_happened


def test_reconcile_is_not_asked_while_an_earlier_attempt_may_be_under_way(agents: AgentsKit) -> None:
    """The worker was stopped during it; the next may not be made, and what becomes of the first is not known yet."""
    leave, a_slice = threading.Event(), Slice()
    office.behaviour["bring"] = lambda *_: (a_slice.end(), leave.wait(60))
    waiting = "agents_app.testing.executor.WaitingExecutor"
    with registry.override(Courier), settings_with(DRAIN_SECONDS=0.1, EXECUTOR=waiting):
        agents.scripted_llm(Courier, calls("bring", what="x"), "Done.")
        run = start_run(Courier, "x")
        engine().run(lambda on: a_slice.of(on, run))
        assert (office.call_of(run).status, office.call_of(run).in_doubt) == (S.READY, True)
        office.behaviour["bring.precondition"] = lambda *_: False
        engine().run(lambda on: Drive(on, others=False).run([run.id]))
        leave.set()
        assert office.call_of(run).status == S.UNKNOWN
        assert 50 < (due_in(run) or 0) <= 65
        with agents.move_time(66):
            drive_to_rest(run.id)
        assert office.call_of(run).status == S.REJECTED
