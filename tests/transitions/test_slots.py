"""Limits on how many runs are driven at once, kept by rows."""

import threading
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from agents_app.core import failpoints
from agents_app.models import AgentContext, AgentEvent, RunSlot, database_now
from agents_app.runtime.handling import deliver
from agents_app.selectors.audit import verify_runs
from agents_app.services import SYSTEM, cancel_run, start_run
from agents_app.signals import disconnect, receive
from agents_app.testing import AgentsKit
from agents_app.testing.executor import WaitingExecutor
from agents_app.transitions import claims, slots
from agents_app.transitions.slots import Limit
from tests import office
from tests.ears import ear, no_handlers
from tests.office import Clerk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("agents")]


def two_of_clerk(context: AgentContext) -> tuple[Limit, ...]:
    return (Limit(key=f"agent:{context.agent}", field="agent", most=2),)


def none(context: AgentContext) -> tuple[Limit, ...]:
    return ()


def started(number: int) -> list[UUID]:
    return [start_run(Clerk, "x").id for _ in range(number)]


def taken(number: int = 10, limits: Any = two_of_clerk) -> list[UUID]:
    return [claim.run_id for claim in claims.claim_due(number, limits=limits)]


def due_in(run_id: UUID) -> float:
    due = AgentContext.objects.get(pk=run_id).due_at
    assert due is not None
    return (due - database_now()).total_seconds()


def release(run_id: UUID) -> None:
    """As a transition does it: the slot's row stays."""
    AgentContext.objects.filter(pk=run_id).update(lease_until=None, due_at=None)


def test_so_many_are_taken_and_the_others_put_off() -> None:
    runs = started(5)
    before = database_now()
    assert taken() == runs[:2]
    assert claims.due_run_ids(10) == []
    rows = AgentContext.objects.in_bulk()
    for run_id in runs[2:]:
        row = rows[run_id]
        assert (row.at_limit, row.waits_for_slot, row.claim_number, row.version) == ("agent:clerk", "agent", 0, 2)
        assert row.due_at is not None
        assert before + timedelta(seconds=2) <= row.due_at <= database_now() + timedelta(seconds=8)
    assert {rows[run_id].waits_for_slot for run_id in runs[:2]} == {""}
    assert not claims.due_within(60), "nobody keeps watch for them"


def test_one_claim_counts_as_well() -> None:
    runs = started(3)
    assert [claims.claim(run_id, limits=two_of_clerk) is not None for run_id in runs] == [True, True, False]
    assert AgentContext.objects.get(pk=runs[2]).waits_for_slot == "agent"


def test_without_limits_it_costs_no_statement(django_assert_num_queries: Any) -> None:
    started(3)
    with django_assert_num_queries(5 if connection.vendor == "postgresql" else 4 + 3):
        assert len(taken(limits=none)) == 3
    assert not RunSlot.objects.exists()


def test_a_run_that_waits_does_not_count(django_assert_max_num_queries: Any) -> None:
    runs = started(3)
    first, second = taken(2)
    release(first)
    AgentContext.objects.filter(pk=runs[2]).update(due_at=database_now())
    assert taken() == [runs[2]]
    assert second in runs


def test_what_a_dead_worker_held_is_free_when_its_lease_is_over(agents: AgentsKit) -> None:
    runs = started(4)
    assert taken(2) == runs[:2]
    assert taken() == []
    with agents.move_time(31):
        AgentContext.objects.filter(pk__in=runs[:2]).update(claims_without_progress=0)
        again = taken()
        assert len(again) == 2, "their own, or those of others that are due now"
        assert len(taken()) == 0


def test_a_freed_slot_calls_the_first_that_was_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[UUID] = []
    monkeypatch.setattr(WaitingExecutor, "submit", lambda self, run_id, run_at=None: called.append(run_id))
    runs = started(5)
    urgent = start_run(Clerk, "x", priority="high").id
    assert taken(2, limits=none) == [urgent, runs[0]]
    release(urgent)
    release(runs[0])
    AgentContext.objects.filter(pk=runs[4]).update(priority=1)
    first, second = taken()
    assert (first, second) == (runs[4], runs[1])
    called.clear()
    release(first)
    slots.free(first, 1)
    assert not RunSlot.objects.filter(context_id=first).exists()
    next_one = min(runs[2], runs[3])  # held back at the same moment: then by their keys
    assert claims.due_run_ids(10) == [next_one]
    assert called in ([], [next_one])  # on commit
    assert taken() == [next_one]
    assert AgentContext.objects.get(pk=next_one).at_limit is None


def test_freeing_for_an_older_claim_leaves_the_newer_ones_slot() -> None:
    (run_id,) = started(1)
    taken()
    RunSlot.objects.update(claim_number=2)
    slots.free(run_id, 1)
    assert RunSlot.objects.count() == 1


def test_runs_at_a_limit_do_not_hide_those_behind_them() -> None:
    runs = started(30)
    AgentContext.objects.filter(pk__in=runs[:25]).update(agent="other")
    AgentContext.objects.filter(pk__in=runs[:25]).update(due_at=database_now() - timedelta(hours=1))

    def one_other(context: AgentContext) -> tuple[Limit, ...]:
        return (Limit(key="agent:other", field="agent", most=1),) if context.agent == "other" else ()

    found = taken(8, limits=one_other)
    assert len([run_id for run_id in found if run_id in runs[:25]]) == 1
    assert set(runs[25:]) <= set(found)


def test_the_longer_it_waited_the_later_it_looks_again_but_not_for_ever(agents: AgentsKit) -> None:
    runs = started(3)
    taken()
    AgentContext.objects.filter(pk=runs[2]).update(
        due_at=database_now(), at_limit_since=database_now() - timedelta(hours=5)
    )
    assert taken() == []
    assert 28 <= due_in(runs[2]) <= 91


