"""What is searched in: the documents that a person may see, as a part of the statement that searches."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import CharField, QuerySet
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.exceptions import InvalidInput
from agents_app.knowledge.models import Collection
from agents_app.knowledge.permissions import Sight, own_collections, seen_with, sight_of, there
from agents_app.knowledge.vector_index import READY
from agents_app.models import Bound, Prepared

MOST_FILTERS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """`sql`, with `params`, gives (id, version) of each document whose chunks of that version may be found.

    It is joined in every search, so that no passage is ranked that this person may not see. indexes: the names of
    those that find vectors.
    """

    sql: str
    params: tuple[Any, ...]
    indexes: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """Of the collections that were named those that this person sees: their embedders by their names, in order.

    `sql`, with `params`, gives their rows, and is asked again by each search: what is seen here is but told. indexes:
    see Scope; one that goes meanwhile costs time and no passage.
    """

    embedders: Mapping[str, str]
    indexes: frozenset[str] = frozenset()
    sql: str = ""
    params: tuple[Any, ...] = ()


NAMED = "SELECT f.name, f.embedder, f.public, {indexes} FROM ({collections}) f"


def seen_among(names: Sequence[str], user: Any) -> Seen:
    """Ask which of these collections this person sees. Where all of them are public that is one statement, whoever it
    is: a search by vectors takes little longer than a few of them."""
    if not names:
        return Seen(embedders={})
    every = _rows(*_text(Sight.EVERYTHING, names))
    sight = Sight.PUBLIC if all(row[2] for row in every) else sight_of(user)
    if sight is Sight.OWN:
        return _own(names, user, every[0][3])
    sql, params = _text(sight, names)
    return _seen([row for row in every if row[2] or sight is Sight.EVERYTHING], sql, params)


def _own(names: Sequence[str], user: Any, indexes: Any) -> Seen:
    query, seen = own_collections(user, there().filter(name__in=names))
    sql, params = _read(query).query.get_compiler(conf.DATABASE).as_sql()
    rows = sorted((row.name, row.embedder, row.public, indexes) for row in seen)
    return _seen(rows, sql, params)


def _rows(sql: str, params: Sequence[Any]) -> list[Any]:
    connection = connections[conf.DATABASE]
    indexes = READY if connection.vendor == "postgresql" else "NULL"
    with connection.cursor() as cursor:
        cursor.execute(NAMED.format(indexes=indexes, collections=sql), params)
        return sorted(cursor.fetchall())


def _seen(rows: Sequence[Any], sql: str, params: Sequence[Any]) -> Seen:
    indexes = frozenset(name for row in rows[:1] for name in row[3] or ())
    return Seen(embedders={row[0]: row[1] for row in rows}, indexes=indexes, sql=sql, params=tuple(params))


def _read(collections: "QuerySet[Collection]") -> Any:
    return collections.order_by().values("id", "name", "embedder", "public")


def _text(sight: Sight, names: Sequence[str]) -> tuple[str, Sequence[Any]]:
    """The statement that reads these collections, if who sees so much sees them. It is compiled once."""
    return _READ.sql(sight, len(names), **{f"name{place}": name for place, name in enumerate(names)})


_READ = Prepared[Collection](
    lambda sight, count: _read(
        seen_with(sight).filter(name__in=[Bound(f"name{place}", CharField()) for place in range(count)])
    )
)


def scope_of(seen: Seen, filters: Mapping[str, Any]) -> Scope:
    """The documents of the collections whose metadata says what the filters say.

    A filter is a JSON value that must be there, or a list of values of which one must. Raises InvalidInput.
    """
    if len(filters) > MOST_FILTERS:
        raise InvalidInput(gettext("A search has at most %(limit)s filters.") % {"limit": MOST_FILTERS})
    says = [_says(key, value) for key, value in filters.items()]
    told = " AND ".join([DOCUMENTS.format(collections=seen.sql), *(each for each, _ in says)])
    params = (*seen.params, *(value for _, values in says for value in values))
    return Scope(sql=told, params=params, indexes=seen.indexes)


DOCUMENTS = """
SELECT s.id, s.version FROM agents_knowledge_document s WHERE s.version > 0 AND s.collection_id IN (
    SELECT f.id FROM ({collections}) f
)
"""
IN_POSTGRESQL = "s.metadata @> %s::jsonb"
IN_SQLITE = "EXISTS (SELECT 1 FROM json_each(s.metadata) m WHERE m.key = %s AND m.type IN (%s, %s) AND m.atom IS %s)"


def _says(key: str, value: Any) -> tuple[str, list[Any]]:
    """A condition with its parameters: no key is read as a path, or as anything else than a name."""
    if not isinstance(key, str) or not key:
        raise InvalidInput(gettext("A filter names a key of the documents' metadata."))
    values = value if isinstance(value, list | tuple) else [value]
    if not values or not all(each is None or isinstance(each, str | int | float | bool) for each in values):
        text = gettext("The filter “%(key)s” must be a string, a number, true, false, or a list of these.")
        raise InvalidInput(text % {"key": key})
    if connections[conf.DATABASE].vendor == "postgresql":
        conditions = [(IN_POSTGRESQL, [json.dumps({key: each})]) for each in values]
    else:
        conditions = [(IN_SQLITE, [key, *_types(each), each]) for each in values]
    return f"({' OR '.join(sql for sql, _ in conditions)})", [each for _, params in conditions for each in params]


def _types(value: Any) -> tuple[str, str]:
    """How SQLite names what it may be."""
    if isinstance(value, bool):
        return (str(value).lower(),) * 2
    if isinstance(value, str):
        return ("text", "text")
    return ("null", "null") if value is None else ("integer", "real")
