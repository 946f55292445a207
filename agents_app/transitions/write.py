"""How the rows of a change are written: as few round trips as the database allows.

The statements are plain: INSERT of rows, and UPDATE of named columns of one row behind a guard. They are made from the
models' own fields, once for each set of columns. PostgreSQL takes them in one message; others one by one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import DatabaseDefault
from django.utils.module_loading import import_string

from agents_app.exceptions import StaleContext
from agents_app.models import takes_several
from agents_app.transitions import at_once

Columns = tuple["models.Field[Any, Any]", ...]


class _NotNull:
    """In a guard: the column holds something."""


NOT_NULL = _NotNull()


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `lost`: what StaleContext says if it matches no row, with {row} for its name; empty: it need not
    match."""

    sql: str
    parameters: list[Any]
    lost: str = ""
    row: models.Model | None = None


def inserts(rows: Sequence[models.Model], using: str = DEFAULT_DB_ALIAS) -> list[Statement]:
    """INSERT these rows, those of one model together: foreign keys wait for the commit. Their keys are set, or for
    none of a model: then the database makes them, and they are not read back."""
    connection = connections[using]
    by_model: dict[type[models.Model], list[models.Model]] = {}
    for row in rows:
        by_model.setdefault(type(row), []).append(row)
    return [_insert(model, same, connection) for model, same in by_model.items()]


def _insert(model: type[models.Model], rows: list[models.Model], connection: BaseDatabaseWrapper) -> Statement:
    columns = _columns(model, None, connection.vendor)
    table = [columns.values(row, connection) for row in rows]
    spoken = list(columns.defaults)
    for values in table:
        spoken = [known or value is not None for known, value in zip(spoken, values, strict=True)]
    kept = tuple([index for index, known in enumerate(spoken) if known])
    text, one = _insert_text(columns, kept)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias
    return Statement(text + ", ".join([one] * len(rows)), [values[index] for values in table for index in kept])


@lru_cache(maxsize=1000)
def _insert_text(columns: "_Columns", kept: tuple[int, ...]) -> tuple[str, str]:
    names = ", ".join(f'"{columns.fields[index].column}"' for index in kept)
    # Names of tables and columns come from the models alone, here and below.
    table = columns.fields[0].model._meta.db_table
    return f'INSERT INTO "{table}" ({names}) VALUES ', f"({', '.join(['%s'] * len(kept))})"  # noqa: S608


def update(
    row: models.Model, names: Iterable[str], guard: Mapping[str, Any], lost: str, using: str = DEFAULT_DB_ALIAS
) -> Statement:
    """UPDATE these fields of a row if it is still as `guard` says: field name → value, or NOT_NULL."""
    connection, model = connections[using], type(row)
    kept = tuple(name for name, value in guard.items() if value is NOT_NULL)
    equal = tuple(name for name, value in guard.items() if value is not NOT_NULL)
    columns = _columns(model, tuple(sorted(names)), connection.vendor)
    text, guards = _update_text(model, columns, equal, kept)
    parameters = [*columns.values(row, connection), _pk(row, connection)]
    parameters += [field.get_db_prep_value(guard[name], connection) for field, name in zip(guards, equal, strict=True)]
    return Statement(text, parameters, lost, row)


@lru_cache(maxsize=1000)
def _update_text(
    model: type[models.Model], columns: "_Columns", equal: tuple[str, ...], kept: tuple[str, ...]
) -> tuple[str, Columns]:
    meta = model._meta
    guards = tuple(_field(model, name) for name in equal)
    key = meta.pk.column if meta.pk else "id"
    values = ", ".join(f'"{field.column}" = %s' for field in columns.fields) or f'"{key}" = "{key}"'
    conditions = [f'"{field.column}" = %s' for field in guards]
    conditions += [f'"{_field(model, name).column}" IS NOT NULL' for name in kept]
    where = "".join(f" AND {condition}" for condition in conditions)
    return f'UPDATE "{meta.db_table}" SET {values} WHERE "{key}" = %s{where}', guards  # noqa: S608


def _field(model: type[models.Model], name: str) -> "models.Field[Any, Any]":
    field: models.Field[Any, Any] = model._meta.get_field(name)  # type: ignore[assignment]  # concrete ones only
    return field


def _pk(row: models.Model, connection: BaseDatabaseWrapper) -> Any:
    key = row._meta.pk
    assert key is not None
    return key.get_db_prep_value(row.pk, connection)


