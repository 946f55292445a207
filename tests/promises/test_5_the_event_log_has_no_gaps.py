"""Promise 5. Every change has an event with the run's next number, in the same transaction; news come after commit."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction

from agents_app.core.status import ToolCallStatus
from agents_app.exceptions import IllegalMove
from agents_app.models import AgentContext, AgentEvent
from agents_app.services import Run
from agents_app.signals import event_recorded, run_changed
from agents_app.testing import approve_pending, calls, reject_pending, run_until_idle
from agents_app.testing.reading import event_types, events
from agents_app.transitions import change, runs
from tests import office
from tests.promises.mutants import Cut, Mutant, mutant
from tests.promises.stage import Stage
from tests.scenarios.meanwhile import elsewhere

PAY = calls("pay", to="Ann", amount=120)


def assert_numbered(run: Run[str]) -> None:
    numbers = [event.sequence for event in events(run)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert AgentContext.objects.get(pk=run.id).version == len(numbers)


def test_a_whole_story_is_told(stage: Stage) -> None:
    run = stage.play([PAY, calls("look", number="1")], "Done.")
    approve_pending(run, by=stage.dora, arguments={"amount": 100})
    run_until_idle()
    assert event_types(run) == [
        "run.started",
        "step.started",
        "step.completed",
        "tool_call.proposed",
        "tool_call.proposed",
        "approval.requested",
        "tool_call.started",
        "tool_call.succeeded",
        "run.waiting",
        "approval.edited",
        "approval.approved",
        "tool_call.started",
        "tool_call.succeeded",
        "step.started",
        "step.completed",
        "run.completed",
    ]
    assert_numbered(run)


def test_two_changes_at_once_have_two_numbers_and_both_count(stage: Stage) -> None:
    """While one change is under way the other waits for it, instead of losing or of taking the same number."""
    run = stage.play([PAY, calls("order", what="paper")], "Done.")
    dora, errors = stage.dora, []

    def decide() -> None:
        try:
            elsewhere(lambda: approve_pending(run, by=dora, tool="order"))
        except Exception as error:
            errors.append(error)

    other = threading.Thread(target=decide)
    with change(run.id) as edit:
        runs.pause(edit, by="somebody", reason="")
        other.start()
        other.join(0.5)
    other.join(30)
    assert errors == []
    assert office.context_of(run).paused_at is not None
    assert_numbered(run)


@contextmanager
def listening() -> Iterator[list[Any]]:
    """What is announced inside, and whether its row can be read from elsewhere at that moment."""
    heard: list[Any] = []

    def hear_event(sender: Any, event: Any, **kwargs: Any) -> None:
        rows = AgentEvent.objects.filter(context_id=event.run_id, sequence=event.sequence)
        heard.append((event.sequence, elsewhere(rows.exists)))

    def hear_change(sender: Any, run_id: Any, version: int, **kwargs: Any) -> None:
        heard.append((version, elsewhere(AgentContext.objects.filter(pk=run_id, version__gte=version).exists)))

    event_recorded.connect(hear_event)
    run_changed.connect(hear_change)
    try:
        yield heard
    finally:
        event_recorded.disconnect(hear_event)
        run_changed.disconnect(hear_change)


def test_news_come_after_the_commit(stage: Stage) -> None:
    with listening() as heard:
        run = stage.play("Done.")
    assert heard
    assert all(readable for _, readable in heard)
    assert {number for number, _ in heard} == {event.sequence for event in events(run)}


def test_no_news_of_what_was_rolled_back(stage: Stage) -> None:
    run = stage.play(PAY, "Done.")
    with listening() as heard, transaction.atomic():
        reject_pending(run, by=stage.dora)
        transaction.set_rollback(True)
    assert heard == []
    assert run.again() == run


def test_a_receiver_that_raises_hurts_nobody(stage: Stage) -> None:
    def explode(sender: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError

    event_recorded.connect(explode)
    run_changed.connect(explode)
    try:
        assert stage.play(calls("look", number="1"), "Done.").output == "Done."
    finally:
        event_recorded.disconnect(explode)
        run_changed.disconnect(explode)


def test_a_client_can_replay_from_any_number(stage: Stage) -> None:
    run = stage.play(calls("look", number="1"), "Done.")
    every = events(run)
    for after in range(len(every) + 1):
        assert list(run.watch(after)) == every[after:]


def pause_and_stumble(run: Run[str]) -> None:
    with change(run.id) as edit:
        runs.pause(edit, by="somebody", reason="")
        edit.set_status(edit.rows.calls[0], ToolCallStatus.SUCCEEDED)


def test_a_change_that_fails_leaves_no_event(stage: Stage) -> None:
    run = stage.play(PAY, "Done.")
    with pytest.raises(IllegalMove):
        pause_and_stumble(run)
    assert_numbered(run)
    assert run.again() == run


CHANGE = "agents_app.transitions.change:"
MUTANTS = [
    mutant(
        "a change records no event",
        test_a_whole_story_is_told,
        "agents_app.transitions.calls:succeed",
        "edit.record(EventType.TOOL_CALL_SUCCEEDED, **named(call))",
        "pass",
    ),
    mutant(
        "the version does not follow the events",
        test_a_whole_story_is_told,
        f"{CHANGE}Change.conclude",
        "self.context.version += len(self._events)",
        "self.context.version += 1 + len(self._events)",
    ),
    mutant(
        "events are numbered without the lock",
        test_two_changes_at_once_have_two_numbers_and_both_count,
        f"{CHANGE}_to_lock",
        "if connections[conf.DATABASE].features.has_select_for_update:",
        "if False:",
        only="postgresql",
    ),
    Mutant(
        name="events are numbered without lock and guard",
        check=test_two_changes_at_once_have_two_numbers_and_both_count,
        cuts=(
            Cut(
                target=f"{CHANGE}_to_lock",
                old="if connections[conf.DATABASE].features.has_select_for_update:",
                new="if False:",
            ),
            Cut(
                target=f"{CHANGE}Change._update_context",
                old='guard: dict[str, Any] = {"version": before["version"], "claim_number": before["claim_number"]}',
                new="guard: dict[str, Any] = {}",
            ),
        ),
        only="postgresql",
    ),
    mutant(
        "news are told before the commit",
        test_no_news_of_what_was_rolled_back,
        f"{CHANGE}Change._announce",
        "transaction.on_commit(lambda: tell(run_id, version, told), using=conf.DATABASE, robust=True)",
        "tell(run_id, version, told)",
    ),
    mutant(
        "news are told inside the transaction",
        test_news_come_after_the_commit,
        f"{CHANGE}Change._announce",
        "transaction.on_commit(lambda: tell(run_id, version, told), using=conf.DATABASE, robust=True)",
        "tell(run_id, version, told)",
    ),
    Mutant(
        name="a receiver that raises reaches the worker",
        check=test_a_receiver_that_raises_hurts_nobody,
        cuts=(
            Cut(target=f"{CHANGE}tell", old="run_changed.send_robust(", new="run_changed.send("),
            Cut(
                target=f"{CHANGE}Change._announce",
                old="lambda: tell(run_id, version, told), using=conf.DATABASE, robust=True",
                new="lambda: tell(run_id, version, told), using=conf.DATABASE",
            ),
        ),
    ),
]
