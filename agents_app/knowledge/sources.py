"""Rows of one's own models as documents, kept in step with them.

    register_source(Product, fields=["name", "description"], collection="shop")

in the `ready()` of an app. Saving or deleting a row is noted in the same transaction (`source_changes`), and accepted
by a task after its commit, in batches. What sends no signals (`update()`, `bulk_create()`, SQL) is caught up by
`manage.py agents_ingest --source shop.Product --collection shop`.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import models, router
from django.utils.text import capfirst

from agents_app.conf import conf
from agents_app.exceptions import InvalidInput
from agents_app.knowledge import hints
from agents_app.knowledge.ingesting import Outcome, ingest, make_collection, remove
from agents_app.knowledge.models import Collection, Document, SourceChange
from agents_app.knowledge.reading import TEXT
from agents_app.knowledge.source_changes import (
    Held,
    Holding,
    due_changes,
    forget,
    holding,
    listen_no_more,
    listen_to,
    put_off,
    sweep,
)

BATCH = 200
"""Rows that are read at once."""
WAITED_SECONDS = 60.0
"""For a task that is at the source, before a command gives up."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows of a model, as documents of a collection."""

    model: type[models.Model]
    fields: tuple[str, ...]
    collection: str
    title: Callable[[Any], str]
    metadata: Callable[[Any], dict[str, Any]]
    rows: Callable[[], Any]

    def written(self) -> Any:
        """Its rows, as they were written last: not from a replica that may be behind."""
        rows = self.rows()
        return rows if rows._db else rows.using(router.db_for_write(self.model))

    @property
    def label(self) -> str:
        """`shop.Product`: the source of its documents."""
        return self.model._meta.label

    def key(self, pk: Any) -> str:
        """The key of a row's document."""
        return f"{self.model._meta.label_lower}:{pk}"

    def text(self, row: Any) -> str:
        """What is read of a row: its fields with their names, those that are empty left out."""
        found = ((self.model._meta.get_field(name), getattr(row, name)) for name in self.fields)
        return "\n\n".join(
            f"{capfirst(str(getattr(one, 'verbose_name', one.name)))}: {value}"
            for one, value in found
            if value not in (None, "")
        )


_sources: dict[str, Source] = {}


def batched(items: Iterable[Any], size: int) -> Iterator[tuple[Any, ...]]:
    """So many at a time."""
    iterator = iter(items)
    while batch := tuple(islice(iterator, size)):
        yield batch


def register_source(
    model: type[models.Model],
    *,
    fields: Sequence[str],
    collection: str,
    title: Callable[[Any], str] = str,
    metadata: Callable[[Any], dict[str, Any]] = lambda row: {},
    rows: Callable[[], Any] | None = None,
) -> Source:
    """Keep a document for each row of this model. Call it once, when the apps are ready.

    fields: what is read of a row. title, metadata: of a row's document. rows: a queryset of those that shall be found,
    if not all; a row that is not among them any more is taken out. The collection is made if it is not there, for
    nobody but holders of `view_collection` to see. Raises InvalidInput for fields that the model does not have.
    """
    known = {each.name for each in model._meta.get_fields()}
    if wrong := sorted(set(fields) - known) or (["fields"] if not fields else []):
        raise InvalidInput(f"{model._meta.label} has no field {', '.join(wrong)}.", code="unknown_field")
    source = Source(
        model=model,
        fields=tuple(fields),
        collection=collection,
        title=title,
        metadata=metadata,
        rows=rows or model._default_manager.all,
    )
    _sources[source.label] = source
    listen_to(model)
    return source


def forget_source(model: type[models.Model]) -> None:
    """Note its rows no more; its documents stay. For tests."""
    _sources.pop(model._meta.label, None)
    listen_no_more(model)


def sources() -> list[Source]:
    """What is registered."""
    return list(_sources.values())


def registered(label: str) -> Source | None:
    """The source of this label; None if this process does not know it."""
    return _sources.get(label)


