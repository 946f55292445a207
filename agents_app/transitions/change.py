"""One change of one run: the only way a status is written.

    with change(run_id) as edit:            # locks the context's row
        edit.set_status(call, READY)        # asks the table of moves
        edit.record(EventType…, …)          # numbered when the change is written

At the end of the block the run's status and `due_at` are derived, everything is written with guards, and on
commit live clients are told and, if somebody must act now, a wake-up is submitted. A guard that matches no row
raises StaleContext and rolls everything back: somebody else was faster.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connections, models, transaction

from agents_app.conf import conf
from agents_app.core.derive import due_at_of, status_of
from agents_app.core.events import EVENTS, EventType, RecordedEvent
from agents_app.core.failpoints import failpoint
from agents_app.core.lifecycle import check_move
from agents_app.core.snapshot import Snapshot
from agents_app.core.status import ENDED, WAITING_FOR_PEOPLE, RunStatus, StepKind, StepStatus
from agents_app.core.subscriptions import subscriptions
from agents_app.exceptions import NotFound, Overtaken, StaleContext
from agents_app.models import AgentContext, AgentEvent, AgentStep, Bound, DatabaseNow, Prepared, Reading
from agents_app.models.new_rows import new_row
from agents_app.signals import event_recorded, run_changed
from agents_app.transitions.chain import lengthen
from agents_app.transitions.cursors import note
from agents_app.transitions.hints import send_hint, wake_handlers
from agents_app.transitions.rows import OpenRows, read_open_rows, snapshot_of
from agents_app.transitions.rule_guard import RULES_VERSION, if_rules_hold
from agents_app.transitions.write import NOT_NULL, Statement, inserts, send, update

UNTOLD = (RunStatus.IDLE, RunStatus.THINKING, RunStatus.USING_TOOL)
"""The statuses that have no event of their own: what a worker does next is told when it does it."""


class Change:
    """A change under way. `now` is database time; `claim` the number of the claim that writes, None for people."""

    def __init__(self, context: AgentContext, now: datetime, rows: OpenRows, claim: int | None, new: bool) -> None:
        self.context = context
        self.now = now
        self.rows = rows
        self.claim = claim
        self.cause = ""
        self.rules_version: str | None = None
        self._rules_needed: str | None = None
        self.bound: list[list[Any]] = []
        self._left_until: datetime | None = None
        self._new = new
        self._before: tuple[Any, ...] = () if new else _columns_of(context)
        self._added: list[models.Model] = []
        self._changed: dict[models.Model, tuple[StrEnum, set[str]]] = {}
        self._events: list[tuple[EventType, dict[str, Any]]] = []
        self._numbered_events: list[AgentEvent] = []
        self._details: set[str] = set()
        self._let_deadline_rest()

    # What a transition may do.

    def record(self, event: EventType, **data: Any) -> None:
        """Add an event; its payload is checked against its model."""
        payload = EVENTS[event].payload(**data)
        self._events.append((event, payload.model_dump(mode="json", exclude_none=True)))

    def add(self, row: models.Model) -> None:
        """Insert this row when the change is written, after those added before it."""
        self._added.append(row)

    def set_status(self, row: Any, target: StrEnum, **fields: Any) -> None:
        """Move a step, tool call or request to `target`, and set other fields. Raises IllegalMove."""
        source = type(target)(row.status)
        check_move(source, target)
        self.set_fields(row, status=target, status_at=self.now, **fields)

    def set_fields(self, row: Any, **fields: Any) -> None:
        """Set fields of an open row without moving it."""
        if row not in self._added:
            _, names = self._changed.setdefault(row, (row.status, set()))
            names.update(fields)
        for name, value in fields.items():
            setattr(row, name, value)

    def set_details(self, **fields: Any) -> None:
        """Set fields of the run's details."""
        for name, value in fields.items():
            setattr(self.context.details, name, value)
        self._details.update(fields)

    def new_step(self, kind: StepKind, *, held: bool, **fields: Any) -> AgentStep:
        """Add a step with the run's next number, started now. held: the writing claim has it open."""
        self.context.last_step += 1
        step = new_row(
            AgentStep,
            context=self.context,
            number=self.context.last_step,
            kind=kind,
            status=StepStatus.STARTED,
            status_at=self.now,
            started_at=self.now,
            claim_number=self.claim if held else None,
            **fields,
        )
        self.add(step)
        return step

    def snapshot(self) -> Snapshot:
        """The run as it is with this change so far."""
        return snapshot_of(self.context, self.rows, self.now, self.claim)

    def keep_lease(self) -> None:
        """Undo a release within this change: the claim goes on with a lease of full length."""
        self.context.lease_until = self.now + timedelta(seconds=conf.LEASE_SECONDS)

    def by_rules(self, version: str) -> bool:
        """Whether what was judged by this version of the rules may be done. Where they were not read the write asks."""
        if self.rules_version is None:
            self._rules_needed = version
            return True
        return version == self.rules_version

    def leave_until(self, moment: datetime) -> None:
        """Whatever is ready, no worker has to look before this. Any later change looks at once."""
        self._left_until = moment

    def end(self, status: RunStatus) -> None:
        """Let the run end; what is unsettled must have been settled by the caller."""
        check_move(RunStatus(self.context.status), status)
        self._put_status(status)
        self.context.lease_until = None

    def reopen(self) -> None:
        """Let a failed run live again: a retry by a person."""
        self._put_status(RunStatus.THINKING)

    # How it is written.

    def conclude(self) -> None:
        """Derive what follows from it, and number and chain its events. Nothing is added to it any more."""
        self._derive()
        first = self.context.version + 1
        self.context.version += len(self._events)
        self._numbered_events = self._numbered(first)
        lengthen(self.context, self._numbered_events, [*self._added, *self._changed], self.bound)

    def write(self, *, last: bool = False) -> None:
        """The context first (guarded), then the rows (guarded), then the events.

        last: the transaction ends with it, so that it may be committed with the same message.
        """
        events = self._numbered_events
        # The context first: its guard decides. What is closed comes before what is opened: a call has one open request.
        statements = [] if self._new else [self._update_context()]
        statements += [self._update_row(row, source, names) for row, (source, names) in self._changed.items()]
        added: list[models.Model] = [self.context, *self._added] if self._new else list(self._added)
        if self._details:
            statements.append(update(self.context.details, self._details, {}, "", conf.DATABASE))
        statements += inserts([*added, *events], conf.DATABASE)
        send(statements, conf.DATABASE, last=last and not subscriptions)
        noted = note(self.context.pk, self.context.agent, events, self.now)
        self.rows.version = self.context.version
        self.rows.close()
        self._announce(events, noted)

    def _derive(self) -> None:
        if self.context.status in ENDED:
            self.context.due_at = None
            self.context.waiting_since = None
            self._close_wait()
            return
        before = RunStatus(self.context.status)
        status = status_of(self.snapshot())
        if status in UNTOLD and not self._events:
            status = before  # nobody would hear of it: it is shown with the event that follows
        if status != before:
            check_move(before, status)
            self._put_status(status)
            self._close_wait()
        self.context.waiting_since = self.now if status in WAITING_FOR_PEOPLE else None
        self.context.due_at = due_at_of(self.snapshot())
        if self._left_until is not None and self.context.due_at is not None:
            self.context.due_at = max(self.context.due_at, self._left_until)
        if status != before and not self._new:
            self._tell_waiting(status)

    def _tell_waiting(self, status: RunStatus) -> None:
        if status in (RunStatus.WAITING_FOR_APPROVAL, RunStatus.WAITING_FOR_INPUT):
            self.rows.wait = self.new_step(StepKind.WAIT, held=False)
            leased = self.context.lease_until is not None
            self.record(EventType.RUN_WAITING, status=status, due_at=None if leased else self.context.due_at)
        elif status == RunStatus.SCHEDULED:
            due = self._wake_up_time()
            self.record(EventType.RUN_SCHEDULED, due_at=due, reason=self.cause or "scheduled")

    def _wake_up_time(self) -> datetime:
        times = [call.not_before for call in self.rows.calls if call.not_before is not None and not call.settled]
        if self.context.run_at is not None:
            times.append(self.context.run_at)
        return min(time for time in times if time > self.now)

    def _close_wait(self) -> None:
        step, self.rows.wait = self.rows.wait, None
        if step is not None and step.status == StepStatus.STARTED:
            self.set_status(step, StepStatus.COMPLETED, ended_at=self.now)

    def _put_status(self, status: RunStatus) -> None:
        self.context.status = status
        self.context.status_at = self.now

    def _let_deadline_rest(self) -> None:
        """Time spent waiting for people does not count."""
        context = self.context
        if context.waiting_since is not None:
            if context.deadline_at is not None:
                context.deadline_at += max(self.now - context.waiting_since, timedelta(0))
            context.waiting_since = self.now

    def _update_context(self) -> Statement:
        before, context = dict(zip(_CONTEXT_COLUMNS, self._before, strict=True)), self.context
        now = zip(_CONTEXT_COLUMNS, self._before, _columns_of(context), strict=True)
        changed = [name for name, was, value in now if value is not was and value != was]
        guard: dict[str, Any] = {"version": before["version"], "claim_number": before["claim_number"]}
        if self.claim is not None:
            guard["lease_until"] = NOT_NULL
        statement = update(context, changed, guard, "The run has changed meanwhile.", conf.DATABASE)
        return statement if self._rules_needed is None else if_rules_hold(statement, self._rules_needed)

    def _update_row(self, row: models.Model, source: StrEnum, names: set[str]) -> Statement:
        # `status` is compared with what it was: a row that somebody else settled is not settled again.
        lost = "{row} has changed meanwhile."
        return update(row, names, {"status": source}, lost, conf.DATABASE)

    def _numbered(self, first: int) -> list[AgentEvent]:
        return [
            new_row(AgentEvent, context_id=self.context.pk, sequence=first + index, type=event, at=self.now, data=data)
            for index, (event, data) in enumerate(self._events)
        ]

    def _announce(self, events: list[AgentEvent], noted: bool) -> None:
        context = self.context
        told = [
            RecordedEvent(
                run_id=context.pk,
                agent=context.agent,
                sequence=event.sequence,
                type=event.type,
                at=event.at,
                data=event.data,
            )
            for event in events
        ]
        run_id, version = context.pk, context.version
        # Lambdas, because Django asks what raised for its `__qualname__`, which a partial does not have.
        if told:
            transaction.on_commit(lambda: tell(run_id, version, told), using=conf.DATABASE, robust=True)
        if context.due_at is not None and context.lease_until is None:
            later = context.due_at if context.due_at > self.now else None
            transaction.on_commit(lambda: send_hint(run_id, later), using=conf.DATABASE, robust=True)
        if noted:
            hinted = context.due_at is not None and context.lease_until is None and context.due_at <= self.now
            transaction.on_commit(lambda: wake_handlers(run_id, hinted), using=conf.DATABASE, robust=True)