AS_IS = (
    models.BooleanField,
    models.CharField,
    models.PositiveBigIntegerField,
    models.PositiveIntegerField,
    models.PositiveSmallIntegerField,
    models.TextField,
)
PLAIN = (str, int, bool, datetime, UUID)


@cache
def _as_is(field: "models.Field[Any, Any]", vendor: str) -> bool:
    """Whether plain values of this field are what the driver wants: then Django need not be asked, which takes long."""
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    return type(target) in AS_IS or (
        vendor == "postgresql" and type(target) in (models.DateTimeField, models.UUIDField)
    )


class _Columns:
    """Some fields of a model, and how the values of a row become what the driver wants.

    defaults: for which of them a statement that does not speak of the column leaves something else than null there.
    """

    def __init__(self, fields: Columns, vendor: str) -> None:
        self.fields = fields
        self.defaults = tuple(field.db_default is not models.NOT_PROVIDED for field in fields)
        self._as_is = tuple(_as_is(field, vendor) for field in fields)
        self._read = attrgetter(*(field.attname for field in fields)) if len(fields) > 1 else self._read_few

    def values(self, row: models.Model, connection: BaseDatabaseWrapper) -> list[Any]:
        """One for each field."""
        return [
            value
            if value is None or (as_is and type(value) in PLAIN)
            else _stored(field, row, value, connection, as_is)
            for field, as_is, value in zip(self.fields, self._as_is, self._read(row), strict=True)
        ]

    def _read_few(self, row: models.Model) -> tuple[Any, ...]:
        return tuple(getattr(row, field.attname) for field in self.fields)


@lru_cache(maxsize=1000)
def _columns(model: type[models.Model], names: tuple[str, ...] | None, vendor: str) -> _Columns:
    """names: of fields; None for all."""
    if names is None:
        return _Columns(tuple(model._meta.local_concrete_fields), vendor)
    return _Columns(tuple(_field(model, name) for name in names), vendor)


def _stored(
    field: "models.Field[Any, Any]", row: models.Model, value: Any, connection: BaseDatabaseWrapper, as_is: bool
) -> Any:
    if as_is and isinstance(value, StrEnum):
        return value.value  # the driver would look at what it is each time
    if isinstance(value, DatabaseDefault):
        # A column that the writer does not speak of has its constant default.
        value = value.expression.value  # type: ignore[attr-defined]  # a Value; a test holds our defaults to it
        setattr(row, field.attname, value)
    return field.get_db_prep_save(value, connection)


def send(statements: Sequence[Statement], using: str = DEFAULT_DB_ALIAS, *, last: bool = False) -> None:
    """Execute in this order, inside the caller's transaction. Raises StaleContext if a guard matched no row.

    last: nothing is executed after them in this transaction, so that they may be committed with the same message.
    """
    connection = connections[using]
    several = takes_several(connection)
    if several and last and at_once.can_send(connection):
        texts = zip(_texts(statements, connection), statements, strict=True)
        at_once.send(connection, [(text, bool(statement.lost)) for text, statement in texts])
        return
    with connection.cursor() as cursor:
        if several and len(statements) > 1:
            cursor.execute(b"; ".join(_texts(statements, connection)).decode(connection.connection.info.encoding))
            for statement in statements:
                _check(statement, cursor.rowcount)
                cursor.nextset()
            return
        for statement in statements:
            cursor.execute(statement.sql, statement.parameters)
            _check(statement, cursor.rowcount)


def _texts(statements: Sequence[Statement], connection: BaseDatabaseWrapper) -> list[bytes]:
    """Each value in them as the driver writes it: what its cursors do for one statement, at once for all."""
    values = _transformer()(connection.connection)
    with connection.wrap_database_errors:  # a connection that was lost cannot write either
        return [
            statement.sql.encode()
            % tuple([b"NULL" if value is None else values.as_literal(value) for value in statement.parameters])
            for statement in statements
        ]


@cache
def _transformer() -> Any:
    return import_string("psycopg.adapt.Transformer")


def _check(statement: Statement, matched: int) -> None:
    if statement.lost and not matched:
        row = statement.row
        # Named only now: to translate a name takes long.
        raise StaleContext(statement.lost.format(row="" if row is None else f"{row._meta.verbose_name} {row.pk}"))
