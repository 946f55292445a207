"""Sealing anew, with the newest key, what older keys sealed: in rows and in archives. Then the old keys can go."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from agents_app.conf import conf
from agents_app.core.archive_lines import StoredRow, StoredRun
from agents_app.models import Archive, ArchivedRun, ToolCall
from agents_app.models.archive import ArchiveState
from agents_app.models.sealing import UNKNOWN_KEY, key_of, known_keys, seal, unseal
from agents_app.services import archive_files
from agents_app.services.archiving import complete, doom, new_archive, remove_doomed, write_archive

logger = logging.getLogger("agents_app.retention")

BATCH = 500
FIRST = UUID(int=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """What one pass did: calls and archives sealed anew. `unknown`: calls and archives that no key opens."""

    calls: int = 0
    archives: int = 0
    unknown: int = 0


def rotate_keys(*, dry_run: bool = False) -> Rotation:
    """Seal everything with the first of ENCRYPTION_KEYS. Stopped and repeated, it goes on where something is left.

    Every process must know the new key before, or it cannot read what is sealed here. Raises ImproperlyConfigured
    without a key.
    """
    if not conf.ENCRYPTION_KEYS:
        raise ImproperlyConfigured('AGENTS_APP["ENCRYPTION_KEYS"] is empty: there is no key to seal with.')
    newest = known_keys()[0]
    calls = unknown = archives = 0
    for pk, sealed in sealed_calls():
        key = key_of(sealed)
        unknown += key == UNKNOWN_KEY
        if key not in (newest, UNKNOWN_KEY):
            calls += dry_run or _reseal(pk, sealed)
    for archive in Archive.objects.filter(state=ArchiveState.COMPLETE).exclude(keys=[]).order_by("pk").iterator():
        unknown += UNKNOWN_KEY in archive.keys
        if set(archive.keys) - {newest, UNKNOWN_KEY}:
            archives += dry_run or rewrite(archive, _resealed)
    if not dry_run:
        remove_doomed()
    return Rotation(calls=calls, archives=archives, unknown=unknown)


def sealed_calls() -> Iterator[tuple[UUID, str]]:
    """The sealed texts of all calls, by the key of the call, a batch at a time."""
    last = FIRST
    while True:
        rows = (
            ToolCall.objects.filter(pk__gt=last).exclude(sealed="").order_by("pk").values_list("pk", "sealed")[:BATCH]
        )
        batch = list(rows)
        yield from batch
        if len(batch) < BATCH:
            return
        last = batch[-1][0]


def _reseal(pk: UUID, sealed: str) -> bool:
    """Only if nobody sealed it meanwhile: an edit does, with the newest key."""
    return bool(ToolCall.objects.filter(pk=pk, sealed=sealed).update(sealed=seal(unseal(sealed))))


def _resealed(run: StoredRun) -> StoredRun:
    return run.with_rows(map(_row, run.rows), run.version)


def _row(row: StoredRow) -> StoredRow:
    sealed = row.values.get("sealed")
    if not sealed or key_of(sealed) == UNKNOWN_KEY:
        return row
    return replace(row, values={**row.values, "sealed": seal(unseal(sealed))})


def rewrite(archive: Archive, change: Any, also: Callable[[], None] = lambda: None) -> bool:
    """Put an archive with each run as `change` gives it in the place of this one. False if somebody else has.

    also: done in the same transaction.

    The old file is deleted after that: whoever dies in between leaves it to the next `remove_doomed`.
    """
    newer = new_archive()
    try:
        write_archive(newer, [change(run) for run in archive_files.read(archive)])
        with transaction.atomic(using=conf.DATABASE, durable=True):
            current = Archive.objects.filter(pk=archive.pk, state=ArchiveState.COMPLETE)
            done = bool(current.update(state=ArchiveState.DOOMED)) and complete(newer)
            if done:
                ArchivedRun.objects.filter(archive=archive).update(archive=newer)
                also()
            else:
                transaction.set_rollback(True, using=conf.DATABASE)
    except BaseException:
        doom([newer])
        raise
    if not done:
        doom([newer])
    return done
