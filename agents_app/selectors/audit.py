"""Verifying the hash chains of many runs, a batch at a time."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import F, QuerySet
from django.utils import timezone

from agents_app.conf import conf
from agents_app.core.archive_lines import StoredRun
from agents_app.models import AgentContext, AgentEvent, ArchivedRun, as_stored
from agents_app.models.audited import AUDITED
from agents_app.models.belongings import belongings, row_from
from agents_app.selectors.chains import Finding, Problem, RunChain

BATCH = 100
"""Runs verified together: of each only digests are in memory, and its rows one after the other."""

MIGRATION = "0020_audit_chain"
"""Before it was applied nobody could write a link."""


def chained_since() -> datetime | None:
    """Since when this database can hold chains; None if it is not known."""
    connection = connections[conf.DATABASE]
    row = MigrationRecorder(connection).migration_qs.filter(app="agents_app", name=MIGRATION).first()
    moment: datetime | None = None if row is None else row.applied
    return None if moment is None else as_stored(moment)


def verify_runs(runs: "QuerySet[AgentContext]", *, until: datetime | None) -> Iterator[Finding | None]:
    """For each run what does not fit, None if all does. until: events without a link are no damage before this.

    A run may change while it is looked at: one that does not fit is looked at again, and held meanwhile.
    """
    last = UUID(int=0)
    while batch := list(runs.filter(pk__gt=last).order_by("pk")[:BATCH]):
        last = batch[-1].pk
        for found in _verify(batch, until):
            yield found if found is None or not found.broken else _again(found.run, until)


def verify_stored(run: StoredRun, *, until: datetime | None) -> Finding | None:
    """The same of a run in an archive."""
    rows = [found for found in (row_from(row, to_save=False) for row in run.rows) if found is not None]
    context = next(row for row in rows if isinstance(row, AgentContext))
    chain = _chain(context, until)
    for event in sorted((row for row in rows if isinstance(row, AgentEvent)), key=lambda event: event.sequence):
        chain.event(event)
    for row in rows:
        if isinstance(row, AUDITED):
            chain.row(row)
    return chain.finding()


def verify_entry(run: StoredRun, entry: ArchivedRun | None, *, until: datetime | None) -> Finding | None:
    """The same, and whether what the database says of the archived run fits it."""
    found = verify_stored(run, until=until)
    context = next(row.values for row in run.rows if row.model == "agentcontext")
    if found is not None and found.broken:
        return found
    if entry is None or (entry.version, entry.chain_head) != (run.version, context.get("chain_head")):
        text = "What the database says of this archived run is not what is in its archive."
        return Finding(run=run.id, problem=Problem.CHANGED, row=f"archived run {run.id}", message=text)
    return found


def _again(run: UUID | None, until: datetime | None) -> Finding | None:
    with transaction.atomic(using=conf.DATABASE):
        contexts = AgentContext.objects.using(conf.DATABASE).filter(pk__in=[run])
        if connections[conf.DATABASE].features.has_select_for_update:
            contexts = contexts.select_for_update(of=("self",))
        return next(_verify(list(contexts), until), None)


def _verify(contexts: Sequence[AgentContext], until: datetime | None) -> Iterator[Finding | None]:
    chains = {context.pk: _chain(context, until) for context in contexts}
    for event in _read(AgentEvent, "context_id", chains, "context_id", "sequence"):
        chains[event.context_id].event(event)
    for kind in belongings():
        if kind.model in AUDITED:
            for row in _read(kind.model, kind.path, chains, "pk"):
                chains[row.of_run].row(row)
    return (chain.finding() for chain in chains.values())


def _read(model: Any, path: str, chains: Iterable[UUID], *order: str) -> Iterator[Any]:
    rows = model._base_manager.using(conf.DATABASE).filter(**{f"{path}__in": list(chains)})
    rows = rows.annotate(of_run=F(path)).order_by(*order)
    found: Iterator[Any] = rows.iterator(chunk_size=BATCH)
    return found


def _chain(context: AgentContext, until: datetime | None) -> RunChain:
    return RunChain(
        run=context.pk, salt=context.chain_salt, head=context.chain_head, version=context.version, until=until
    )


def moment_of(day: datetime) -> datetime:
    """A moment somebody gave, as the rows have it."""
    aware = day if timezone.is_aware(day) else timezone.make_aware(day)
    return as_stored(timezone.localtime(aware))  # databases know no offset of sixteen hours and more
