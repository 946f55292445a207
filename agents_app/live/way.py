"""How news travels between processes: by PostgreSQL, by the channel layer, or not at all (readers look themselves)."""

from enum import StrEnum
from importlib.util import find_spec

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from agents_app.conf import conf

CHANNEL = "agents_app"
"""The channel of NOTIFY, and the group of the channel layer."""

LISTENING = (0x61676E74, 0x6C697665)
"""The advisory lock of PostgreSQL that everybody shares who listens there: where it is free nobody need be told."""

IN_MEMORY = "channels.layers.InMemoryChannelLayer"


class Way(StrEnum):
    """One of the values of AGENTS_APP["LIVE"] but `auto`."""

    POSTGRES = "postgres"
    CHANNELS = "channels"
    POLL = "poll"


def way() -> Way:
    """How news travels here. `auto`: PostgreSQL if the runs are in it, else a channel layer that joins processes.

    Raises ImproperlyConfigured for a way that cannot be gone.
    """
    if conf.LIVE == "auto":
        return _found()
    try:
        chosen = Way(conf.LIVE)
    except ValueError:
        raise ImproperlyConfigured(f'AGENTS_APP["LIVE"] is {conf.LIVE!r}; expected auto, {", ".join(Way)}.') from None
    if chosen is Way.POSTGRES and not _has_postgres():
        raise ImproperlyConfigured('AGENTS_APP["LIVE"] is "postgres", but the runs are not in PostgreSQL (psycopg 3).')
    if chosen is Way.CHANNELS and not _layer():
        raise ImproperlyConfigured('AGENTS_APP["LIVE"] is "channels", but CHANNEL_LAYERS has no "default".')
    return chosen


def _found() -> Way:
    if _has_postgres():
        return Way.POSTGRES
    return Way.CHANNELS if _layer() not in ("", IN_MEMORY) else Way.POLL


def _has_postgres() -> bool:
    return connections[conf.DATABASE].vendor == "postgresql" and find_spec("psycopg") is not None


def _layer() -> str:
    layers = getattr(settings, "CHANNEL_LAYERS", {})
    return str(layers.get("default", {}).get("BACKEND", ""))