_CONTEXT_COLUMNS = [field.attname for field in AgentContext._meta.concrete_fields if not field.primary_key]
_columns_of = attrgetter(*_CONTEXT_COLUMNS)


def tell(run_id: UUID, version: int, events: list[RecordedEvent]) -> None:
    """Who listens in this process learns of these events of a run."""
    run_changed.send_robust(sender=None, run_id=run_id, version=version)
    for event in events:
        event_recorded.send_robust(sender=None, event=event)


@contextmanager
def change(
    run_id: UUID, *, claim: int | None = None, rows: OpenRows | None = None, durable: bool = False
) -> Iterator[Change]:
    """Change one run in one transaction.

    claim: the writer is the worker with this claim. rows: what it knew; kept if nothing has happened since, else
    read again under the lock. durable: this must not be inside another transaction (workers).
    Raises NotFound, and StaleContext if the claim was lost or a guard matched no row.
    """
    with transaction.atomic(using=conf.DATABASE, durable=durable):
        context, now = lock(run_id, whole=claim is not None)
        if claim is not None and (context.claim_number != claim or context.lease_until is None):
            raise StaleContext("Another worker has taken this run, or it was given back.")
        known = rows if rows is not None and rows.version == context.version else read_open_rows(context)
        edit = Change(context, now, known, claim, new=False)
        edit.rules_version = getattr(context, "rules_version", None)  # read with the lock of a worker
        failpoint("change.locked")
        yield edit
        edit.conclude()
        failpoint("change.concluded", edit)
        edit.write(last=True)
        known.context, known.read = context, Reading(now)
    failpoint("change.committed", edit)


