"""In the submitting process, without recursion."""

import threading
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from agents_app import tasks
from agents_app.executors.immediate import ImmediateExecutor


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
