"""Driving runs on real threads and committed rows: from claim to rest, beside each other, and when things go wrong."""

import asyncio
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from agents_app import ApprovalRequired, Postpone, ToolFailed, ToolRetry, happened, not_happened
from agents_app.core.status import RunStatus, ToolCallStatus
from agents_app.definitions.registry import override_llm, registry
from agents_app.exceptions import LLMError
from agents_app.models import AgentContext, AgentEvent, AgentStep, ToolCall, database_now
from agents_app.runtime.alone import turns
from agents_app.runtime.drive import Drive, continue_run, drive_due, drive_to_rest
from agents_app.runtime.engines import engine
from agents_app.services import SYSTEM, Run, approve, cancel_run, pause_run, resume_run, start_run
from agents_app.testing import AgentsKit, calls, fails, hang, script
from agents_app.transitions import claims, thinking
from agents_app.transitions.change import change
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


# The way of a run.


def test_a_straight_answer(agents: AgentsKit) -> None:
    run = driven(agents, "Hello.")
    assert (run.status, run.output) == (RunStatus.COMPLETED, "Hello.")
    context = office.context_of(run)
    assert (context.lease_until, context.due_at, context.claim_number, context.claims_without_progress) == (
        None,
        None,
        1,
        0,
    )
    assert context.details.started_at is not None
    assert agents.event_types(run) == ["run.started", "step.started", "step.completed", "run.completed"]


def test_events_have_no_gap_and_every_step_its_number(agents: AgentsKit) -> None:
    run = driven(agents, [calls("look", number="1"), calls("send", text="x")], calls("write", text="y"), "Done.")
    assert [event.sequence for event in agents.events(run)] == list(range(1, run.version + 1))
    numbers = AgentStep.objects.filter(context_id=run.id).order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, len(numbers) + 1))


def test_reads_run_together_and_others_alone_in_the_proposed_order(agents: AgentsKit) -> None:
    together = threading.Barrier(2, timeout=30)
    office.behaviour["look"] = lambda *_: together.wait() and None
    run = driven(
        agents,
        [calls("send", text="a"), calls("look", number="1"), calls("look", number="2"), calls("write", text="b")],
        "Done.",
    )
    assert run.status is RunStatus.COMPLETED
    assert office.names() == ["send", "look", "look", "write"]


def test_two_calls_after_an_atomic_one(agents: AgentsKit) -> None:
    run = driven(agents, [calls("write", text="a"), calls("write", text="b"), calls("send", text="c")], "Done.")
    assert run.status is RunStatus.COMPLETED
    assert [value for _, value in office.done] == ["a", "b", "c"]


def test_a_mixed_batch_goes_on_without_the_one_that_waits(agents: AgentsKit) -> None:
    run = driven(agents, [calls("pay", to="Ada", amount="99"), calls("send", text="x")], "Done.")
    assert run.status is RunStatus.WAITING_FOR_APPROVAL
    assert office.names() == ["send"]
    request = office.request_of(run)
    approve(request.pk, by=office.decider(), digest=request.digest)
    drive_to_rest(run.id)
    assert run.again().status is RunStatus.COMPLETED
    assert office.names() == ["send", "pay"]


def test_a_call_approved_while_reads_run_starts_when_they_are_settled(agents: AgentsKit) -> None:
    """The holder hears of the decision by its heartbeat; the next step is chosen from the rows, not from memory."""
    looking, decided = threading.Event(), threading.Event()
    office.behaviour["look"] = lambda *_: (looking.set(), decided.wait(30), "seen")[2]
    agents.scripted_llm(Clerk, [calls("pay", to="Ada", amount="99"), calls("look", number="1")], "Done.")
    run = start_run(Clerk, "x")
    dora = office.decider()
    worker = office.thread(drive_to_rest, run.id)
    assert looking.wait(30)
    request = office.request_of(run)
    approve(request.pk, by=dora, digest=request.digest)
    decided.set()
    worker.join(60)
    assert run.again().status is RunStatus.COMPLETED
    assert office.names() == ["look", "pay"]
    assert office.context_of(run).claim_number == 1


# LLM.


def test_a_transient_error_backs_off_inside_the_slice(agents: AgentsKit) -> None:
    run = driven(agents, fails(1, LLMError("busy", code="overloaded", transient=True), then="Done."))
    assert run.status is RunStatus.COMPLETED
    step = AgentStep.objects.get(context_id=run.id, kind="think")
    assert (step.attempt, step.error_code) == (2, "")
    assert "run.scheduled" in agents.event_types(run)
    assert office.context_of(run).claim_number == 1