@contextmanager
def change_known(run_id: UUID, *, claim: int, rows: OpenRows) -> Iterator[Change]:
    """The same by a worker that knows its run since its last change, without looking again: the guards find out.

    Raises Overtaken if the run is not as it was; `change` then finds out what it is.
    """
    assert rows.context is not None
    assert rows.read is not None
    try:
        with transaction.atomic(using=conf.DATABASE, durable=True):
            edit = Change(rows.context, rows.read.now(), rows, claim, new=False)
            yield edit
            edit.conclude()
            failpoint("known.concluded", edit)
            edit.write(last=True)
    except (StaleContext, IntegrityError) as error:
        raise Overtaken("The run has changed meanwhile.") from error
    failpoint("known.committed", edit)


@contextmanager
def new_run(context: AgentContext) -> Iterator[Change]:
    """Change that inserts a context which does not exist yet."""
    with transaction.atomic(using=conf.DATABASE, savepoint=False):
        edit = Change(context, context.status_at, OpenRows(version=0), None, new=True)
        yield edit
        edit.conclude()
        edit.write()
        failpoint("start.written")
    failpoint("start.committed")


def lock(run_id: UUID, *, whole: bool = False) -> tuple[AgentContext, datetime]:
    """Lock a context's row; with the database's time. On SQLite the transaction itself is the lock.

    whole: with the details and the session that a worker needs of it.
    """
    context = next(iter(_locked(whole, run_id=run_id)), None)
    if context is None:
        raise NotFound(f"There is no run {run_id}.")
    return context, context.now  # type: ignore[attr-defined]  # annotated below


def look(run_id: UUID) -> tuple[AgentContext, datetime]:
    """The whole of it without the lock: what is thought of it then counts only while its version is the same."""
    context = next(iter(_seen(True, run_id=run_id)), None)
    if context is None:
        raise NotFound(f"There is no run {run_id}.")
    return context, context.now  # type: ignore[attr-defined]  # annotated below


def _to_see(whole: bool) -> "models.QuerySet[AgentContext]":
    contexts = AgentContext.objects.annotate(now=DatabaseNow()).filter(pk=Bound("run_id", models.UUIDField()))
    return contexts.select_related("details", "session").annotate(rules_version=RULES_VERSION) if whole else contexts


def _to_lock(whole: bool) -> "models.QuerySet[AgentContext]":
    contexts = _to_see(whole)
    if connections[conf.DATABASE].features.has_select_for_update:
        contexts = contexts.select_for_update(of=("self",), no_key=connections[conf.DATABASE].vendor == "postgresql")
    return contexts


_seen = Prepared(_to_see)
_locked = Prepared(_to_lock)
