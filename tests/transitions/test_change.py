"""One change of one run: guards, events without gaps, and what happens on commit."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from pydantic import ValidationError

from agents_app.core.events import EventType
from agents_app.core.status import RunStatus, ToolCallStatus
from agents_app.exceptions import IllegalMove, NotFound, StaleContext
from agents_app.models import AgentContext, AgentEvent, ToolCall, database_now
from agents_app.services import SYSTEM, Run, pause_run, start_run
from agents_app.testing import AgentsKit, calls
from agents_app.testing.executor import WaitingExecutor
from agents_app.transitions import change, claims, runs
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db


def started() -> Run[Any]:
    return start_run(Clerk, "x")


def waiting(agents: AgentsKit) -> Run[Any]:
    agents.scripted_llm(Clerk, calls("pay", to="Ada", amount="99"), "Done.")
    run = started()
    agents.run_until_idle()
    return run


def test_events_are_numbered_without_gaps_and_the_version_is_the_last(agents: AgentsKit) -> None:
    run = started()
    with change(run.id) as edit:
        for reason in ("a", "b", "c"):
            edit.record(EventType.RUN_PAUSED, reason=reason)
    assert [event.sequence for event in agents.events(run)] == [1, 2, 3, 4]
    assert run.again().version == 4


def test_a_change_that_breaks_leaves_nothing(agents: AgentsKit) -> None:
    run = started()

    def breaks() -> None:
        with change(run.id) as edit:
            runs.pause(edit, by="x", reason="y")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        breaks()
    assert (run.again().status, run.again().version) == (RunStatus.IDLE, 1)


def test_there_is_no_change_of_no_run() -> None:
    with pytest.raises(NotFound), change(uuid4()):
        pass


def test_a_payload_must_fit_its_event(agents: AgentsKit) -> None:
    with pytest.raises(ValidationError), change(started().id) as edit:
        edit.record(EventType.RUN_PAUSED, arguments="{}")


def test_an_illegal_move_is_refused(agents: AgentsKit) -> None:
    run = waiting(agents)
    with pytest.raises(IllegalMove, match="awaiting_approval cannot become succeeded"), change(run.id) as edit:
        edit.set_status(edit.rows.calls[0], ToolCallStatus.SUCCEEDED)
    assert office.call_of(run).status == ToolCallStatus.AWAITING_APPROVAL


# Guards.


def test_only_the_newest_claim_writes(agents: AgentsKit) -> None:
    run = started()
    first = claims.claim(run.id)
    with agents.move_time(31):
        second = claims.claim(run.id)
        assert first is not None
        assert second is not None
        with pytest.raises(StaleContext), change(run.id, claim=first.number):
            pass
        with change(run.id, claim=second.number) as edit:
            runs.release(edit)
        with pytest.raises(StaleContext, match="given back"), change(run.id, claim=second.number):
            pass


def test_a_change_that_was_overtaken_writes_nothing(agents: AgentsKit) -> None:
    """On databases without row locks another could come between reading and writing; the version is compared."""
    run = started()

    def overtaken() -> None:
        with change(run.id) as edit:
            runs.pause(edit, by="x", reason="y")
            AgentContext.objects.filter(pk=run.id).update(version=99)

    with pytest.raises(StaleContext):
        overtaken()
    assert AgentEvent.objects.filter(context_id=run.id).count() == 1


def test_a_row_that_was_settled_meanwhile_takes_the_whole_change_back(agents: AgentsKit) -> None:
    run = waiting(agents)
    version = run.again().version

    def overtaken() -> None:
        with change(run.id) as edit:
            runs.request_cancel(edit, by="x", reason="y")
            ToolCall.objects.filter(context_id=run.id).update(status="cancelled", settled_at=database_now())

    with pytest.raises(StaleContext, match="tool call"):
        overtaken()
    assert (run.again().status, run.again().version) == (RunStatus.WAITING_FOR_APPROVAL, version)


def test_what_the_holder_knew_is_read_again_if_something_happened_since(agents: AgentsKit) -> None:
    """The next step is chosen from the rows as they are under the lock, not from an older look."""
    run = waiting(agents)
    with change(run.id) as edit:
        pass
    old = edit.rows
    request = office.request_of(run)
    pause_run(run.id, by=SYSTEM)
    with change(run.id, rows=old) as edit:
        assert edit.rows is not old
        assert edit.rows.version == run.again().version
    with change(run.id, rows=edit.rows) as again:
        assert again.rows is edit.rows
    assert request.status == "pending"


# Derived with every change.


def test_status_and_due_are_derived(agents: AgentsKit) -> None:
    run = started()
    later = database_now() + timedelta(hours=1)
    with change(run.id) as edit:
        edit.context.run_at = later
    context = office.context_of(run)
    assert (context.status, context.due_at) == (RunStatus.SCHEDULED, later)
    assert agents.events(run)[-1].data["reason"] == "scheduled"


def test_work_that_is_left_to_others_is_due_later_until_somebody_changes_something(agents: AgentsKit) -> None:
    run = started()
    later = database_now() + timedelta(seconds=5)
    with change(run.id) as edit:
        edit.leave_until(later)
    assert office.context_of(run).due_at == later
    with change(run.id):
        pass
    due = office.context_of(run).due_at
    assert due is not None
    assert due < later


def test_waiting_for_people_is_a_step_that_ends_with_the_wait(agents: AgentsKit) -> None:
    run = waiting(agents)
    wait = office.context_of(run).steps.get(kind="wait")
    assert (wait.status, wait.ended_at) == ("started", None)
    pause_run(run.id, by=SYSTEM)
    wait.refresh_from_db()
    assert wait.status == "completed"
    assert wait.ended_at is not None


def test_time_spent_waiting_moves_the_deadline(agents: AgentsKit) -> None:
    run = waiting(agents)
    deadline = database_now() + timedelta(seconds=60)
    AgentContext.objects.filter(pk=run.id).update(deadline_at=deadline)
    with agents.move_time(3600):
        with change(run.id):
            pass
        moved = office.context_of(run).deadline_at
        assert moved is not None
        assert timedelta(seconds=3599) < moved - deadline < timedelta(seconds=3660)
        assert run.again().status is RunStatus.WAITING_FOR_APPROVAL


# On commit.


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    sent: list[Any] = []
    monkeypatch.setattr(WaitingExecutor, "submit", lambda self, run_id, run_at=None: sent.append((run_id, run_at)))
    return sent


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_is_sent_after_commit_if_somebody_must_act_now(agents: AgentsKit, submitted: list[Any]) -> None:
    with transaction.atomic():
        run = started()
        assert submitted == []
    assert submitted == [(run.id, None)]
    pause_run(run.id, by=SYSTEM)
    assert len(submitted) == 1
    claims_before = len(submitted)
    claim = claims.claim(run.id)
    assert claim is None
    assert len(submitted) == claims_before


@pytest.mark.django_db(transaction=True)
def test_a_later_time_is_told_to_executors_that_can_wait(
    agents: AgentsKit, submitted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    later = database_now() + timedelta(hours=1)
    start_run(Clerk, "x", run_at=later)
    assert submitted == []
    monkeypatch.setattr(WaitingExecutor, "delays", True)
    run = start_run(Clerk, "x", run_at=later)
    assert submitted == [(run.id, later)]


@pytest.mark.django_db(transaction=True)
def test_a_run_that_somebody_holds_needs_no_wake_up(agents: AgentsKit, submitted: list[Any]) -> None:
    run = started()
    claim = claims.claim(run.id)
    assert claim is not None
    with change(run.id, claim=claim.number):
        pass
    assert len(submitted) == 1
    with change(run.id, claim=claim.number) as edit:
        runs.release(edit)
    assert len(submitted) == 2