def test_a_long_back_off_gives_the_run_back_until_then(agents: AgentsKit) -> None:
    run = driven(agents, fails(1, LLMError("busy", transient=True, retry_after=60), then="Done."))
    assert run.status is RunStatus.SCHEDULED
    assert 50 < (due_in(run) or 0) <= 61  # a little more than was asked, so that not all come at once
    with agents.move_time(61):
        drive_to_rest(run.id)
    assert run.again().status is RunStatus.COMPLETED


def test_attempts_of_one_turn_are_limited(agents: AgentsKit) -> None:
    with settings_with(LLM_ATTEMPTS=2, EXECUTOR="agents_app.testing.executor.WaitingExecutor"):
        run = driven(agents, LLMError("busy", code="overloaded", transient=True))
        assert (run.status, run.error) == (RunStatus.FAILED, ("overloaded", "busy"))


@pytest.mark.parametrize(
    ("turn", "code"), [(LLMError("no key", code="auth"), "auth"), (ValueError("secret"), "llm_raised")]
)
def test_a_permanent_error_fails_the_run(agents: AgentsKit, turn: Exception, code: str) -> None:
    run = driven(agents, turn)
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert run.error[0] == code
    assert "secret" not in run.error[1]


def test_a_run_that_never_comes_to_an_answer_ends(agents: AgentsKit) -> None:
    run = driven(agents, *[calls("look", number=str(number)) for number in range(30)])
    assert run.error is not None
    assert run.error[0] == "max_steps"
    assert office.context_of(run).steps_used == Clerk.max_steps


# Tools: what each end means.


def raises(error: BaseException) -> Any:
    def behave(*_: Any) -> None:
        raise error

    return behave


@pytest.mark.parametrize("tool", ["look", "glance", "send", "book", "write"])
@pytest.mark.parametrize("error", [ToolRetry("write it so"), ToolFailed("sold out")])
def test_the_authors_word_that_nothing_happened_is_told_to_the_llm(
    agents: AgentsKit, tool: str, error: Exception
) -> None:
    office.behaviour[tool] = raises(error)
    name = {"look": "number", "glance": "number"}.get(tool, "text")
    run = driven(agents, calls(tool, **{name: "1"}), lambda request: request.messages[-1].content)
    assert run.output == str(error)
    call = office.call_of(run)
    assert (call.status, call.attempt) == (S.FAILED, 1)


@pytest.mark.parametrize(("tool", "attempts"), [("look", 3), ("glance", 3), ("write", 2)])
@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(3), asyncio.CancelledError()])
def test_what_may_be_repeated_is_repeated_then_failed(
    agents: AgentsKit, caplog: pytest.LogCaptureFixture, tool: str, attempts: int, error: BaseException
) -> None:
    office.behaviour[tool] = raises(error)
    run = driven(agents, calls(tool, **{"text" if tool == "write" else "number": "1"}), "Done.")
    assert run.status is RunStatus.COMPLETED
    call = office.call_of(run)
    assert (call.status, call.attempt, call.failures) == (S.FAILED, attempts, attempts)
    assert "secret" not in call.error
    assert "never retrieved" not in caplog.text
    records: list[Any] = [record for record in caplog.records if record.name == "agents_app.tools"]
    assert [(record.run_id, record.call_id, record.tool) for record in records] == [
        (str(run.id), str(call.pk), tool)
    ] * attempts
    said = [record.exc_info[1] for record in records]
    assert {type(error)} == {type(each.__cause__ or each) for each in said}
    assert {record.levelname for record in records} == {"ERROR"}


def test_a_repeated_call_keeps_its_step_and_its_key(agents: AgentsKit) -> None:
    tries: list[int] = []

    def second(*_: Any) -> str:
        tries.append(1)
        if len(tries) < 2:
            raise ValueError
        return "booked"

    office.behaviour["book"] = second
    run = driven(agents, calls("book", text="x"), "Done.")
    call = office.call_of(run)
    assert (call.status, call.result, call.attempt) == (S.SUCCEEDED, "booked", 2)
    assert office.keys[0] == office.keys[1] == call.idempotency_key == f"{call.pk}-{call.digest[:16]}"
    assert AgentStep.objects.filter(context_id=run.id, kind="use_tool").count() == 1