def test_several_limits_hold_together() -> None:
    def limits(context: AgentContext) -> tuple[Limit, ...]:
        return (Limit(key="agent:clerk", field="agent", most=3), Limit(key="user:1", field="user_id", most=1))

    runs = started(3)
    assert taken(limits=limits) == runs[:1]
    assert AgentContext.objects.get(pk=runs[1]).waits_for_slot == "user"


def test_dead_slots_are_forgotten(agents: AgentsKit) -> None:
    runs = started(2)
    taken()
    release(runs[0])
    slots.forget_dead()
    assert [slot.context_id for slot in RunSlot.objects.all()] == [runs[1]]


def test_one_that_was_cancelled_while_it_waited_is_not_called() -> None:
    runs = started(4)
    taken()
    cancel_run(runs[2], by=SYSTEM)
    release(runs[0])
    slots.free(runs[0], 1)
    assert claims.due_run_ids(9) == [runs[3]]
    assert AgentContext.objects.get(pk=runs[2]).waits_for_slot == ""


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_gets_the_last_slot() -> None:
    runs = started(12)
    together, won = threading.Barrier(6), []

    def worker() -> None:
        together.wait()
        for _ in range(4):
            won.extend(claim.run_id for claim in claims.claim_due(1, limits=two_of_clerk))

    threads = [office.thread(worker) for _ in range(6)]
    for thread in threads:
        thread.join()
    assert len(won) == 2
    assert set(won) <= set(runs)
    assert RunSlot.objects.count() == 2


@pytest.mark.postgresql_only
@pytest.mark.django_db(transaction=True)
def test_who_is_put_off_while_a_slot_is_freed_is_called() -> None:
    """It has counted the slots, and is not yet written as held back: whoever frees one waits for that."""
    runs = started(3)
    assert taken(2) == runs[:2]
    freed: list[Any] = []

    def free_now(name: str, about: Any) -> None:
        if name == "slots.granted" and not freed:
            freed.append(office.thread(lambda: (release(runs[0]), slots.free(runs[0], 1))))
            end = time.monotonic() + 30
            while freed[0].is_alive() and not somebody_waits_for_a_limit() and time.monotonic() < end:
                time.sleep(0.02)

    failpoints.listen(free_now)
    try:
        assert taken() == []
    finally:
        failpoints.listen(None)
    freed[0].join(30)
    assert due_in(runs[2]) <= 0


def somebody_waits_for_a_limit() -> bool:
    here = "SELECT oid FROM pg_database WHERE datname = current_database()"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = ({here})")
        return cursor.fetchone() is not None


# In turn.


def test_a_high_priority_goes_first_and_a_low_one_grows_older() -> None:
    low, normal = start_run(Clerk, "x", priority="low").id, start_run(Clerk, "x").id
    high = start_run(Clerk, "x", priority="high").id
    assert claims.due_run_ids(9) == [high, normal, low]
    AgentContext.objects.filter(pk=low).update(due_at=database_now() - timedelta(seconds=61))
    assert claims.due_run_ids(9) == [high, low, normal]
    AgentContext.objects.filter(pk=low).update(due_at=database_now() - timedelta(seconds=130))
    assert claims.due_run_ids(9) == [low, high, normal]
    assert taken(2, limits=none) == [low, high]


def test_a_heap_of_low_ones_does_not_hide_a_normal_one() -> None:
    heap = started(30)
    AgentContext.objects.filter(pk__in=heap).update(priority=-1)
    AgentContext.objects.filter(pk__in=heap).update(due_at=database_now() - timedelta(seconds=30))
    normal = start_run(Clerk, "x").id
    assert taken(3, limits=none)[0] == normal


def held_back(run_id: UUID) -> list[dict[str, Any]]:
    return [event.data for event in AgentEvent.objects.filter(context_id=run_id, type="run.held_back")]


def test_each_holding_is_told_once(agents: AgentsKit) -> None:
    first, second, third = started(3)
    assert taken() == [first, second]
    AgentContext.objects.filter(pk=third).update(due_at=database_now())
    assert taken() == [], "it is looked for a slot again"
    assert held_back(third) == [{"limit": "agent", "most": 2}]
    assert (held_back(first), held_back(second)) == ([], [])
    release(first)
    AgentContext.objects.filter(pk=third).update(due_at=database_now())
    assert taken() == [third]
    release(third)
    AgentContext.objects.filter(pk__in=[first, third]).update(due_at=database_now(), claims_without_progress=0)
    assert len(taken()) == 1
    events = AgentEvent.objects.filter(context_id__in=[first, third], type="run.held_back")
    assert events.count() == 2, "another holding, another word"
    for run_id in (first, second, third):
        numbers = list(
            AgentEvent.objects.filter(context_id=run_id).order_by("sequence").values_list("sequence", flat=True)
        )
        assert numbers == list(range(1, AgentContext.objects.get(pk=run_id).version + 1))
    assert [found for found in verify_runs(AgentContext.objects.all(), until=None) if found] == []


def test_handlers_and_receivers_are_told(django_capture_on_commit_callbacks: Any) -> None:
    heard: list[str] = []
    run_id = started(3)[2]
    with no_handlers():
        listening = ear("run.held_back")
        receive("run.held_back")(note := lambda event: heard.append(event.data["limit"]))
        try:
            with django_capture_on_commit_callbacks(execute=True):
                taken()
        finally:
            disconnect(note)
        deliver()
    assert heard == ["agent"]
    assert [event.run_id for event in listening.heard] == [run_id]
