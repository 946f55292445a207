"""What people do while a worker is busy with the run, between what it saw and what it writes."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app import services
from agents_app.core.transcript import LLMReply, LLMRequest
from agents_app.exceptions import AgentsError, AlreadyDecided, LLMError, StaleContext
from agents_app.models import AgentContext, Decision, ToolCall
from agents_app.runtime import drive, iterate
from agents_app.runtime import held as held_module
from agents_app.runtime.drive import continue_run
from agents_app.runtime.held import Held, ThinkAct
from agents_app.services import Run, start_run
from agents_app.testing import answer_pending, approve_pending, calls, hang, move_time, reject_pending, run_until_idle
from agents_app.testing.kit import AgentsKit
from agents_app.transitions import claims
from tests import office
from tests.office import Clerk
from tests.scenarios.checks import assert_sound
from tests.scenarios.meanwhile import elsewhere, together

Started = Callable[..., Run[str]]
PAY = calls("pay", to="Ann", amount=120)


def run_id() -> Any:
    """Of the newest run."""
    return AgentContext.objects.order_by("-id").values_list("pk", flat=True)[0]


def meanwhile(name: str, function: Callable[[Any], Any]) -> None:
    """While the tool of this name runs, this is done with the run on another connection."""

    def act(context: Any, value: Any) -> str:
        if context.attempt == 1:
            elsewhere(function, context.run_id)
        return "done"

    office.behaviour[name] = act


def test_approved_while_another_call_runs(started: Started, dora: Any) -> None:
    meanwhile("send", lambda run: approve_pending(run, by=dora))
    run = started([PAY, calls("send", text="a")], "Done.")
    assert run.status == "completed"
    assert office.names() == ["send", "pay"]
    assert_sound(run)


def test_approved_with_other_arguments_while_another_call_runs(started: Started, dora: Any) -> None:
    meanwhile("send", lambda run: approve_pending(run, by=dora, arguments={"amount": 70}))
    run = started([PAY, calls("send", text="a")], "Done.")
    assert run.status == "completed"
    assert office.done[-1] == ("pay", ("Ann", Decimal(70)))


def test_rejected_while_another_call_runs(started: Started, dora: Any) -> None:
    meanwhile("send", lambda run: reject_pending(run, by=dora, reason="No."))
    run = started([PAY, calls("send", text="a")], "Done.")
    assert run.status == "completed"
    assert office.names() == ["send"]
    assert_sound(run)


def test_answered_while_a_call_runs(started: Started, carl: Any) -> None:
    meanwhile("send", lambda run: answer_pending(run, "yes", by=carl))
    run = started([calls("ask_user", question="Really?"), calls("send", text="a")], "Done.", user=carl)
    assert run.status == "completed"
    assert_sound(run)


def test_approved_while_an_atomic_call_runs(started: Started, dora: Any) -> None:
    """On SQLite the atomic call holds the only writer, so the decision comes in right after it."""
    deciding: list[threading.Thread] = []

    def decide(run: Any) -> None:
        approve_pending(run, by=dora)

    def act(context: Any, value: Any) -> str:
        deciding.append(threading.Thread(target=elsewhere, args=(decide, run_id())))
        deciding[0].start()
        return "done"

    office.behaviour["write"] = act
    run = started([PAY, calls("write", text="a")], "Done.")
    deciding[0].join()
    run_until_idle()
    assert run.again().status == "completed"
    assert office.names() == ["write", "pay"]


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_decided_while_the_gate_judges_another_call(
    started: Started, dora: Any, monkeypatch: pytest.MonkeyPatch, decision: str
) -> None:
    """What the gate says counts only for the version it was said of; the worker must look again, not wait."""
    run = started([PAY, calls("order", what="paper")], "Done.")
    approve_pending(run, by=dora, tool="pay")
    judge, asked = iterate.judge, []

    def judge_late(*args: Any) -> Any:
        verdicts = judge(*args)
        if not asked:
            asked.append(1)
            decide = approve_pending if decision == "approve" else reject_pending
            elsewhere(lambda: decide(run, by=dora, tool="order"))
        return verdicts

    monkeypatch.setattr(iterate, "judge", judge_late)
    run_until_idle()
    assert run.again().status == "completed"
    assert office.names() == (["pay", "order"] if decision == "approve" else ["pay"])
    assert_sound(run)


def test_approval_taken_back_by_pause_while_the_gate_judges(
    started: Started, dora: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(PAY, "Done.")
    approve_pending(run, by=dora)
    judge = iterate.judge

    def judge_late(*args: Any) -> Any:
        verdicts = judge(*args)
        elsewhere(lambda: services.pause_run(run.id, by=dora))
        return verdicts

    monkeypatch.setattr(iterate, "judge", judge_late)
    run_until_idle()
    assert run.again().status == "paused"
    assert office.done == []


def test_cancelled_while_the_llm_gives_its_last_answer(started: Started, dora: Any) -> None:
    def answer(request: LLMRequest) -> str:
        elsewhere(lambda: services.cancel_run(run_id(), by=dora))
        return "Done."

    run = started(answer)
    assert run.status == "cancelled"
    assert run.output is None
    assert_sound(run)


def test_paused_while_the_llm_proposes_calls(started: Started, dora: Any) -> None:
    def propose(request: LLMRequest) -> Any:
        elsewhere(lambda: services.pause_run(run_id(), by=dora))
        return [calls("look", number="1"), PAY]

    run = started(propose, "Done.")
    assert run.status == "paused"
    assert office.done == []
    services.resume_run(run.id, by=dora)
    run_until_idle()
    assert run.again().status == "waiting_for_approval"
    assert office.names() == ["look"]


def test_cancelled_while_a_call_is_started(started: Started, dora: Any) -> None:
    """What has started ends and is recorded as what it was; nothing else is started."""
    meanwhile("send", lambda run: services.cancel_run(run, by=dora, reason="Stop."))
    run = started([calls("send", text="a"), calls("send", text="b"), PAY], "Done.")
    assert run.status == "cancelled"
    assert [call.status for call in ToolCall.objects.filter(context_id=run.id).order_by("number")] == [
        "succeeded",
        "cancelled",
        "cancelled",
    ]
    assert office.done == [("send", "a")]
    assert_sound(run)


def test_cancelled_while_the_llm_hangs_it_is_not_waited_for(started: Started, dora: Any) -> None:
    def hang_forever(request: LLMRequest) -> Any:
        elsewhere(lambda: services.cancel_run(run_id(), by=dora))
        return hang()

    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "HEARTBEAT_SECONDS": 0.1}):
        run = started(hang_forever)
    assert run.status == "cancelled"
    assert_sound(run)


def test_expired_while_another_call_runs(started: Started, dora: Any) -> None:
    """The clock acts when the holder settles, before it decides what comes next."""
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "APPROVAL_EXPIRES_SECONDS": 0.2}):
        office.behaviour["send"] = lambda context, value: threading.Event().wait(0.4) or "sent"
        run = started([PAY, calls("send", text="a")], "Done.")
    assert run.status == "completed"
    assert office.request_of(run).status == "expired"
    assert_sound(run)


def test_two_approvers_at_once(started: Started, dora: Any) -> None:
    otto = office.decider("otto")
    run = started(PAY, "Done.")
    request = office.request_of(run)
    outcomes = together(
        lambda: services.approve(request.pk, by=dora, digest=request.digest),
        lambda: services.reject(request.pk, by=otto, reason="No."),
        lambda: services.approve(request.pk, by=otto, digest=request.digest),
    )
    losers = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(losers) == 2
    assert all(isinstance(loser, AlreadyDecided) for loser in losers), losers
    assert Decision.objects.filter(request=request).count() == 1
    run_until_idle()
    made = Decision.objects.get(request=request)
    assert office.names() == (["pay"] if made.verdict == "approved" else [])
    assert_sound(run)


def test_a_decision_and_a_cancel_at_once(started: Started, dora: Any) -> None:
    run = started(PAY, "Done.")
    request = office.request_of(run)
    outcomes = together(
        lambda: services.approve(request.pk, by=dora, digest=request.digest),
        lambda: services.cancel_run(run.id, by=dora),
    )
    assert all(isinstance(outcome, AgentsError) for outcome in outcomes if isinstance(outcome, Exception)), outcomes
    run_until_idle()
    assert run.again().status == "cancelled"
    assert office.done == []
    assert_sound(run)


def test_one_run_is_claimed_by_one_worker(agents: AgentsKit) -> None:
    run = start_run(Clerk, "go")
    claimed = together(*[lambda: claims.claim(run.id)] * 4)
    assert sorted(str(type(claim).__name__) for claim in claimed) == ["Claim", "NoneType", "NoneType", "NoneType"]


def test_many_hints_at_once_drive_a_run_once(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, [calls("send", text="a"), calls("book", text="b")], calls("write", text="c"), "Done.")
    run = start_run(Clerk, "go")
    together(*[lambda: continue_run(str(run.id))] * 4)
    assert run.again().output == "Done."
    assert office.names() == ["send", "book", "write"]
    assert_sound(run)


def hold_by_hand(run: Run[str]) -> Held:
    """Claim a run as a worker that then falls asleep."""
    claim = claims.claim(run.id)
    assert claim is not None
    from agents_app.definitions.registry import registry

    return Held(claim=claim, definition=registry.get("clerk"), inline=False)


def test_a_worker_that_lost_its_lease_cannot_write(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "The other's answer.")
    run = start_run(Clerk, "go")
    asleep = hold_by_hand(run)
    (act,) = iterate.prepare(asleep)
    assert isinstance(act, ThinkAct)
    with move_time(31):
        run_until_idle()
        before = run.again()
        assert before.output == "The other's answer."
        for outcome in (LLMReply(text="Mine."), LLMError("Mine.", transient=True)):
            with pytest.raises(StaleContext):
                iterate.settle(asleep, act, outcome)
        with pytest.raises(StaleContext):
            iterate.abandon(asleep, [act])
    assert run.again() == before
    assert_sound(run)


def test_a_worker_cannot_write_once_it_gave_the_run_back(agents: AgentsKit) -> None:
    run = start_run(Clerk, "go")
    asleep = hold_by_hand(run)
    acts = iterate.prepare(asleep)
    iterate.abandon(asleep, acts)
    with pytest.raises(StaleContext):
        iterate.settle(asleep, acts[0], LLMReply(text="Late."))
    assert run.again().status == "thinking"
    assert claims.heartbeat(run.id, asleep.claim.number, 30) is None


def test_a_stopped_worker_gives_back_what_may_be_repeated(agents: AgentsKit) -> None:
    """The end of a slice: reads may be done again, an external call's outcome is unknown."""
    asked, free = threading.Event(), threading.Event()

    def look(context: Any, number: str) -> Any:
        asked.set()
        return context.attempt > 1 or free.wait(30)

    office.behaviour["look"] = look
    agents.scripted_llm(Clerk, calls("look", number="1"), "Done.")
    run = start_run(Clerk, "go")
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "SLICE_SECONDS": 1.0, "DRAIN_SECONDS": 0.1}):
        while not asked.is_set():
            drive.continue_run(str(run.id))
    run_until_idle()  # the next slice is of the usual length
    free.set()
    assert run.again().output == "Done."
    assert office.call_of(run).attempt == 2
    assert_sound(run)


