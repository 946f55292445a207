"""Moving ended runs out of the database: first the archive is written and read back, then the rows go.

Safe on many hosts at once and when killed at any line. An archive's row is there before its file, so that the file of
a pass that was killed is found and deleted; rows go in one transaction, and only if no run of the archive has changed
since it was read.
"""

import logging
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.core.archive_lines import StoredRun
from agents_app.core.status import ApprovalStatus, InputStatus, RunStatus
from agents_app.exceptions import InvalidInput
from agents_app.models import (
    AgentContext,
    ApprovalRequest,
    Archive,
    ArchivedRun,
    EventCursor,
    InputRequest,
    ToolCall,
    database_now,
)
from agents_app.models.archive import ArchiveState
from agents_app.models.belongings import outside_references, rows_of
from agents_app.models.fields import uuid7
from agents_app.models.sealing import key_of
from agents_app.services import archive_files
from agents_app.services.fingerprints import fingerprint_of

logger = logging.getLogger("agents_app.retention")

BATCH = 200
"""Runs of one archive."""

BATCH_EVENTS = 50_000
"""An archive is begun with fewer runs if they have more events than this: they are in memory together."""

ABANDONED = timedelta(hours=1)
"""An archive that has been written for so long was left behind by a process that died."""

LOSSES = 3
"""After so many batches in a row that others changed meanwhile a pass ends; the next one goes on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Archiving:
    """What one pass did (or would do): runs moved, in how many archives; restored runs put away; files deleted."""

    runs: int = 0
    archives: int = 0
    put_away: int = 0
    removed: int = 0


def archive_runs(
    *,
    days: float | None = None,
    failed_days: float | None = None,
    limit: int | None = None,
    seconds: float | None = None,
    dry_run: bool = False,
) -> Archiving:
    """Archive runs that ended more than `days` ago (failed ones: `failed_days`), the oldest first.

    Default: ARCHIVE_AFTER_DAYS and ARCHIVE_FAILED_AFTER_DAYS; where neither is given nothing is archived. limit: at
    most so many runs. seconds: begin no archive after so long. A run stays that has a call of unknown outcome or
    anything open, or that a row of another app refers to.
    """
    ripe = _ripe(*_days(days, failed_days), database_now())
    until = None if seconds is None else time.monotonic() + seconds
    if dry_run:
        return Archiving(runs=len(ripe[:limit]) if ripe is not None else 0, put_away=_to_put_away().count())
    removed, away = remove_doomed(), _put_away()
    runs = archives = losses = 0
    while ripe is not None and losses < LOSSES and (until is None or time.monotonic() < until):
        room = BATCH if limit is None else min(BATCH, limit - runs)
        batch = _batch(ripe, room)
        if not batch:
            break
        moved = archive_batch(batch)
        losses = 0 if moved else losses + 1
        runs, archives = runs + moved, archives + (1 if moved else 0)
    return Archiving(runs=runs, archives=archives, put_away=away, removed=removed + remove_doomed())


def _days(days: float | None, failed_days: float | None) -> tuple[float | None, float | None]:
    usual = conf.ARCHIVE_AFTER_DAYS if days is None else days
    failed = failed_days
    if failed is None:
        failed = conf.ARCHIVE_FAILED_AFTER_DAYS if days is None or conf.ARCHIVE_FAILED_AFTER_DAYS is not None else None
    for each in (usual, failed):
        if each is not None and not each >= 0:
            raise InvalidInput(gettext("Days are a number from 0 on."))
    return usual, usual if failed is None else failed


# What is ripe.


def _ripe(days: float | None, failed_days: float | None, now: datetime) -> "QuerySet[AgentContext] | None":
    """Runs that may go, the longest ended first; None if none shall."""
    old = Q()
    if days is not None:
        ended = now - timedelta(days=days)
        old |= Q(status__in=[RunStatus.CANCELLED, RunStatus.COMPLETED], details__ended_at__lte=ended)
    if failed_days is not None:
        old |= Q(status=RunStatus.FAILED, details__ended_at__lte=now - timedelta(days=failed_days))
    if not old:
        return None
    runs = AgentContext.objects.filter(old, details__restored_at__isnull=True)
    return runs.exclude(_something_open()).exclude(outside_references()).order_by("details__ended_at", "pk")


def _something_open() -> Q:
    """An ended run has none of these, but for calls of unknown outcome, which a person may still settle, and events
    that a handler has not heard of. Each has a small index of its own: what has ended is not read again and again."""
    of_run = {"context": OuterRef("pk")}
    return (
        Q(Exists(ToolCall.objects.unsettled().filter(**of_run)))
        | Q(Exists(ApprovalRequest.objects.filter(status=ApprovalStatus.PENDING, **of_run)))
        | Q(Exists(InputRequest.objects.filter(status=InputStatus.PENDING, **of_run)))
        | Q(Exists(EventCursor.objects.filter(wanted__gt=F("sequence"), **of_run)))
    )


def _batch(ripe: "QuerySet[AgentContext]", room: int) -> list[AgentContext]:
    found: list[AgentContext] = []
    events = 0
    for context in ripe.select_related("details", "session")[: max(room, 0)]:
        events += context.version
        if found and events > BATCH_EVENTS:
            break
        found.append(context)
    return found


# One archive.


def archive_batch(contexts: Sequence[AgentContext]) -> int:
    """Move these runs into one archive. Gives their number; 0 if somebody changed one of them meanwhile."""
    runs = rows_of(contexts)
    archive = new_archive()
    try:
        write_archive(archive, runs)
        done = _replace_rows(archive, contexts)
    except BaseException:
        doom([archive])
        raise
    if not done:
        doom([archive])
        return 0
    logger.info("Archived %s runs as %s.", len(runs), archive.name)
    return len(runs)


def new_archive() -> Archive:
    """The row of an archive that is about to be written."""
    now, key = database_now(), uuid7()
    return Archive.objects.create(pk=key, name=f"{now:%Y/%m/%d}/{key}.jsonl.gz", created_at=now)


def write_archive(archive: Archive, runs: Sequence[StoredRun]) -> None:
    """Write and verify its file."""
    sealed = (str(row.values.get("sealed") or "") for run in runs for row in run.rows)
    archive.keys = sorted({key_of(text) for text in sealed if text})
    archive_files.write(archive, runs)


def complete(archive: Archive) -> bool:
    """Let the archive count, in the caller's transaction; False if it was given up meanwhile."""
    fields = {name: getattr(archive, name) for name in ("sha256", "size", "runs", "keys")}
    writing = Archive.objects.filter(pk=archive.pk, state=ArchiveState.WRITING)
    return bool(writing.update(state=ArchiveState.COMPLETE, **fields))


