"""Reads that the ORM compiles once, for what is read so often that compiling takes longer than the database does.

    _OF_RUN = Prepared(lambda: AgentStep.objects.filter(context=Bound("run_id", UUIDField())))
    _OF_RUN(run_id=run.pk)

The querysets stay the one place that says what is read; rows become objects by Django's own code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression
from django.db.models.sql.compiler import SQLCompiler

from agents_app.conf import conf
from agents_app.models.clock import clock

M = TypeVar("M", bound=models.Model)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Given:
    """In the parameters of a compiled text: the value of this name, as this field has it."""

    name: str
    field: "models.Field[Any, Any]"


class Bound(Expression):
    """In a prepared queryset: a value that is given with each call, of the kind that `field` stores."""

    def __init__(self, name: str, field: "models.Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """A place in the text."""
        return "%s", [_Given(self.name, self.output_field)]


class _Text:
    """One compiled text, of one connection."""

    def __init__(self, querysets: Sequence["models.QuerySet[Any]"]) -> None:
        compilers = [_compiler(queryset) for queryset in querysets]
        texts = [compiler.as_sql() for compiler in compilers]
        self._parameters = [parameter for _, parameters in texts for parameter in parameters]
        self._connection = compilers[0].connection
        self._sql = texts[0][0]
        if len(texts) > 1:  # the ORM's own union locks no rows
            self._sql = " UNION ALL ".join(f"SELECT * FROM ({sql}) AS of_one" for sql, _ in texts)  # noqa: S608
        self._given: dict[str, Any] = {}
        # Django makes the objects, with what is related and annotated, from what its compiler knows of the columns.
        compilers[0].as_sql = self._bound  # type: ignore[method-assign, assignment]
        compilers[0].get_converters = _once(compilers[0].get_converters)  # type: ignore[method-assign, assignment]
        self._queryset = querysets[0]
        self._queryset.query.get_compiler = lambda *_, **__: compilers[0]  # type: ignore[method-assign]

    def read(self, given: dict[str, Any]) -> list[Any]:
        """The objects."""
        self._given = given
        self._queryset._result_cache = None
        return list(self._queryset)

    def given(self, given: dict[str, Any]) -> tuple[str, list[Any]]:
        """The text with its parameters."""
        self._given = given
        return self._bound()

    def _bound(self, *_: Any, **__: Any) -> tuple[str, list[Any]]:
        return self._sql, [self._value(parameter) for parameter in self._parameters]

    def _value(self, parameter: Any) -> Any:
        if isinstance(parameter, _Given):
            return parameter.field.get_db_prep_value(self._given[parameter.name], self._connection)
        return parameter() if isinstance(parameter, partial) else parameter


def _once(find: Callable[[Any], T]) -> Callable[[Any], T]:
    """What is found the first time: the columns of one text are always the same."""
    found: list[T] = []

    def known(columns: Any) -> T:
        if not found:
            found.append(find(columns))
        return found[0]

    return known


def _compiler(queryset: "models.QuerySet[Any]") -> SQLCompiler:
    compiler: SQLCompiler = queryset.query.get_compiler(using=conf.DATABASE)
    compiler.binds_later = True  # type: ignore[attr-defined]  # DatabaseNow asks
    return compiler


_texts: "WeakKeyDictionary[BaseDatabaseWrapper, dict[Any, _Text]]" = WeakKeyDictionary()
"""A connection belongs to one thread, so its texts do."""


def forget() -> None:
    """Compile all anew (tests that change what querysets say)."""
    _texts.clear()


class Prepared(Generic[M]):
    """What `make` says to read. It gives a queryset, or several of the same shape whose rows are read by one statement.

    make: takes what shapes the text (few different values: each has its own text); what else differs is `Bound`.
    """

    def __init__(self, make: "Callable[..., models.QuerySet[M] | Sequence[models.QuerySet[M]]]") -> None:
        self._make = make

    def __call__(self, *shape: Any, **given: Any) -> list[M]:
        return self._text(shape).read(given)

    def sql(self, *shape: Any, **given: Any) -> tuple[str, list[Any]]:
        """The text with its parameters, as a part of a statement that is written by hand."""
        return self._text(shape).given(given)

    def _text(self, shape: tuple[Any, ...]) -> _Text:
        texts = _texts.setdefault(connections[conf.DATABASE], {})
        key = (self, shape, clock.offset)  # tests move the time, which PostgreSQL's texts hold
        if key not in texts:
            texts[key] = _Text(_several(self._make(*shape)))
        return texts[key]


def read_once(querysets: "Sequence[models.QuerySet[M]]") -> list[M]:
    """The same for what is not read often."""
    return _Text(querysets).read({})


def _several(made: "models.QuerySet[Any] | Sequence[models.QuerySet[Any]]") -> "Sequence[models.QuerySet[Any]]":
    return [made] if isinstance(made, models.QuerySet) else made