def test_a_call_that_was_opened_but_not_made_is_not_in_doubt(agents: AgentsKit) -> None:
    """The worker is stopped between the commit of the start and the call."""
    agents.scripted_llm(Clerk, calls("ring", number="7"), "Done.")
    run = start_run(Clerk, "go")
    held = hold_by_hand(run)
    (think,) = iterate.prepare(held)
    iterate.settle(held, think, drive.engine().run(lambda on: drive.perform(on, held, think)))
    assert office.call_of(run).status == "started"
    iterate.abandon(held, [])
    with move_time(2):
        run_until_idle()
    assert run.again().output == "Done."
    assert office.names() == ["ring"]
    assert_sound(run)


def test_a_worker_that_hangs_in_a_rule_of_the_author_loses_the_run(
    agents: AgentsKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is open in the run, and the heartbeat beats on: the lease must end all the same."""
    free, asked = threading.Event(), []

    def rule(*_: Any) -> bool:
        asked.append(1)
        if len(asked) == 1:
            free.wait(90)
        return False

    monkeypatch.setattr(held_module, "QUIET_SECONDS", 0.2)
    office.behaviour["pay.needs_approval"] = rule
    agents.scripted_llm(Clerk, PAY, "Done.")
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "LEASE_SECONDS": 3.0, "HEARTBEAT_SECONDS": 0.1}):
        run = start_run(Clerk, "go")
        stuck = threading.Thread(target=elsewhere, args=(drive.drive_due, 1))
        stuck.start()
        end = time.monotonic() + 60
        while not asked and time.monotonic() < end:
            time.sleep(0.01)
        while not run.again().ended and time.monotonic() < end:
            run_until_idle()
            time.sleep(0.05)
        free.set()
        stuck.join()
    assert run.again().output == "Done."
    assert office.names() == ["pay"]
    assert_sound(run)


def test_waiting_needs_no_worker_and_wakes_up_by_the_row(started: Started, dora: Any) -> None:
    run = started(PAY, "Done.")
    context = office.context_of(run)
    assert (context.due_at, context.lease_until, context.claims_without_progress) == (None, None, 0)
    with move_time(timedelta(days=30).total_seconds()):
        assert run_until_idle() == []
        approve_pending(run, by=dora)
        assert run_until_idle()[0].status == "completed"