@pytest.mark.parametrize("tool", ["ring", "book"])
def test_what_may_have_happened_waits_for_a_person(agents: AgentsKit, tool: str) -> None:
    office.behaviour[tool] = raises(TimeoutError())
    run = driven(agents, calls(tool, **{"text" if tool == "book" else "number": "1"}), "Done.")
    assert run.status is RunStatus.WAITING_FOR_APPROVAL
    assert office.call_of(run).status == S.UNKNOWN
    assert due_in(run) is None


def test_a_call_that_hangs_is_given_up_and_its_context_is_dead(agents: AgentsKit) -> None:
    from agents_app.definitions.registry import definition_of

    leave = threading.Event()
    said: list[str] = []

    def hangs(context: Any, _: Any) -> None:
        leave.wait(20)
        try:
            said.append(str(context.run_id))
        except Exception as error:
            said.append(type(error).__name__)

    office.behaviour["ring"] = hangs
    spec = definition_of(Clerk).tools["ring"]
    object.__setattr__(spec, "timeout", 0.2)
    try:
        run = driven(agents, calls("ring", number="1"), "Done.")
    finally:
        object.__setattr__(spec, "timeout", 5.0)
    call = office.call_of(run)
    assert (call.status, call.error_code) == (S.UNKNOWN, "timeout")
    leave.set()
    until = time.monotonic() + 30
    while not said and time.monotonic() < until:
        time.sleep(0.01)
    assert said == ["ToolContextClosed"]


def test_a_tool_that_asks_for_approval_gets_it_and_is_called_again(agents: AgentsKit) -> None:
    asked: list[int] = []

    def asks_once(*_: Any) -> str:
        asked.append(1)
        if len(asked) == 1:
            raise ApprovalRequired("it is late")
        return "sent"

    office.behaviour["send"] = asks_once
    run = driven(agents, calls("send", text="x"), "Done.")
    request = office.request_of(run)
    assert (run.status, request.reason) == (RunStatus.WAITING_FOR_APPROVAL, "it is late")
    approve(request.pk, by=office.decider(), digest=request.digest)
    drive_to_rest(run.id)
    assert run.again().status is RunStatus.COMPLETED
    assert office.call_of(run).result == "sent"


def test_asking_again_under_a_valid_approval_has_failed(agents: AgentsKit) -> None:
    office.behaviour["send"] = raises(ApprovalRequired("always"))
    run = driven(agents, calls("send", text="x"), "Done.")
    request = office.request_of(run)
    approve(request.pk, by=office.decider(), digest=request.digest)
    drive_to_rest(run.id)
    assert run.again().status is RunStatus.COMPLETED
    assert office.call_of(run).status == S.FAILED


def test_a_postponed_call_is_made_then_and_holds_nothing_meanwhile(agents: AgentsKit) -> None:
    office.behaviour["send"] = raises(Postpone(timezone.now() + timedelta(hours=1), "shop is closed"))
    run = driven(agents, calls("send", text="x"), "Done.")
    assert run.status is RunStatus.SCHEDULED
    assert 3500 < (due_in(run) or 0) <= 3600
    told = AgentEvent.objects.get(context_id=run.id, type="run.scheduled").data["reason"]
    assert told == "send is tried again later: postponed", "what a tool says is for those who read the transcript"
    office.behaviour.clear()
    with agents.move_time(3601):
        drive_to_rest(run.id)
    assert run.again().status is RunStatus.COMPLETED
    assert office.names() == ["send", "send"]


# Reconcile, twins.


def in_doubt(agents: AgentsKit, said: Any) -> Run[str]:
    office.behaviour["send"] = raises(ValueError())
    run = driven(agents, calls("send", text="x"), "Done.")
    assert run.status is RunStatus.SCHEDULED
    assert 5 < (due_in(run) or 0) <= 10.5  # not before the call's own deadline and a margin
    office.behaviour.clear()
    office.behaviour["send.reconcile"] = lambda *_: said
    with agents.move_time(11):
        drive_to_rest(run.id)
    return run.again()


def test_reconcile_says_that_it_happened(agents: AgentsKit) -> None:
    run = in_doubt(agents, happened("message 7"))
    assert run.status is RunStatus.COMPLETED
    assert (office.call_of(run).status, office.call_of(run).result) == (S.SUCCEEDED, "message 7")
    assert office.names() == ["send"]