def sweep_sources() -> int:
    """Send a hint for each source whose changes wait. How many."""
    return sweep(list(_sources))


def source_named(label: str) -> Source:
    """A registered source, by `app.Model`. Raises InvalidInput."""
    found = next((each for name, each in _sources.items() if name.lower() == label.lower()), None)
    if found is None:
        known = ", ".join(sorted(_sources)) or "none"
        raise InvalidInput(f"{label} is no source; these are: {known}.", code="no_source")
    return found


def keep_all(source: Source, by: Any = None) -> Iterator[Outcome | None]:
    """Accept every row that has changed, and take out the documents of rows that are gone: for each what came of it,
    None for one that was taken out. Raises InvalidInput if somebody else is at this source."""
    with holding(source.label, seconds=WAITED_SECONDS) as claim:
        for each in _each_row(source, by):
            claim.renew()
            yield each


def _each_row(source: Source, by: Any) -> Iterator[Outcome | None]:
    found = source.written().order_by("pk")
    for pks in batched(found.values_list("pk", flat=True).iterator(chunk_size=BATCH), BATCH):
        rows = _rows_of(source, pks, by)
        yield from (_kept(source, str(pk), rows, by) for pk in pks)
    documents = Document.objects.filter(collection__name=source.collection, source=source.label)
    for some in batched(documents.defer("text").iterator(chunk_size=BATCH), BATCH):
        left = source.written().filter(pk__in=[_pk(row) for row in some]).values_list("pk", flat=True)
        there = {source.key(pk) for pk in left}
        for row in some:
            if row.key not in there:
                remove(row, by=by)
                yield None


def keep_changed(source: Source, seconds: float | None = None) -> bool:
    """Accept the rows that were noted as changed, for `seconds` at most (SLICE_SECONDS). False if some are left: then
    a hint for the rest is sent, unless somebody else is at it."""
    until = time.monotonic() + (conf.SLICE_SECONDS if seconds is None else seconds)
    # Looked at again when the source is let go: what was noted just before found it held.
    while due_changes(source.label).exists():
        try:
            with holding(source.label) as claim:
                over = _keep_due(source, claim, until)
        except Held:
            return False
        if over:
            hints.send(hints.KEEP, source.label)
            return False
    return True


def _keep_due(source: Source, claim: Holding, until: float) -> bool:
    """Whether the time was over before all were accepted."""
    while changes := list(due_changes(source.label)[:BATCH]):
        by_key: dict[str, list[SourceChange]] = {}
        for change in changes:
            by_key.setdefault(change.key, []).append(change)
        try:
            rows = _rows_of(source, list(by_key))
        except Exception as error:
            put_off(changes, error)
            continue
        done: list[SourceChange] = []
        for key, noted in by_key.items():
            claim.renew()
            try:
                _kept(source, key, rows)
            except Exception as error:
                put_off(noted, error)
            else:
                done += noted
            if time.monotonic() > until:
                break
        forget(done)
        if time.monotonic() > until:
            return True
    return False


def _rows_of(source: Source, pks: Iterable[Any], by: Any = None) -> dict[str, Any]:
    """Those of these rows that are there, by their primary keys."""
    if not Collection.objects.filter(name=source.collection).exists():
        make_collection(source.collection, by=by)
    return {str(row.pk): row for row in source.written().filter(pk__in=list(pks))}


def _kept(source: Source, pk: str, rows: dict[str, Any], by: Any = None) -> Outcome | None:
    if pk in rows:
        return _accepted(source, rows[pk], by)
    gone = Document.objects.filter(collection__name=source.collection, key=source.key(pk)).first()
    if gone is not None:
        remove(gone, by=by)
    return None


def _accepted(source: Source, row: Any, by: Any) -> Outcome:
    return ingest(
        source.collection,
        source.text(row),
        key=source.key(row.pk),
        title=source.title(row),
        mime=TEXT,
        metadata=source.metadata(row),
        source=source.label,
        by=by,
    ).outcome


def _pk(document: Document) -> str:
    return document.key.partition(":")[2]
