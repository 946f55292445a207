"""What every executor must do, the test double included: a submission is a hint that a run be driven."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from agents_app.core.status import RunStatus
from agents_app.executors import Executor, get_executor
from agents_app.models import AgentContext
from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.runtime.recovery import sweep
from agents_app.services import start_run
from agents_app.testing import scripted_llm
from tests import office
from tests.contracts.queues import MARKS, QUEUES, Queue, Stage, executor_set
from tests.office import Clerk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[pytest.param(name, marks=MARKS.get(name, ())) for name in QUEUES])
def queue(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """The executor under test is the one of the settings."""
    with ExitStack() as stack:
        queue = QUEUES[request.param](Stage(request=request, patch=monkeypatch, stack=stack))
        with executor_set(queue.executor, **queue.settings):
            yield queue
        close_engine()
        heartbeat.join()


def test_a_run_that_was_accepted_is_driven(queue: Queue) -> None:
    with scripted_llm(Clerk, "Done."):
        run = start_run(Clerk, "x")
        queue.work()
    assert run.again().status is RunStatus.COMPLETED


def test_it_has_the_port(queue: Queue) -> None:
    executor: Executor = get_executor()
    assert isinstance(executor.delays, bool)
    assert get_executor() is executor


def test_submitting_twice_late_and_for_nothing_does_no_harm(queue: Queue) -> None:
    with scripted_llm(Clerk, "Done."):
        run = start_run(Clerk, "x")
        executor = get_executor()
        executor.submit(run.id)
        queue.work()
        executor.submit(run.id)
        executor.submit(uuid4())
        for _ in range(3):
            queue.work()
    assert run.again().status is RunStatus.COMPLETED
    assert run.again().version == 4


def test_a_rolled_back_start_submits_nothing(queue: Queue) -> None:
    with scripted_llm(Clerk, "Done."):
        office.rolled_back(lambda: start_run(Clerk, "x"))
        queue.work()
    assert not AgentContext.objects.exists()


def test_a_run_for_later_is_not_driven_before(queue: Queue) -> None:
    with scripted_llm(Clerk, "Done."):
        run = start_run(Clerk, "x", run_at=timezone.now() + timedelta(seconds=60))
        queue.work()
    assert run.again().status is RunStatus.SCHEDULED


def test_many_runs(queue: Queue) -> None:
    with scripted_llm(Clerk, "Done."):
        runs = [start_run(Clerk, "x") for _ in range(5)]
        for _ in runs:
            queue.work()
    assert {run.again().status for run in runs} == {RunStatus.COMPLETED}


def test_what_is_due_later(queue: Queue) -> None:
    """Comes when it is due where the executor delays; else the sweep finds it."""
    with scripted_llm(Clerk, "Done."):
        run = start_run(Clerk, "x", run_at=timezone.now() + timedelta(seconds=0.5))
        early = AgentContext.objects.get(pk=run.id).claim_number
        time.sleep(0.6)
        if get_executor().delays:
            queue.work()
        else:
            sweep()
            queue.work()
    assert early == 0
    assert run.again().status is RunStatus.COMPLETED


def test_a_queue_that_is_down_loses_no_run(queue: Queue) -> None:
    """The caller does not hear of it, whatever the queue raised; the sweep submits the run when it is back."""
    with scripted_llm(Clerk, "Done."):
        with queue.down():
            run = start_run(Clerk, "x")
            queue_took = sweep().hinted
            assert run.again().status is RunStatus.IDLE
        assert queue_took == ()
        assert sweep().hinted == (run.id,)
        queue.work()
    assert run.again().status is RunStatus.COMPLETED