def _replace_rows(archive: Archive, contexts: Sequence[AgentContext]) -> bool:
    """In one transaction: the rows go, what stays of each run comes. False, and nothing done, if a run has changed."""
    versions = {context.pk: (context.version, context.status) for context in contexts}
    with transaction.atomic(using=conf.DATABASE, durable=True):
        if lock_unchanged(versions) and complete(archive):
            now = database_now()
            delete_runs(versions)
            ArchivedRun.objects.bulk_create([_entry(context, archive, now) for context in contexts])
            return True
        transaction.set_rollback(True, using=conf.DATABASE)
    return False


def lock_unchanged(versions: dict[UUID, tuple[int, str]]) -> bool:
    """Whether all of these runs are as they were; then they are locked. Waits for nobody, so that nobody waits."""
    rows = AgentContext.objects.filter(pk__in=list(versions))
    if connections[conf.DATABASE].features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    return {pk: (version, status) for pk, version, status in rows.values_list("pk", "version", "status")} == versions


def delete_runs(run_ids: Collection[UUID]) -> None:
    """All their rows, in the caller's transaction."""
    AgentContext.objects.filter(pk__in=list(run_ids)).delete()


def _entry(context: AgentContext, archive: Archive, now: datetime) -> ArchivedRun:
    details = context.details
    key = details.idempotency_key
    return ArchivedRun(
        id=context.pk,
        archive=archive,
        agent=context.agent,
        user_id=context.user_id,
        user_name=details.user_name,
        session_id=context.session_id,
        status=context.status,
        version=context.version,
        created_at=details.created_at,
        ended_at=details.ended_at or context.status_at,
        archived_at=now,
        hidden_at=context.hidden_at,
        erased_at=details.erased_at,
        chain_head=context.chain_head,
        idempotency_key=key,
        fingerprint="" if key is None else fingerprint_of(context),
    )


# What is left over.


def doom(archives: Iterable[Archive]) -> None:
    """Let the files of these archives be deleted."""
    Archive.objects.filter(pk__in=[archive.pk for archive in archives]).update(state=ArchiveState.DOOMED)


def remove_doomed() -> int:
    """Delete the files that nothing relies on, then their rows. Gives their number."""
    long_ago = database_now() - ABANDONED
    Archive.objects.filter(state=ArchiveState.WRITING, created_at__lt=long_ago).update(state=ArchiveState.DOOMED)
    doomed = list(Archive.objects.filter(state=ArchiveState.DOOMED))
    for archive in doomed:
        archive_files.remove(archive)
        archive.delete()
    return len(doomed)


def _to_put_away() -> Any:
    """Restored runs whose time is over, by what stayed of them."""
    over = database_now() - timedelta(days=conf.RESTORED_DAYS)
    restored = AgentContext.objects.filter(pk=OuterRef("pk"), details__restored_at__lte=over)
    return ArchivedRun.objects.filter(Exists(restored), archive__state=ArchiveState.COMPLETE)


def _put_away() -> int:
    """Restored runs whose time is over: they are in their archive already."""
    away = 0
    for entry in _to_put_away()[:BATCH]:
        with transaction.atomic(using=conf.DATABASE, durable=True):
            if lock_unchanged({entry.pk: (entry.version, entry.status)}):
                delete_runs([entry.pk])
                away += 1
    return away
