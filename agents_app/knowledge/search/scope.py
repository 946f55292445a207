"""What is searched in: the documents that a person may see, as a part of the statement that searches."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.exceptions import InvalidInput
from agents_app.knowledge.models import Collection
from agents_app.knowledge.permissions import visible_collections

MOST_FILTERS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """`sql`, with `params`, gives (id, version) of each document whose chunks of that version may be found.

    It is joined in every search, so that no passage is ranked that this person may not see.
    """

    sql: str
    params: tuple[Any, ...]


def searched_collections(names: Sequence[str], user: Any) -> "QuerySet[Collection]":
    """Those of the named collections that this person sees. None as `names`: all of them."""
    return visible_collections(user).filter(name__in=names)


def scope_of(collections: "QuerySet[Collection]", filters: Mapping[str, Any]) -> Scope | None:
    """The documents of the collections whose metadata says what the filters say; None if there can be none.

    A filter is a JSON value that must be there, or a list of values of which one must. Raises InvalidInput.
    """
    if len(filters) > MOST_FILTERS:
        raise InvalidInput(gettext("A search has at most %(limit)s filters.") % {"limit": MOST_FILTERS})
    try:
        sql, params = collections.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return None
    says = [_says(key, value) for key, value in filters.items()]
    told = " AND ".join([DOCUMENTS.format(collections=sql), *(each for each, _ in says)])
    return Scope(sql=told, params=(*params, *(value for _, values in says for value in values)))


DOCUMENTS = """
SELECT s.id, s.version FROM agents_knowledge_document s WHERE s.version > 0 AND s.collection_id IN ({collections})
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
