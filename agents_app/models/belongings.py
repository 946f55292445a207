"""Which rows belong to a run, found in the models themselves, and how a row is written as JSON and read again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from graphlib import TopologicalSorter
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models, router
from django.db.models import Exists, F, OuterRef, Q

from agents_app.conf import conf
from agents_app.core.archive_lines import StoredRow, StoredRun
from agents_app.models.context import AgentContext
from agents_app.models.partial import PartialReply

LABEL = "agents_app"
NO_RECORD: tuple[type[models.Model], ...] = (PartialReply,)
"""Goes with its run and is kept nowhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Belonging:
    """A table of a run's rows. path: from a row to the id of its run, as queries write it."""

    model: Any
    path: str

    @property
    def name(self) -> str:
        """How archives call it."""
        return str(self.model._meta.model_name)


@cache
def belongings() -> tuple[Belonging, ...]:
    """All tables whose rows belong to a run, those that others refer to first."""
    paths: dict[Any, str] = {AgentContext: "pk"}
    candidates = [model for model in apps.get_app_config(LABEL).get_models() if model not in NO_RECORD]
    grown = True
    while grown:
        grown = False
        for model in candidates:
            way = None if model in paths else _way(model, paths)
            if way is not None:
                paths[model], grown = way, True
    needs = {model: _targets(model) & set(paths) - {model} for model in paths}
    return tuple(Belonging(model=model, path=paths[model]) for model in TopologicalSorter(needs).static_order())


def _way(model: Any, paths: dict[Any, str]) -> str | None:
    """From a row to its run, the shortest; None if it belongs to none."""
    owners = [field for field in _references(model) if _goes_with(field) and field.remote_field.model in paths]
    ways = [f"{field.name}__{paths[field.remote_field.model]}" for field in owners]
    return min(ways, key=lambda way: way.count("__")) if ways else None


def _goes_with(field: Any) -> bool:
    """Whether a row is deleted with what it refers to here; some refer to a run, or to something else instead."""
    return field.remote_field.on_delete is models.CASCADE


def _references(model: Any) -> list[Any]:
    return [field for field in model._meta.concrete_fields if isinstance(field, models.ForeignKey)]


def _targets(model: Any) -> set[Any]:
    return {field.remote_field.model for field in _references(model)}


def rows_of(runs: Iterable[AgentContext]) -> list[StoredRun]:
    """These runs with all their rows, read with one query per table."""
    given = list(runs)
    rows: dict[UUID, list[StoredRow]] = {run.pk: [] for run in given}
    for kind in belongings():
        found = kind.model._base_manager.filter(**{f"{kind.path}__in": list(rows)})
        for row in found.annotate(of_run=F(kind.path)).order_by("pk"):
            rows[row.of_run].append(StoredRow(model=kind.name, values=values_of(row)))
    return [StoredRun(id=run.pk, version=run.version, rows=tuple(rows[run.pk])) for run in given]


def values_of(row: models.Model) -> dict[str, Any]:
    """A row as JSON."""
    return {field.attname: _plain(field.value_from_object(row)) for field in row._meta.concrete_fields}


def _plain(value: Any) -> Any:
    match value:
        case UUID() | Decimal():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
    return value


def row_from(stored: StoredRow, *, to_save: bool = True) -> models.Model | None:
    """The row, not saved; None if there is no such table any more.

    to_save: references to what is gone are emptied.
    """
    model = next((kind.model for kind in belongings() if kind.name == stored.model), None)
    if model is None:
        return None
    fields = [field for field in model._meta.concrete_fields if field.attname in stored.values]
    row: models.Model = model(**{field.attname: field.to_python(stored.values[field.attname]) for field in fields})
    for field in fields if to_save else ():
        if field.is_relation and field.null and not _is_there(field, row):
            setattr(row, field.attname, None)
    return row


def _is_there(field: Any, row: Any) -> bool:
    """Whether what a row refers to outside of its run is still there, where the database insists on that."""
    target, key = field.remote_field.model, getattr(row, field.attname)
    mine = {kind.model for kind in belongings()}
    if key is None or target in mine or not field.db_constraint:
        return True
    return bool(target._base_manager.filter(pk=key).exists())


def outside_references() -> Q:
    """Runs that rows of other apps refer to: what is theirs must neither be deleted nor lose its run."""
    found = Q()
    for kind in belongings():
        for relation in kind.model._meta.related_objects:
            theirs = relation.related_model
            if theirs._meta.app_label == LABEL or relation.on_delete is models.DO_NOTHING:
                continue
            if router.db_for_read(theirs) == conf.DATABASE:
                way = f"{relation.field.name}__{kind.path}"
                found |= Q(Exists(theirs._base_manager.filter(**{way: OuterRef("pk")})))
    return found
