"""Promise 4. A waiting run holds no process, thread, connection or timer; waking one costs the same among many."""

import threading
from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app.models import AgentContext, RunDetails
from agents_app.models.fields import uuid7
from agents_app.runtime import iterate
from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.runtime.held import ToolAct
from agents_app.runtime.recovery import sweep
from agents_app.testing import approve_pending, calls, move_time, run_until_idle
from agents_app.transitions.claims import due_run_ids, due_within
from tests import office
from tests.promises.mutants import mutant
from tests.promises.stage import Stage

PAY = calls("pay", to="Ann", amount=120)


def test_nobody_is_due_to_look_at_a_waiting_run(stage: Stage) -> None:
    for script in ((PAY,), (calls("ask_user", question="Which?"),)):
        run = stage.play(*script)
        context = office.context_of(run)
        assert (context.due_at, context.lease_until) == (None, None)
    with move_time(timedelta(days=400).total_seconds()):
        assert due_run_ids(10, alone=True) == []
        assert sweep().due == 0
        assert not due_within(3600)


def end_threads() -> None:
    """Those that a process keeps for whatever it does."""
    heartbeat.join()
    close_engine()


def test_no_thread_keeps_a_waiting_run(stage: Stage) -> None:
    end_threads()
    before = threading.enumerate()  # tools that earlier tests have left hanging
    run = stage.play(PAY)
    end_threads()
    ours = [thread.name for thread in threading.enumerate() if thread not in before]
    assert [name for name in ours if name.startswith("agents-")] == []
    approve_pending(run, by=stage.dora)
    run_until_idle()
    assert office.names() == ["pay"]


def test_a_drive_ends_when_its_run_waits(stage: Stage) -> None:
    """It does not keep the queue's worker for the rest of its slice."""
    from agents_app.runtime.drive import continue_run

    run = stage.start(PAY)
    driving = threading.Thread(target=continue_run, args=[str(run.id)])
    driving.start()
    driving.join(30)
    assert not driving.is_alive()
    assert run.again().status == "waiting_for_approval"


def sleepers(number: int) -> None:
    """So many other runs wait for people."""
    now = AgentContext.objects.latest("status_at").status_at
    rows = [
        AgentContext(id=uuid7(), agent="clerk", status="waiting_for_approval", status_at=now) for _ in range(number)
    ]
    AgentContext.objects.bulk_create(rows)
    RunDetails.objects.bulk_create([RunDetails(context=row, input="x", created_at=now) for row in rows])


def plan_of_due_runs() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
        text = AgentContext.objects.claimable().filter(priority=0).order_by("due_at")[:20].explain()
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = on")
    return str(text)


def test_waking_one_costs_the_same_with_many_asleep(stage: Stage) -> None:
    def wake() -> int:
        run = stage.play(PAY, "Done.")
        approve_pending(run, by=stage.dora)
        with CaptureQueriesContext(connection) as queries:
            assert due_run_ids(20, alone=True) == [run.id]
            sweep()
        run_until_idle()
        return len(queries)

    few = wake()
    sleepers(300)
    assert wake() == few
    assert "agents_context_due" in plan_of_due_runs()


def test_a_decision_wakes_its_run(stage: Stage) -> None:
    run = stage.play(PAY, "Done.")
    with stage.hearing() as heard:
        approve_pending(run, by=stage.dora)
    assert heard == [run.id]


def test_one_change_wakes_a_run_and_starts_what_was_approved(stage: Stage) -> None:
    """The gate is asked before: a run that waited does not pay for it with a change of its own."""
    run = stage.play(PAY, "Done.")
    approve_pending(run, by=stage.dora)
    held = stage.hold(run)
    with CaptureQueriesContext(connection) as queries:
        (act,) = iterate.prepare(held)
    assert isinstance(act, ToolAct)
    assert office.call_of(run).status == "started"
    assert sum('UPDATE "agents_app_agentcontext"' in query["sql"] for query in queries) == 1


MUTANTS = [
    mutant(
        "a waiting run stays due",
        test_nobody_is_due_to_look_at_a_waiting_run,
        "agents_app.core.derive:due_at_of",
        "return min(_alarms(snapshot), default=None)",
        "return min(_alarms(snapshot), default=snapshot.now)",
    ),
    mutant(
        "a waiting run keeps its lease",
        test_nobody_is_due_to_look_at_a_waiting_run,
        "agents_app.transitions.runs:release",
        "edit.context.lease_until = None",
        "pass",
    ),
    mutant(
        "every sleeping run is looked at",
        test_waking_one_costs_the_same_with_many_asleep,
        "agents_app.models.context:ContextQuerySet.due",
        "return self.filter(due_at__lte=DatabaseNow(), priority__in=RANKS.values())",
        "return self.filter(status__isnull=False)",
    ),
    mutant(
        "a decision wakes nobody",
        test_a_decision_wakes_its_run,
        "agents_app.core.derive:due_at_of",
        "return snapshot.now",
        "return None",
    ),
    mutant(
        "the gate is not asked before a run is looked at",
        test_one_change_wakes_a_run_and_starts_what_was_approved,
        "agents_app.runtime.judging:foresee",
        "if held.claim.rows is not None or held.claim.recovered or held.claim.deaths:",
        "if True:",
    ),
]
