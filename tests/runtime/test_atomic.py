"""Atomic tools: what they write and the record of it commit together, or not at all."""

import threading
import time
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, connections, transaction

from agents_app import ApprovalRequired, ToolFailed
from agents_app.core.status import RunStatus, ToolCallStatus
from agents_app.definitions.registry import definition_of
from agents_app.models import AgentEvent, ToolCall
from agents_app.runtime import atomic
from agents_app.runtime.drive import drive_to_rest
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.usefixtures("workers")
S = ToolCallStatus


def writes(then: BaseException | None = None) -> Any:
    def behave(_: Any, text: str) -> str:
        Group.objects.create(name=f"{text}-{Group.objects.count()}")
        if then is not None:
            raise then
        return text

    return behave


def written(agents: AgentsKit, behave: Any) -> tuple[Run[str], ToolCall]:
    office.behaviour["write"] = behave
    agents.scripted_llm(Clerk, calls("write", text="a"), "Done.")
    run = start_run(Clerk, "x")
    drive_to_rest(run.id)
    return run.again(), office.call_of(run)


def test_the_write_and_its_record_commit_together(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def settling(*args: Any, **options: Any) -> Any:
        assert connection.in_atomic_block
        seen.append(Group.objects.exists())
        with transaction.atomic():
            return settle(*args, **options)

    settle = atomic.settle
    monkeypatch.setattr(atomic, "settle", settling)
    run, call = written(agents, writes())
    assert (run.status, call.status, call.result) == (RunStatus.COMPLETED, S.SUCCEEDED, "a")
    assert Group.objects.count() == 1
    assert seen == [True]


def test_a_record_that_cannot_be_written_takes_the_write_back(
    agents: AgentsKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [RuntimeError("disk"), RuntimeError("disk")]
    settle = atomic.settle

    def settling(held: Any, *args: Any, **options: Any) -> Any:
        acts = settle(held, *args, **options)
        if broken:
            raise broken.pop()
        return acts

    monkeypatch.setattr(atomic, "settle", settling)
    run, call = written(agents, writes())
    assert (run.status, call.status, call.attempt, call.failures) == (RunStatus.COMPLETED, S.FAILED, 2, 2)
    assert not Group.objects.exists()
    assert AgentEvent.objects.filter(context_id=run.id).count() == run.version


@pytest.mark.parametrize(
    ("error", "status", "attempts"),
    [
        (ValueError(), S.FAILED, 2),
        (ToolFailed("sold out"), S.FAILED, 1),
        (ApprovalRequired("x"), S.AWAITING_APPROVAL, 1),
    ],
)
def test_whatever_it_raises_nothing_is_written(
    agents: AgentsKit, error: Exception, status: ToolCallStatus, attempts: int
) -> None:
    _, call = written(agents, writes(error))
    assert (call.status, call.attempt) == (status, attempts)
    assert not Group.objects.exists()


def test_a_worker_that_lost_its_lease_writes_nothing(agents: AgentsKit) -> None:
    def stolen(_: Any, text: str) -> str:
        Group.objects.create(name=text)
        # What another worker's claim would have committed; inside this transaction it is seen all the same.
        call = ToolCall.objects.get(tool="write")
        type(call.context).objects.filter(pk=call.context_id).update(claim_number=99)
        return text

    run, call = written(agents, stolen)
    assert not Group.objects.exists()
    assert (call.status, run.status) == (S.STARTED, RunStatus.USING_TOOL)
    assert office.context_of(run).claim_number == 1


def test_time_over_rolls_back_and_what_the_abandoned_thread_does_later_fails(
    agents: AgentsKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow machine the time may be over before the tool is reached: that attempt must write nothing either."""
    leave, ended = threading.Event(), []
    spec = definition_of(Clerk).tools["write"]

    def hangs(_: Any, text: str) -> str:
        Group.objects.create(name=f"{text}-{time.monotonic()}")
        leave.wait(20)
        Group.objects.create(name="late")
        return text

    def watched(*args: Any) -> Any:
        try:
            acts = once(*args)
        except BaseException as error:
            ended.append(type(error).__name__)
            raise
        ended.append("wrote")
        return acts

    once = atomic._once
    monkeypatch.setattr(atomic, "_once", watched)
    before = spec.timeout
    object.__setattr__(spec, "timeout", 0.5)
    try:
        run, call = written(agents, hangs)
    finally:
        object.__setattr__(spec, "timeout", before)
    assert (run.status, call.status, call.error_code, call.failures) == (RunStatus.COMPLETED, S.FAILED, "timeout", 2)
    leave.set()
    until = time.monotonic() + 30
    while len(ended) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(ended) == 2
    assert "wrote" not in ended
    assert not Group.objects.exists()


def test_a_call_whose_time_was_over_before_its_transaction_began_is_not_made(
    agents: AgentsKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread waited for a connection, or on SQLite for the one writer: nobody would end it any more."""
    go_on, ended = threading.Event(), threading.Event()
    spec = definition_of(Clerk).tools["write"]

    def late(*args: Any) -> Any:
        monkeypatch.setattr(atomic, "_once", once)
        object.__setattr__(spec, "timeout", 60.0)  # the next one has time
        go_on.wait(20)
        try:
            return once(*args)
        finally:
            ended.set()

    once = atomic._once
    monkeypatch.setattr(atomic, "_once", late)
    before = spec.timeout
    object.__setattr__(spec, "timeout", 0.5)
    try:
        run, call = written(agents, writes())
    finally:
        object.__setattr__(spec, "timeout", before)
    assert (run.status, call.status, call.attempt) == (RunStatus.COMPLETED, S.SUCCEEDED, 2)
    go_on.set()
    assert ended.wait(30)
    assert office.names() == ["write"]


class SerializationFailure(Exception):
    sqlstate = "40001"


@pytest.mark.parametrize(("times", "status", "made"), [(2, S.SUCCEEDED, 3), (6, S.FAILED, 6)])
def test_serialization_failures_are_tried_three_times_in_one_attempt(
    agents: AgentsKit, times: int, status: ToolCallStatus, made: int
) -> None:
    left = list(range(times))

    def conflict(_: Any, text: str) -> str:
        Group.objects.create(name=f"{text}-{len(left)}")
        if left:
            left.pop()
            raise OperationalError("could not serialize") from SerializationFailure()
        return text

    _, call = written(agents, conflict)
    assert call.status == status
    assert len(office.done) == made
    assert Group.objects.count() == (1 if status == S.SUCCEEDED else 0)


def test_row_checks_and_precondition_are_asked_again_inside(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "row_checks", lambda *_: "The arguments are not those that were recorded.")
    run, call = written(agents, writes())
    assert (run.status, call.status, call.error_code) == (RunStatus.COMPLETED, S.FAILED, "gate")
    assert office.done == []
    monkeypatch.undo()
    refusal = atomic.precondition
    assert refusal is not None


class Elsewhere:
    """A connection to another database, as far as the wrapper looks."""

    alias = "elsewhere"


@pytest.mark.parametrize("sql", ["INSERT INTO x", "  update x", "DELETE FROM x", "CREATE TABLE x"])
def test_writes_to_other_databases_are_refused(sql: str) -> None:
    with pytest.raises(ToolFailed, match="'default' only, not to 'elsewhere'"):
        atomic._refuse_writes(lambda *_: None, sql, None, False, {"connection": Elsewhere})
    assert atomic._refuse_writes(lambda *_: "rows", "select 1", None, False, {"connection": Elsewhere}) == "rows"


@pytest.mark.django_db
def test_inside_a_test_case_it_runs_on_the_tests_connection(agents: AgentsKit) -> None:
    run, call = written(agents, writes())
    assert (run.status, call.status) == (RunStatus.COMPLETED, S.SUCCEEDED)
    assert connections["default"].connection is not None


def test_a_failure_to_close_is_logged_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def close(self) -> None:
            raise ValueError

    raw = atomic.RawConnection()
    raw.cut()  # nothing was opened
    raw.raw = Broken()
    raw.cut()
    assert "could not be closed" in caplog.text