def test_reconcile_says_that_it_did_not_happen(agents: AgentsKit) -> None:
    run = in_doubt(agents, not_happened)
    assert run.status is RunStatus.COMPLETED
    assert office.names() == ["send", "send"]


@pytest.mark.parametrize("said", [None, "maybe"])
def test_reconcile_cannot_tell(agents: AgentsKit, said: Any) -> None:
    run = in_doubt(agents, said)
    assert (run.status, due_in(run)) == (RunStatus.WAITING_FOR_APPROVAL, None)


def test_a_twin_of_a_call_in_doubt_is_postponed(agents: AgentsKit) -> None:
    office.behaviour["ring"] = raises(ValueError())
    run = driven(agents, [calls("ring", number="1"), calls("ring", number="1"), calls("ring", number="2")], "Done.")
    first, second, other = ToolCall.objects.filter(context_id=run.id).order_by("number")
    assert (first.status, second.status, other.status) == (S.UNKNOWN, S.READY, S.UNKNOWN)
    assert second.attempt == 0
    assert 0 < (due_in(run) or 0) <= 15
    with agents.move_time(16):
        drive_to_rest(run.id)
        assert 0 < (due_in(run) or 0) <= 30


# People meanwhile.


def test_cancelling_while_the_llm_is_asked_ends_the_run_at_the_next_heartbeat(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, hang())
    with settings_with(HEARTBEAT_SECONDS=0.1, EXECUTOR="agents_app.testing.executor.WaitingExecutor"):
        run = start_run(Clerk, "x")
        worker = office.thread(drive_to_rest, run.id)
        wait_for(lambda: run.again().status is RunStatus.THINKING)
        cancel_run(run.id, by=SYSTEM)
        worker.join(30)
    assert run.again().status is RunStatus.CANCELLED


def test_a_call_under_way_is_waited_for_when_the_run_is_cancelled_or_paused(agents: AgentsKit) -> None:
    for command, status in ((cancel_run, RunStatus.CANCELLED), (pause_run, RunStatus.PAUSED)):
        going, leave = threading.Event(), threading.Event()
        office.behaviour["send"] = lambda *_, going=going, leave=leave: (going.set(), leave.wait(30), "sent")[2]
        agents.scripted_llm(Clerk, [calls("send", text="x"), calls("ring", number="1")], "Done.")
        run = start_run(Clerk, "x")
        worker = office.thread(drive_to_rest, run.id)
        assert going.wait(30)
        command(run.id, by=SYSTEM)
        leave.set()
        worker.join(60)
        assert run.again().status is status
        assert office.call_of(run, "send").status == S.SUCCEEDED
        assert "ring" not in office.names()


