"""Bringing an archived run back into the database, to be read."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, models, transaction

from agents_app.conf import conf
from agents_app.core.archive_lines import StoredRun
from agents_app.exceptions import BrokenArchive
from agents_app.models import AgentContext, ArchivedRun, RunDetails, database_now
from agents_app.models.belongings import row_from
from agents_app.selectors.archives import may_restore, visible_archived_runs
from agents_app.selectors.people import CONTROL, lacking
from agents_app.selectors.runs import one_of
from agents_app.services import archive_files
from agents_app.services.principals import SYSTEM
from agents_app.services.values import Run, read_run


def restore_run(run_id: Any, *, by: Any = SYSTEM) -> Run[Any]:
    """Bring an archived run back, as it was. It is marked as restored: it can be read, and not be retried.

    A run that is back already is given as it is. After RESTORED_DAYS the next archiving puts it away again. by: a
    person needs control_run. Raises NotFound (also where the person may not know of the run), NotPermitted, and
    BrokenArchive.
    """
    entry: ArchivedRun = one_of(visible_archived_runs(by).select_related("archive"), run_id)
    if not may_restore(by):
        raise lacking(CONTROL)
    if not AgentContext.objects.filter(pk=entry.pk).exists():
        stored = next((run for run in archive_files.read(entry.archive) if run.id == entry.pk), None)
        if stored is None:
            raise BrokenArchive(f"The run is not in {entry.archive.name}.")
        _insert(stored)
    return read_run(entry.pk)


def _insert(stored: StoredRun) -> None:
    rows = [row for row in map(row_from, stored.rows) if row is not None]
    now = database_now()
    try:
        with transaction.atomic(using=conf.DATABASE):
            for row in rows:
                _mark(row, now)
                # Raw: times that are set when a row is made stay what they are.
                row.save_base(raw=True, force_insert=True, using=conf.DATABASE)
    except IntegrityError:
        if not AgentContext.objects.filter(pk=stored.id).exists():
            raise
        # Somebody else restored it at the same moment.


def _mark(row: models.Model, now: datetime) -> None:
    if isinstance(row, RunDetails):
        row.restored_at = now
