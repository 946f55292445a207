"""Sensitive arguments that no key opens: asked where checks may read, `migrate` and `check --database ALIAS`."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connections

from agents_app.conf import conf
from agents_app.models import Archive, ToolCall
from agents_app.models.archive import ArchiveState
from agents_app.models.sealing import UNKNOWN_KEY, key_of, known_keys

SAMPLE = 200
"""Of the oldest and of the newest calls: `agents_rotate_keys --dry-run` looks at all."""


@register(Tags.database)
def check_keys(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Only where the tables are there already."""
    if conf.DATABASE not in (databases or ()):
        return []
    tables = connections[conf.DATABASE].introspection.table_names()
    if not {ToolCall._meta.db_table, Archive._meta.db_table} <= set(tables):
        return []
    return [*_calls(), *_archives()]


def _calls() -> Iterator[CheckMessage]:
    sealed = ToolCall.objects.exclude(sealed="").values_list("sealed", flat=True)
    sample = chain(sealed.order_by("pk")[:SAMPLE], sealed.order_by("-pk")[:SAMPLE])
    if any(key_of(text) == UNKNOWN_KEY for text in sample):
        message = "There are sensitive arguments that no key of ENCRYPTION_KEYS opens: their calls cannot be made."
        yield CheckWarning(message, hint=HINT, id="agents_app.W120")


def _archives() -> Iterator[CheckMessage]:
    known = set(known_keys())
    kept = Archive.objects.filter(state=ArchiveState.COMPLETE).exclude(keys=[]).values_list("keys", flat=True)
    if any(set(keys) - known for keys in kept.iterator()):
        message = "There are archives with sensitive arguments that no key of ENCRYPTION_KEYS opens."
        yield CheckWarning(message, hint=HINT, id="agents_app.W121")


HINT = (
    "Put the key that was removed back at the end of ENCRYPTION_KEYS, and call manage.py agents_rotate_keys before you "
    "remove it again."
)
