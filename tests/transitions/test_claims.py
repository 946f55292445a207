"""Taking a run for a while."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from agents_app.core.status import RunStatus
from agents_app.models import AgentContext, database_now
from agents_app.services import SYSTEM, cancel_run, pause_run, start_run
from agents_app.testing import AgentsKit
from agents_app.transitions import claims
from tests import office
from tests.office import Clerk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("agents")]


def test_a_claim_counts_first_and_holds_for_a_lease() -> None:
    run = start_run(Clerk, "x")
    claim = claims.claim(run.id)
    assert claim is not None
    assert (claim.run_id, claim.number, claim.recovered, claim.deaths) == (run.id, 1, False, 0)
    context = office.context_of(run)
    assert (context.claim_number, context.claims_without_progress, context.version) == (1, 1, 1)
    assert context.lease_until is not None
    assert timedelta(seconds=25) < context.lease_until - database_now() <= timedelta(seconds=30)
    assert claims.claim(run.id) is None


def test_a_run_whose_lease_is_over_is_taken_again_with_a_higher_number(agents: AgentsKit) -> None:
    run = start_run(Clerk, "x")
    claims.claim(run.id)
    with agents.move_time(31):
        claim = claims.claim(run.id)
    assert claim is not None
    assert (claim.number, claim.recovered, claim.deaths) == (2, True, 1)


def test_what_is_not_due_ended_or_not_there_is_not_taken() -> None:
    paused, ended, unknown = start_run(Clerk, "x"), start_run(Clerk, "x"), start_run(Clerk, "x")
    pause_run(paused.id, by=SYSTEM)
    assert cancel_run(ended.id, by=SYSTEM).status is RunStatus.CANCELLED
    AgentContext.objects.filter(pk=unknown.id).delete()
    for run in (paused, ended, unknown):
        assert claims.claim(run.id) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_gets_it() -> None:
    run = start_run(Clerk, "x")
    together, won = threading.Barrier(6), []

    def worker() -> None:
        together.wait()
        claim = claims.claim(run.id)
        if claim is not None:
            won.append(claim.number)

    threads = [office.thread(worker) for _ in range(6)]
    for thread in threads:
        thread.join()
    assert won == [1]


def test_due_runs_come_oldest_first_and_those_of_dead_workers_only_alone() -> None:
    runs = [start_run(Clerk, "x") for _ in range(3)]
    rows = AgentContext.objects
    rows.filter(pk=runs[2].id).update(due_at=database_now() - timedelta(hours=1))
    rows.filter(pk=runs[0].id).update(claims_without_progress=1)
    assert claims.due_run_ids(9) == [runs[2].id, runs[1].id]
    assert claims.due_run_ids(9, alone=True) == [runs[2].id, runs[0].id, runs[1].id]
    assert claims.due_run_ids(1) == [runs[2].id]


def test_due_within() -> None:
    assert not claims.due_within(60)
    run = start_run(Clerk, "x", run_at=database_now() + timedelta(seconds=30))
    assert not claims.due_within(10)
    assert claims.due_within(60)
    AgentContext.objects.filter(pk=run.id).update(lease_until=database_now() + timedelta(seconds=30))
    assert not claims.due_within(60)


def test_a_heartbeat_holds_the_lease_and_tells_the_news() -> None:
    run = start_run(Clerk, "x")
    claim = claims.claim(run.id)
    assert claim is not None
    sign = claims.heartbeat(run.id, claim.number, 100)
    assert sign is not None
    assert (sign.version, sign.cancel_requested) == (1, False)
    context = office.context_of(run)
    assert context.lease_until is not None
    assert context.lease_until - database_now() > timedelta(seconds=90)
    cancel_run(run.id, by=SYSTEM)
    sign = claims.heartbeat(run.id, claim.number, 100)
    assert sign is not None
    assert sign.cancel_requested
    assert claims.heartbeat(run.id, claim.number + 1, 100) is None
    assert claims.heartbeat(run.id, claim.number - 1, 100) is None


def test_stale_leases(agents: AgentsKit) -> None:
    claims.claim(start_run(Clerk, "x").id)
    assert claims.stale_leases() == 0
    with agents.move_time(31):
        assert claims.stale_leases() == 1


def test_many_are_taken_by_a_few_statements(django_assert_num_queries: Any) -> None:
    runs = [start_run(Clerk, "x") for _ in range(30)]
    AgentContext.objects.filter(pk=runs[4].id).update(claims_without_progress=1)
    AgentContext.objects.filter(pk=runs[20].id).update(due_at=database_now() - timedelta(hours=1))
    # A savepoint's begin and end, the look, and what is written: one message where the database takes several.
    with django_assert_num_queries(5 if connection.vendor == "postgresql" else 4 + 25):
        taken = claims.claim_due(25)
    assert [claim.run_id for claim in taken][:2] == [runs[20].id, runs[0].id]
    assert runs[4].id not in {claim.run_id for claim in taken}
    assert [(claim.number, claim.agent, claim.schema) for claim in taken] == [(1, "clerk", 1)] * 25
    assert [claim.run_id for claim in claims.claim_due(25)] == [run.id for run in runs[26:]]
    assert claims.claim_due(25) == []
    assert claims.claim_due(0) == []
    (last,) = claims.claim_due(25, alone=True)
    assert (last.run_id, last.deaths) == (runs[4].id, 1)


@pytest.mark.django_db(transaction=True)
def test_workers_that_take_many_at_once_never_take_the_same() -> None:
    runs = {start_run(Clerk, "x").id for _ in range(40)}
    together, won = threading.Barrier(4), []

    def worker() -> None:
        together.wait()
        for _ in range(10):
            won.extend(claim.run_id for claim in claims.claim_due(7))

    threads = [office.thread(worker) for _ in range(4)]
    for thread in threads:
        thread.join()
    assert len(won) == 40
    assert set(won) == runs


def test_a_beat_for_many_is_a_few_statements_and_tells_them_apart(django_assert_max_num_queries: Any) -> None:
    for _ in range(30):
        start_run(Clerk, "x")
    taken = claims.claim_due(30)
    AgentContext.objects.filter(pk=taken[0].run_id).update(claim_number=2)
    cancel_run(taken[1].run_id, by=SYSTEM)
    lengths = {(claim.run_id, claim.number): 100.0 for claim in taken}
    lengths[taken[2].run_id, 1] = 7.0
    lengths[taken[3].run_id, 0] = 100.0  # an older claim of the same run
    with django_assert_max_num_queries(5):
        signs = claims.heartbeats(lengths)
    assert signs[taken[0].run_id, 1] is None
    assert signs[taken[3].run_id, 0] is None
    found = [signs[claim.run_id, 1] for claim in taken[1:]]
    assert all(sign is not None and sign.renewed for sign in found)
    assert [sign.cancel_requested for sign in found if sign is not None] == [True] + [False] * 28
    now, ends = database_now(), dict(AgentContext.objects.values_list("pk", "lease_until"))
    left = {run_id: (end - now).total_seconds() for run_id, end in ends.items() if end is not None}
    assert 0 < left[taken[2].run_id] <= 7
    assert all(40 < left[claim.run_id] <= 100 for claim in taken[3:])
    assert left[taken[0].run_id] <= 30