def wait_for(condition: Any, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


# Many, late, twice.


def test_continue_run_is_safe_twice_late_for_ended_runs_and_for_nonsense(agents: AgentsKit) -> None:
    run = driven(agents, calls("send", text="x"), "Done.")
    version = run.version
    for message in (str(run.id), str(run.id), "00000000-0000-0000-0000-000000000000", "nonsense", None):
        continue_run(message)  # type: ignore[arg-type]
    assert run.again().version == version
    assert office.names() == ["send"]


def test_two_workers_at_once_make_every_call_once(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, *[calls("send", text=str(number)) for number in range(5)], "Done.")
    runs = [start_run(Clerk, "x") for _ in range(3)]
    workers = [office.thread(drive_to_rest, run.id) for run in runs for _ in range(2)]
    for worker in workers:
        worker.join(30)
    drive_due()
    assert [run.again().status for run in runs] == [RunStatus.COMPLETED] * 3
    assert len(office.done) == 15


def test_one_wake_up_drives_other_due_runs_too(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, calls("look", number="1"), "Done.")
    runs = [start_run(Clerk, "x") for _ in range(5)]
    with settings_with(RUNS_PER_WORKER=2, EXECUTOR="agents_app.testing.executor.WaitingExecutor"):
        continue_run(str(runs[2].id))
    assert {run.again().status for run in runs} == {RunStatus.COMPLETED}


def test_a_run_whose_last_worker_died_is_taken_alone(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "Done.")
    dead, other = start_run(Clerk, "x"), start_run(Clerk, "x")
    AgentContext.objects.filter(pk=dead.id).update(claims_without_progress=1)
    engine().run(lambda on: Drive(on, others=True).run([dead.id]))
    assert (dead.again().status, other.again().status) == (RunStatus.COMPLETED, RunStatus.IDLE)


def test_a_run_whose_last_worker_died_has_its_turn_among_starts_without_end(agents: AgentsKit) -> None:
    """The worker is never empty by itself: it makes way, and holds nothing else while it drives that run."""
    held: list[int] = []

    def look(_: Any, number: str) -> str:
        if number != "dead" and not held:
            time.sleep(0.02)
            start_run(Clerk, "x")
        if number == "dead":
            held.append(AgentContext.objects.filter(lease_until__isnull=False).count())
        return "seen"

    office.behaviour["look"] = look
    agents.scripted_llm(Clerk, lambda request: calls("look", number=request.messages[0].text), "Done.")
    dead, *_ = [start_run(Clerk, text) for text in ("dead", "x", "x", "x")]
    AgentContext.objects.filter(pk=dead.id).update(claims_without_progress=1, due_at=database_now())
    given = {"HOLD_SECONDS": 0.2, "POLL_SECONDS": 0.05, "SLICE_SECONDS": 60}
    turns.come()  # not at the beginning of the slice
    with settings_with(**given, EXECUTOR="agents_app.testing.executor.WaitingExecutor"):
        engine().run(lambda on: Drive(on, others=True).run([]))
    assert dead.again().status is RunStatus.COMPLETED
    assert held == [1]


def test_a_slice_begins_with_one_whose_last_worker_died_if_it_is_its_turn(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "Done.")
    dead, hinted = start_run(Clerk, "x"), start_run(Clerk, "x")
    AgentContext.objects.filter(pk=dead.id).update(claims_without_progress=1)
    turns.forget()
    continue_run(str(hinted.id))
    assert (dead.again().status, hinted.again().status) == (RunStatus.COMPLETED, RunStatus.IDLE)
    continue_run(str(hinted.id))
    assert hinted.again().status is RunStatus.COMPLETED


def test_what_is_driven_by_hand_is_driven_alone_too_if_its_worker_died(agents: AgentsKit) -> None:
    held: list[int] = []
    office.behaviour["look"] = lambda *_: held.append(AgentContext.objects.filter(lease_until__isnull=False).count())
    agents.scripted_llm(Clerk, calls("look", number="1"), "Done.")
    runs = [start_run(Clerk, "x") for _ in range(3)]
    AgentContext.objects.update(claims_without_progress=1)
    assert drive_due() == 3
    assert ({run.again().status for run in runs}, held) == ({RunStatus.COMPLETED}, [1, 1, 1])


# What goes wrong.


def test_a_run_of_unknown_code_is_left_alone_then_failed(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, calls("pay", to="Ada", amount="99"), "Done.")
    run, dora = start_run(Clerk, "x"), office.decider()
    drive_to_rest(run.id)
    request = office.request_of(run)
    with registry.override():
        approve(request.pk, by=dora, digest=request.digest)
        before = database_now()
        drive_to_rest(run.id)
        due_at = office.context_of(run).due_at
        assert due_at is not None
        assert timedelta(seconds=5) <= due_at - before  # although a call is ready
        assert office.context_of(run).waits_for_code_since is not None
        assert (due_in(run) or 0) <= 5
        with agents.move_time(601):
            drive_to_rest(run.id)
        assert run.again().status is RunStatus.FAILED
    assert office.context_of(run).waits_for_code_since is None
    assert office.context_of(run).details.error_code == "unknown_agent"
    assert office.done == []


def test_patience_with_unknown_code_begins_anew_once_the_code_was_there(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, calls("pay", to="Ada", amount="99"), "Done.")
    run = start_run(Clerk, "x")
    with registry.override():
        drive_to_rest(run.id)
    assert office.context_of(run).unknown_since is not None
    with agents.move_time(700):
        drive_to_rest(run.id)
        assert run.again().status is RunStatus.WAITING_FOR_APPROVAL
        assert office.context_of(run).unknown_since is None


def test_poison_is_paused_for_a_person(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "Done.")
    run = start_run(Clerk, "x")
    AgentContext.objects.filter(pk=run.id).update(claims_without_progress=5)
    drive_to_rest(run.id)
    context = office.context_of(run)
    assert (context.status, context.due_at, context.details.held_by) == (RunStatus.PAUSED, None, "")
    assert "5 workers in a row" in context.details.held_why


def test_poison_that_a_person_resumes_may_ask_its_llm_anew(agents: AgentsKit) -> None:
    """Its dead workers have used up the attempts of the turn; whoever resumes it has seen to them."""
    agents.scripted_llm(Clerk, "Done.")
    run = start_run(Clerk, "x")
    dead = claims.claim(run.id)
    assert dead is not None
    with change(run.id, claim=dead.number) as edit:
        thinking.open_turn(edit, llm="demo")
    AgentStep.objects.filter(context=run.id).update(attempt=5)
    AgentContext.objects.filter(pk=run.id).update(claims_without_progress=5)
    with agents.move_time(31):
        drive_to_rest(run.id)
        assert run.again().status is RunStatus.PAUSED
        resume_run(run.id, by=SYSTEM)
        drive_to_rest(run.id)
    assert run.again().status is RunStatus.COMPLETED
    assert AgentStep.objects.get(context=run.id, kind="think").attempt == 6


def test_what_a_dead_worker_left_is_recovered_by_effect(agents: AgentsKit) -> None:
    """Its calls are settled by their effects and its turn is asked again, when its lease is over and not before."""
    leave = threading.Event()
    office.behaviour["send"] = lambda *_: leave.wait(20)
    agents.scripted_llm(Clerk, calls("ring", number="1"), "Done.")
    run = start_run(Clerk, "x")
    dead = claims.claim(run.id)
    assert dead is not None
    drive_to_rest(run.id)
    assert office.context_of(run).claim_number == 1
    with agents.move_time(31):
        drive_to_rest(run.id)
    context = office.context_of(run)
    assert context.claim_number == 2
    assert "run.recovered" in agents.event_types(run)
    assert run.again().status is RunStatus.COMPLETED
    leave.set()


def test_at_the_end_of_a_slice_open_calls_are_given_up_by_effect(agents: AgentsKit) -> None:
    leave = threading.Event()
    office.behaviour["ring"] = lambda *_: leave.wait(20)
    with settings_with(SLICE_SECONDS=0.1, DRAIN_SECONDS=0.1, EXECUTOR="agents_app.testing.executor.WaitingExecutor"):
        run = driven(agents, calls("ring", number="1"), "Done.")
    leave.set()
    assert run.status is RunStatus.WAITING_FOR_APPROVAL
    call, context = office.call_of(run), office.context_of(run)
    assert (call.status, call.error_code) == (S.UNKNOWN, "worker_stopped")
    assert context.lease_until is None


def test_the_immediate_executor_goes_on_after_a_slice_without_waiting_for_itself() -> None:
    async def slow() -> str:
        await asyncio.sleep(60)
        return "late"

    office.behaviour["glance"] = lambda *_: slow()
    given = {"EXECUTOR": "immediate", "SLICE_SECONDS": 0.1, "DRAIN_SECONDS": 0.1, "POLL_SECONDS": 0.05}
    with settings_with(**given), override_llm(Clerk, script(calls("glance", number="1"), "Done.")):
        run = start_run(Clerk, "x")
        assert run.wait(20).status is RunStatus.COMPLETED
    assert office.call_of(run).status == S.FAILED


# Many at once.


def test_a_long_run_gives_way_to_those_that_wait(agents: AgentsKit) -> None:
    """The worker drives one at a time; a short run does not wait until the long one has ended."""
    order: list[str] = []
    office.behaviour["look"] = lambda _, number: (time.sleep(0.05), order.append(number), "seen")[2]

    def said(request: Any) -> Any:
        return calls("look", number=request.messages[0].text)

    given = {"RUNS_PER_WORKER": 1, "HOLD_SECONDS": 0.05, "POLL_SECONDS": 0.05, "SLICE_SECONDS": 100}
    with settings_with(**given, EXECUTOR="agents_app.testing.executor.WaitingExecutor"):
        agents.scripted_llm(Clerk, *[said] * 24, "Done.")
        long, short = start_run(Clerk, "long"), start_run(Clerk, "short")
        AgentContext.objects.filter(pk=long.id).update(max_steps=100)
        AgentContext.objects.filter(pk=short.id).update(max_steps=2)
        continue_run(str(long.id))
    assert (long.again().status, short.again().ended) == (RunStatus.COMPLETED, True)
    assert order.count("long") == 24
    assert order.index("short") < 20
    assert office.context_of(long).claim_number > 1
