"""Promise 3. `started` is committed before a tool is called; only what its effect allows is done again."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from agents_app import services
from agents_app.core.outcomes import Ending, Outcome
from agents_app.core.status import ToolCallStatus
from agents_app.exceptions import Postpone, StaleContext, ToolFailed
from agents_app.models import ToolCall, database_now
from agents_app.runtime import drive, iterate
from agents_app.runtime.held import Held, ToolAct
from agents_app.services import Run
from agents_app.testing import calls, move_time, run_until_idle
from tests import office
from tests.promises.mutants import mutant
from tests.promises.stage import Stage
from tests.scenarios.meanwhile import elsewhere


def explode(context: Any, value: Any) -> str:
    raise TimeoutError("The bank did not answer.")


def started_by_a_worker_that_dies(stage: Stage, name: str) -> tuple[Run[str], Held, ToolAct]:
    """A run whose worker has committed the start of a call, and is never seen again."""
    parameter = "number" if name in ("look", "ring") else "text"
    run = stage.start(calls(name, **{parameter: "a"}), "Done.")
    held = stage.hold(run)
    (think,) = iterate.prepare(held)
    reply = drive.engine().run(lambda on: drive.perform(on, held, think))
    (act,) = iterate.settle(held, think, reply)
    assert isinstance(act, ToolAct)
    return run, held, act


def test_the_start_is_committed_before_the_call(stage: Stage) -> None:
    seen: list[ToolCall] = []

    def look_elsewhere(context: Any, value: Any) -> str:
        seen.append(elsewhere(lambda: ToolCall.objects.select_related("step").get(pk=context.call_id)))
        return "sent"

    for name in ("send", "look", "book", "write"):
        office.behaviour[name] = look_elsewhere
    batch = [calls("look", number="1"), calls("send", text="a"), calls("book", text="b"), calls("write", text="c")]
    stage.play(batch, "Done.")
    assert [(call.status, call.attempt) for call in seen] == [("started", 1)] * 4
    assert all(call.step is not None and call.claim_number for call in seen)
    assert all(call.idempotency_key for call in seen)


def test_an_external_call_whose_worker_died_is_not_repeated(stage: Stage) -> None:
    run, _, _ = started_by_a_worker_that_dies(stage, "ring")
    with move_time(31):
        run_until_idle()
    assert office.done == []
    assert office.call_of(run).status == "unknown"
    assert run.again().status == "waiting_for_approval"


def test_an_external_call_that_timed_out_is_neither_repeated_nor_called_failed(stage: Stage) -> None:
    office.behaviour["ring"] = explode
    run = stage.play(calls("ring", number="7"), "Done.")
    assert office.names() == ["ring"]
    assert office.call_of(run).status == "unknown"


def test_an_idempotent_call_is_repeated_with_its_key_and_at_last_unknown(stage: Stage) -> None:
    office.behaviour["book"] = explode
    run = stage.play(calls("book", text="a"), "Done.")
    assert office.names() == ["book", "book"]
    assert len(set(office.keys)) == 1
    assert office.call_of(run).status == "unknown"


def test_a_read_is_repeated_and_at_last_failed(stage: Stage) -> None:
    office.behaviour["look"] = explode
    run = stage.play(calls("look", number="a"), "Done.")
    assert len(office.done) == 3
    assert office.call_of(run).status == "failed"
    assert run.status == "completed"


def test_an_atomic_call_that_failed_has_not_happened(stage: Stage) -> None:
    def write(context: Any, value: Any) -> str:
        office.person(f"nora-{context.attempt}")
        raise ToolFailed("No.")

    office.behaviour["write"] = write
    run = stage.play(calls("write", text="a"), "Done.")
    assert office.call_of(run).status == "failed"
    assert not get_user_model().objects.exists()


def test_an_atomic_call_whose_record_is_refused_has_not_happened(stage: Stage) -> None:
    """Its worker was taken for dead meanwhile: the record and the effect are rolled back together."""

    def write(context: Any, value: Any) -> str:
        office.person(f"nora-{context.attempt}")
        if context.attempt == 1:
            ToolCall.objects.filter(pk=context.call_id).update(status=ToolCallStatus.READY, claim_number=None)
        return "written"

    office.behaviour["write"] = write
    run = stage.start(calls("write", text="a"), "Done.")
    run_until_idle()
    assert not get_user_model().objects.filter(username="nora-1").exists()
    assert run.again().status != "completed"


def test_an_attempt_is_settled_once(stage: Stage) -> None:
    """The first attempt, given up for lost, comes back while the second runs; its word is not the second's."""
    run, held, first = started_by_a_worker_that_dies(stage, "book")
    died = Outcome(ending=Ending.DIED, code="worker_lost", message="Lost.")
    (second,) = iterate.settle(held, first, died)
    assert isinstance(second, ToolAct)
    assert second.attempt == 2
    with pytest.raises(StaleContext):
        iterate.settle(held, first, Outcome(ending=Ending.REFUSED, code="tool_failed", message="Nothing happened."))
    assert office.call_of(run).status == "started"


