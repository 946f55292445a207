"""A call whose outcome nobody knows: settled by its tool, or by a person, and never repeated silently."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from agents_app import services
from agents_app.core.transcript import LLMRequest
from agents_app.definitions.reconcile import happened, not_happened
from agents_app.exceptions import ApprovalRequired, InvalidInput, NotPermitted, Postpone, WrongState
from agents_app.models import ToolCall, database_now
from agents_app.services import Run
from agents_app.testing import approve_pending, calls, move_time, reject_pending, run_until_idle
from tests import office
from tests.scenarios.checks import assert_sound

Started = Callable[..., Run[str]]


class Receipt(BaseModel):
    """A result that is no JSON by itself."""

    amount: Decimal


def told(request: LLMRequest) -> str:
    return request.messages[-1].content  # type: ignore[union-attr,no-any-return]


def explode(context: Any, value: Any) -> str:
    raise ConnectionError("Read timed out.")


def explode_once(context: Any, value: Any) -> str:
    if context.attempt == 1:
        raise ConnectionError("Read timed out.")
    return "second"


@pytest.fixture
def lost(started: Started) -> Callable[..., Run[str]]:
    """A run with a call of unknown outcome that only a person can settle."""

    def begin(behave: Any = explode, **options: Any) -> Run[str]:
        office.behaviour["ring"] = behave
        run = started(calls("ring", number="7"), told, **options)
        assert run.status == "waiting_for_approval"
        assert office.call_of(run).status == "unknown"
        return run

    return begin


def test_it_happened(lost: Any, dora: Any) -> None:
    run = lost()
    services.settle_outcome(office.call_of(run).pk, "happened", by=dora, result="It rang.")
    run_until_idle()
    assert run.again().output == '"It rang."'
    assert office.names() == ["ring"]
    assert_sound(run)


def test_try_again_uses_the_same_key(lost: Any, dora: Any) -> None:
    run = lost(explode_once)
    services.settle_outcome(office.call_of(run).pk, "try_again", by=dora)
    run_until_idle()
    assert run.again().output == '"second"'
    assert office.keys[0] == office.keys[1] is not None
    assert_sound(run)


def test_given_up(lost: Any, dora: Any) -> None:
    run = lost()
    services.settle_outcome(office.call_of(run).pk, "give_up", by=dora, reason="Nobody heard it.")
    run_until_idle()
    assert run.again().output == "Nobody heard it."
    assert office.call_of(run).status == "failed"
    assert_sound(run)


def test_who_may_settle_and_how(lost: Any, dora: Any, carl: Any) -> None:
    run = lost(user=carl)
    call = office.call_of(run)
    with pytest.raises(NotPermitted):
        services.settle_outcome(call.pk, "happened", by=carl)
    with pytest.raises(InvalidInput):
        services.settle_outcome(call.pk, "approved", by=dora)
    with pytest.raises(InvalidInput):
        services.settle_outcome(call.pk, "happened", by=dora, result=object())
    services.settle_outcome(call.pk, "happened", by=dora, result="a\x00b")
    with pytest.raises(WrongState):
        services.settle_outcome(call.pk, "give_up", by=dora, reason="lost")
    assert office.call_of(run).result == "a\N{REPLACEMENT CHARACTER}b"


def test_it_is_never_repeated_by_itself(lost: Any) -> None:
    run = lost()
    with move_time(timedelta(days=365).total_seconds()):
        run_until_idle()
    assert office.names() == ["ring"]
    assert run.again().status == "waiting_for_approval"


def test_a_cancelled_run_keeps_it_until_somebody_settles_it_for_the_record(lost: Any, dora: Any) -> None:
    run = lost()
    services.cancel_run(run.id, by=dora)
    assert run.again().status == "cancelled"
    call = office.call_of(run)
    assert call.status == "unknown"
    with pytest.raises(WrongState):
        services.settle_outcome(call.pk, "try_again", by=dora)
    services.settle_outcome(call.pk, "happened", by=dora, result="rang")
    run_until_idle()
    assert (office.call_of(run).status, run.again().status) == ("succeeded", "cancelled")
    assert_sound(run)


@pytest.mark.parametrize(
    ("said", "status", "times"),
    [
        (lambda *_: happened(Receipt(amount=Decimal("1.50"))), "succeeded", 1),
        (lambda *_: not_happened, "succeeded", 2),
        (lambda *_: None, "unknown", 1),
        (explode, "unknown", 1),
    ],
    ids=["happened", "not happened", "cannot tell", "raises"],
)
def test_the_tool_is_asked_once_nothing_of_the_call_is_under_way(
    started: Started, said: Any, status: str, times: int
) -> None:
    office.behaviour |= {"send": explode_once, "send.reconcile": said}
    run = started(calls("send", text="a"), "Done.")
    assert run.status == "scheduled"
    assert office.names() == ["send"]
    with move_time(5 + 5 + 1):
        run_until_idle()
    assert office.call_of(run).status == status
    assert office.names() == ["send"] * times
    assert run.again().status == ("completed" if status == "succeeded" else "waiting_for_approval")
    assert_sound(run)


def test_a_result_that_the_tool_remembers_is_stored_as_if_it_had_returned_it(started: Started) -> None:
    office.behaviour |= {"send": explode, "send.reconcile": lambda *_: happened("a\x00" + "x" * 200_000)}
    run = started(calls("send", text="a"), "Done.")
    with move_time(11):
        run_until_idle()
    call = office.call_of(run)
    assert (call.status, len(str(call.result))) == ("succeeded", 100_000)
    assert call.note


def test_the_same_call_waits_for_its_twin(started: Started, dora: Any) -> None:
    """The LLM of another run of the session wants to ring the same number: it may have rung already."""
    office.behaviour["ring"] = explode_once
    first = started(calls("ring", number="7"), "First.", session="s", user=dora)
    second = started(calls("ring", number="7"), "Second.", session="s", user=dora)
    assert (first.again().status, second.status) == ("waiting_for_approval", "scheduled")
    third = started(calls("ring", number="8"), "Third.", session="s", user=dora)
    assert third.status == "waiting_for_approval"  # another number rings, and is lost too
    assert len(office.done) == 2
    with move_time(16):
        run_until_idle()
    assert len(office.done) == 2
    services.settle_outcome(office.call_of(first).pk, "give_up", by=dora, reason="lost")
    office.behaviour.clear()
    with move_time(60):
        run_until_idle()
    assert second.again().status == "completed"
    assert [value for _, value in office.done] == ["7", "8", "7"]


def test_a_person_s_word_counts_while_the_tool_is_being_asked(started: Started, dora: Any) -> None:
    from tests.scenarios.meanwhile import elsewhere

    def slow(context: Any, text: str) -> Any:
        call = ToolCall.objects.get(pk=context.call_id)
        elsewhere(lambda: services.settle_outcome(call.pk, "happened", by=dora, result="She saw it."))
        return not_happened

    office.behaviour |= {"send": explode, "send.reconcile": slow}
    run = started(calls("send", text="a"), told)
    with move_time(11):
        run_until_idle()
    assert run.again().output == '"She saw it."'
    assert office.names() == ["send"]


# An idempotent call may be repeated with its key, but it is not forgotten that it may have happened.


def test_an_idempotent_call_ends_unknown_when_its_retries_are_used_up(started: Started) -> None:
    office.behaviour["book"] = explode
    run = started(calls("book", text="a"), "Done.")
    assert office.call_of(run).status == "unknown"
    assert len(office.keys) == 2
    assert office.keys[0] == office.keys[1]
    assert run.status == "waiting_for_approval"


def in_doubt(started: Started, **options: Any) -> Run[str]:
    """A run with an idempotent call that may have happened, and that is to be repeated later."""

    def first_lost_then_postponed(context: Any, value: Any) -> str:
        if context.attempt == 1:
            raise ConnectionError
        if context.attempt == 2:
            raise Postpone(database_now() + timedelta(minutes=10))
        return "booked"

    office.behaviour["order"] = first_lost_then_postponed
    run = started(calls("order", what="paper"), told, **options)
    approve_pending(run, by=office.decider("otto"))
    run_until_idle()
    assert (office.call_of(run).status, office.call_of(run).attempt) == ("ready", 2)
    return run


def test_cancelling_does_not_say_that_it_was_not_made(started: Started, dora: Any) -> None:
    run = in_doubt(started)
    services.cancel_run(run.id, by=dora)
    assert run.again().status == "cancelled"
    assert office.call_of(run).status == "unknown"
    assert_sound(run)


def test_a_deadline_does_not_say_that_it_was_not_made(started: Started, dora: Any) -> None:
    """Else a retry of the run would tell the LLM so, and it would order anew, with a new key."""
    run = in_doubt(started, limits={"timeout": 300.0})
    with move_time(301):
        run_until_idle()
    assert run.again().status == "failed"
    assert office.call_of(run).status == "unknown"
    with pytest.raises(WrongState) as refusal:
        services.retry_run(run.id, by=dora)
    assert refusal.value.code == "unknown_outcomes"
    services.settle_outcome(office.call_of(run).pk, "happened", by=dora, result="ordered")
    services.retry_run(run.id, by=dora)
    run_until_idle()
    assert run.again().output == '"ordered"'
    assert_sound(run)


def test_it_cannot_be_edited_and_keeps_its_key(started: Started, dora: Any) -> None:
    run = in_doubt(started)
    with move_time(4000):
        run_until_idle()
        assert run.again().status == "waiting_for_approval"
        with pytest.raises(WrongState):
            approve_pending(run, by=dora, arguments={"what": "gold"})
        approve_pending(run, by=dora)
        run_until_idle()
    assert office.done == [("order", "paper")] * 3
    assert len(set(office.keys)) == 1
    assert run.again().output == '"booked"'


def test_an_edit_before_the_first_start_makes_a_new_key(started: Started, dora: Any) -> None:
    run = started(calls("order", what="paper"), "Done.")
    before = office.call_of(run).digest
    approve_pending(run, by=dora, arguments={"what": "ink"})
    run_until_idle()
    call = office.call_of(run)
    assert call.digest != before
    assert call.idempotency_key == f"{call.pk}-{call.digest[:16]}"
    assert office.keys == [call.idempotency_key]


def test_a_no_to_another_attempt_does_not_say_that_it_was_not_made(started: Started, dora: Any) -> None:
    run = in_doubt(started)
    with move_time(4000):
        run_until_idle()
        reject_pending(run, by=dora, reason="Not again.")
        run_until_idle()
        assert office.call_of(run).status == "unknown"
        assert run.again().status == "waiting_for_approval"
        services.settle_outcome(office.call_of(run).pk, "give_up", by=dora, reason="The shop knows of nothing.")
        run_until_idle()
    assert run.again().output == "The shop knows of nothing."
    assert_sound(run)


def test_a_gate_that_refuses_another_attempt_does_not_say_that_it_was_not_made(started: Started, dora: Any) -> None:
    """The precondition does not hold any more, perhaps because the first attempt has taken effect."""
    office.behaviour["pay"] = explode
    run = started(calls("pay", to="Ann", amount=20), "Done.")
    services.settle_outcome(office.call_of(run).pk, "try_again", by=dora)
    office.behaviour["pay.precondition"] = lambda *_: "It is paid already."
    run_until_idle()
    assert office.call_of(run).status == "unknown"
    assert office.names() == ["pay"]
    assert run.again().status == "waiting_for_approval"


def test_a_no_counts_once_the_tool_says_that_nothing_had_happened(started: Started, dora: Any) -> None:
    """A call was lost, is tried again at a person's word, asks for approval by itself, and gets a no."""

    def lost_then_ask(context: Any, value: Any) -> str:
        raise ConnectionError if context.attempt == 1 else ApprovalRequired("The receiver is new.")

    office.behaviour |= {"send": lost_then_ask, "send.reconcile": lambda *_: not_happened}
    run = started(calls("send", text="a"), told)
    services.settle_outcome(office.call_of(run).pk, "try_again", by=dora)
    run_until_idle()
    reject_pending(run, by=dora, reason="Not to him.")
    with move_time(11):  # it is not asked while something of the call may be under way
        run_until_idle()
    assert office.call_of(run).status == "failed"
    assert run.again().output == "Not to him."
    assert office.names() == ["send", "send"]
    assert_sound(run)
