"""In the submitting process, without recursion."""

import sys
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from agents_app import tasks
from agents_app.core.transcript import CallResult, LLMReply, LLMRequest, ProposedCall
from agents_app.definitions.registry import override_llm, registry
from agents_app.executors.immediate import ImmediateExecutor
from agents_app.models import AgentStep
from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.services import start_run
from tests import office
from tests.office import Clerk


def test_it_drives_before_it_returns_and_nested_submissions_after(monkeypatch: pytest.MonkeyPatch) -> None:
    executor, order = ImmediateExecutor(), []
    first, second = uuid4(), uuid4()

    def continue_run(run_id: str) -> None:
        order.append(("begin", UUID(run_id)))
        if UUID(run_id) == first:
            executor.submit(second)
        order.append(("end", UUID(run_id)))

    monkeypatch.setattr(tasks, "continue_run", continue_run)
    executor.submit(first)
    assert order == [("begin", first), ("end", first), ("begin", second), ("end", second)]


def test_a_later_time_is_left_to_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "continue_run", lambda run_id: pytest.fail("too early"))
    ImmediateExecutor().submit(uuid4(), timezone.now() + timedelta(hours=1))


def test_a_broken_submission_does_not_block_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    executor, driven = ImmediateExecutor(), []

    def continue_run(run_id: str) -> None:
        driven.append(run_id)
        if len(driven) == 1:
            raise ValueError

    monkeypatch.setattr(tasks, "continue_run", continue_run)
    with pytest.raises(ValueError):  # noqa: PT011 - raised without a text just above
        executor.submit(uuid4())
    executor.submit(uuid4())
    assert len(driven) == 2


def test_a_workers_own_thread_is_not_made_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    driven: list[str] = []
    monkeypatch.setattr(tasks, "continue_run", lambda run_id: driven.append(threading.current_thread().name))
    worker = threading.Thread(target=ImmediateExecutor().submit, args=(uuid4(),), name="agents-db_0")
    worker.start()
    worker.join()
    for thread in threading.enumerate():
        if thread.name == "agents-immediate":
            thread.join()
    assert driven == ["agents-immediate"]


def depth() -> int:
    """How many calls stand on the stack. Counted: `inspect.stack` reads the sources of all of them."""
    frame, found = sys._getframe(), 0
    while frame.f_back is not None:
        frame, found = frame.f_back, found + 1
    return found


def test_it_loops_however_many_follow_from_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 2,000 passes submits the next; with recursion the stack would be full long before."""
    executor, depths = ImmediateExecutor(), []

    def continue_run(run_id: str) -> None:
        depths.append(depth())
        if len(depths) < 2000:
            executor.submit(uuid4())

    monkeypatch.setattr(tasks, "continue_run", continue_run)
    executor.submit(uuid4())
    assert len(depths) == 2000
    assert len(set(depths)) == 1


LONG_WALK = 1000
"""Turns, each with one call: two steps."""


class Tireless:
    """Proposes a call again and again."""

    async def respond(self, request: LLMRequest, on_text: Any = None) -> LLMReply:
        done = sum(isinstance(message, CallResult) for message in request.messages)
        if done == LONG_WALK:
            return LLMReply(text="Done.")
        return LLMReply(calls=(ProposedCall(id=str(done), name="glance", arguments='{"number": "1"}'),))


@pytest.mark.long
@pytest.mark.once
@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_a_run_of_2000_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within start_run, and with as many threads and as deep a stack at its end as at its beginning."""
    depths: list[int] = []
    threads: list[int] = []

    async def measured(context: Any, number: str) -> str:
        depths.append(depth())
        threads.append(threading.active_count())
        return number

    marcher: type[Clerk] = type("Marcher", (Clerk,), {"name": "marcher", "max_steps": 2 * LONG_WALK + 10})
    ours = {**settings.AGENTS_APP, "SLICE_SECONDS": 600.0}
    monkeypatch.setitem(office.behaviour, "glance", measured)
    with registry.override(marcher), override_llm(marcher, Tireless()), override_settings(AGENTS_APP=ours):
        run = start_run(marcher, "x")
    heartbeat.join()
    close_engine()
    assert run.again().output == "Done."
    assert AgentStep.objects.filter(context_id=run.id).count() > 2 * LONG_WALK
    assert len(depths) == LONG_WALK
    assert max(depths) == min(depths)
    assert max(threads) - min(threads) <= 4
