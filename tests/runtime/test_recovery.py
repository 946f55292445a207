"""The sweep: new hints for what is due and nobody works on."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from agents_app.models import AgentContext, database_now
from agents_app.runtime import recovery
from agents_app.runtime.recovery import sweep
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit
from agents_app.testing.executor import WaitingExecutor
from agents_app.transitions import claims
from tests import office
from tests.office import Clerk
from tests.stopped import stopped_clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def hints(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    sent: list[UUID] = []
    monkeypatch.setattr(WaitingExecutor, "submit", lambda self, run_id, run_at=None: sent.append(run_id))
    return sent


def due(number: int = 1) -> list[Run[Any]]:
    return [start_run(Clerk, "x") for _ in range(number)]


def test_every_due_run_that_nobody_holds_gets_a_hint_oldest_first(hints: list[UUID]) -> None:
    first, second, held, later, ended = due(5)
    claims.claim(held.id)
    rows = AgentContext.objects
    rows.filter(pk=later.id).update(due_at=database_now() + timedelta(hours=1))
    rows.filter(pk=ended.id).update(status="completed", due_at=None)
    rows.filter(pk=second.id).update(due_at=database_now() - timedelta(hours=1))
    found = sweep()
    assert hints == [second.id, first.id] == list(found.hinted)
    assert (found.due, found.stale_leases) == (2, 0)


def test_a_lease_that_ran_out_is_due(hints: list[UUID], agents: AgentsKit) -> None:
    (run,) = due()
    claims.claim(run.id)
    with agents.move_time(31):
        found = sweep()
    assert (found.stale_leases, hints) == (1, [run.id])


def test_hints_come_after_doubling_intervals(hints: list[UUID], agents: AgentsKit) -> None:
    due()
    times = []
    with stopped_clock():
        for second in range(0, 200, 5):
            with agents.move_time(second):
                before = len(hints)
                sweep()
                if len(hints) > before:
                    times.append(second)
    assert times == [0, 5, 15, 35, 75, 155]


def test_a_claim_begins_the_intervals_anew(hints: list[UUID], agents: AgentsKit) -> None:
    (run,) = due()
    sweep()
    claims.claim(run.id)
    context = office.context_of(run)
    assert (context.hints, context.hinted_at) == (0, None)


def test_a_dry_run_sends_nothing_and_notes_nothing(hints: list[UUID]) -> None:
    (run,) = due()
    assert sweep(dry_run=True).hinted == (run.id,)
    assert hints == []
    assert sweep(dry_run=True).hinted == (run.id,)


def test_runs_that_were_hinted_at_do_not_hide_those_behind_them(
    hints: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "MOST", 2)
    runs = due(3)
    assert sweep().hinted == (runs[0].id, runs[1].id)
    assert sweep().hinted == (runs[2].id,)
    assert sweep().hinted == ()


def test_what_has_just_fallen_due_is_woken_once(hints: list[UUID]) -> None:
    runs = due(2)
    assert recovery.wake()
    assert hints == [run.id for run in runs]
    assert recovery.wake()
    assert len(hints) == 2
    assert sweep().hinted == ()  # it counts as the first hint of the intervals


def test_a_few_are_woken_at_a_time(hints: list[UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "MOST_AT_ONCE", 2)
    runs = due(3)
    assert recovery.wake()
    assert hints == [run.id for run in runs[:2]]
    assert recovery.wake()
    assert hints[2:] == [runs[2].id]


def test_waking_says_that_the_queue_is_down(hints: list[UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = due()
    monkeypatch.setattr(recovery.hints, "send_hint", lambda run_id: False)
    assert not recovery.wake()
    assert office.context_of(run).hinted_at is None


def test_a_nudge_is_for_the_oldest_however_often_it_was_hinted_at(hints: list[UUID]) -> None:
    assert not recovery.nudge()
    runs = due(2)
    sweep()
    hints.clear()
    assert recovery.nudge()
    assert recovery.nudge()
    assert hints == [runs[0].id] * 2