def test_a_call_in_doubt_is_not_told_to_be_not_made(stage: Stage) -> None:
    """Its run is cancelled before it can be repeated."""

    def lost_then_later(context: Any, value: Any) -> str:
        if context.attempt == 1:
            raise TimeoutError
        raise Postpone(database_now() + timedelta(hours=1))

    office.behaviour["book"] = lost_then_later
    run = stage.play(calls("book", text="a"), "Done.")
    services.cancel_run(run.id, by=services.SYSTEM)
    assert office.call_of(run).status == "unknown"


def test_a_call_waits_for_its_twin_of_unknown_outcome(stage: Stage) -> None:
    office.behaviour["ring"] = explode
    stage.play(calls("ring", number="7"), "Done.", session="s")
    second = stage.play(calls("ring", number="7"), "Done.", session="s")
    assert second.status == "scheduled"
    assert office.names() == ["ring"]


def test_a_success_is_never_recorded_as_a_failure(stage: Stage) -> None:
    office.behaviour["send"] = lambda context, value: object()
    run = stage.play(calls("send", text="a"), "Done.")
    assert office.call_of(run).status == "succeeded"


OUTCOMES = "agents_app.core.outcomes:"
UNKNOWN = "return Meaning(status=ToolCallStatus.UNKNOWN)"
MUTANTS = [
    mutant(
        "the start is not committed before the call",
        test_the_start_is_committed_before_the_call,
        "agents_app.transitions.change:Change._update_row",
        "return update(row, names,",
        'return update(row, {name for name in names if getattr(row, name) != "started"},',
    ),
    mutant(
        "an external timeout counts as failed",
        test_an_external_call_that_timed_out_is_neither_repeated_nor_called_failed,
        f"{OUTCOMES}_in_doubt",
        UNKNOWN,
        "return Meaning(status=ToolCallStatus.FAILED)",
    ),
    mutant(
        "an external call is repeated after a death",
        test_an_external_call_whose_worker_died_is_not_repeated,
        f"{OUTCOMES}_in_doubt",
        UNKNOWN,
        "return Meaning(status=ToolCallStatus.READY)",
    ),
    mutant(
        "an idempotent call fails at last",
        test_an_idempotent_call_is_repeated_with_its_key_and_at_last_unknown,
        f"{OUTCOMES}_in_doubt",
        "ToolCallStatus.UNKNOWN if effect is Effect.IDEMPOTENT else ToolCallStatus.FAILED",
        "ToolCallStatus.FAILED",
    ),
    mutant(
        "retries are not counted",
        test_a_read_is_repeated_and_at_last_failed,
        f"{OUTCOMES}_in_doubt",
        "if failures < retries:",
        "if failures <= retries:",
    ),
    mutant(
        "every attempt has its own key",
        test_an_idempotent_call_is_repeated_with_its_key_and_at_last_unknown,
        "agents_app.transitions.calls:start",
        "idempotency_key=call.idempotency_key or key",
        'idempotency_key=f"{key[:50]}{call.attempt}"',
    ),
    mutant(
        "an atomic call has no transaction",
        test_an_atomic_call_that_failed_has_not_happened,
        "agents_app.runtime.atomic:_once",
        "transaction.atomic(using=conf.DATABASE, durable=True), _other_databases_read_only()",
        "_other_databases_read_only()",
    ),
    mutant(
        "settling is not guarded by the attempt",
        test_an_attempt_is_settled_once,
        "agents_app.runtime.iterate:_open_call",
        "or call.attempt != act.attempt:",
        "or False:",
    ),
    mutant(
        "doubt is forgotten when the run ends",
        test_a_call_in_doubt_is_not_told_to_be_not_made,
        "agents_app.transitions.calls:cancel",
        "if call.in_doubt and",
        "if False and",
    ),
    mutant(
        "twins do not wait",
        test_a_call_waits_for_its_twin_of_unknown_outcome,
        "agents_app.runtime.advance:_twin_unknown",
        "return twins.exists()",
        "return False",
    ),
    mutant(
        "a result that cannot be stored is a failure",
        test_a_success_is_never_recorded_as_a_failure,
        "agents_app.runtime.results:returned",
        "return Outcome(ending=Ending.RETURNED, result=None, note=note)",
        "return Outcome(ending=Ending.RAISED, result=None, note=note)",
    ),
]
