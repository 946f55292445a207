"""Is the app able to do its work? Shared by /health/ready and `agents_doctor`; cheap enough for every few seconds."""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import Error as DatabaseError

from agents_app.conf import conf
from agents_app.models import AgentContext, DatabaseNow, EventCursor, database_now
from agents_app.selectors.runs import oldest_due

LATE_SECONDS = 15.0
STUCK_SECONDS = 60.0
"""A run that has been due for so long and was not taken: nobody works."""

COUNTED = 100
"""Rows are counted up to here; more is "100"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """One thing that was looked at. ok: False takes the process out of service. value: a number for graphs."""

    name: str
    ok: bool
    text: str
    value: float | None = None


def database() -> Probe:
    """Does it answer?"""
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute("SELECT 1")
    return Probe(name="database", ok=True, text="answers")


def migrations() -> Probe:
    """Are all of this code's migrations applied?"""
    recorder = MigrationRecorder(connections[conf.DATABASE])
    applied = recorder.migration_qs.filter(app=AgentContext._meta.app_label).values_list("name", flat=True)
    missing = own_migrations() - set(applied)
    text = f"{len(missing)} missing: manage.py migrate" if missing else "all applied"
    return Probe(name="migrations", ok=not missing, text=text, value=len(missing))


@cache
def own_migrations() -> frozenset[str]:
    """The names of this code's migrations."""
    package = import_module("agents_app.migrations")
    return frozenset(module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] != "_")


def progress() -> Probe:
    """For how long has the oldest due run waited for a worker? A queue that hangs looks healthy but for this."""
    since = oldest_due()
    seconds = 0.0 if since is None else max((database_now() - since).total_seconds(), 0.0)
    stuck = seconds >= STUCK_SECONDS
    text = f"a run has been due for {seconds:.0f} s and was not taken" if seconds >= LATE_SECONDS else "none waits long"
    return Probe(name="progress", ok=not stuck, text=text, value=round(seconds, 1))


def leases() -> Probe:
    """How many workers gave no sign in time? Others take over: that is seen in `progress`."""
    # While a lease runs `due_at` is its end, and that is what there is an index of.
    late = AgentContext.objects.due().filter(lease_until__lte=DatabaseNow())
    count = late.order_by()[:COUNTED].count()
    return Probe(name="leases", ok=True, text=f"{count} ran out", value=count)


def handlers() -> Probe:
    """How many runs is an event handler parked for? For people to mend; no reason to take anything out of service."""
    count = EventCursor.objects.parked().order_by()[:COUNTED].count()
    return Probe(name="handlers", ok=True, text=f"parked for {count} runs", value=count)


PROBES: Mapping[str, Callable[[], Probe]] = {
    "database": database,
    "migrations": migrations,
    "progress": progress,
    "leases": leases,
    "handlers": handlers,
}


def looked_at(names: Any = None) -> list[Probe]:
    """These probes (all, if none is named), in order. Where the database fails, the rest is not asked."""
    found: list[Probe] = []
    for name in [each for each in PROBES if not names or each in names]:
        try:
            found.append(PROBES[name]())
        except DatabaseError as error:
            found.append(Probe(name=name, ok=False, text=f"the database did not answer: {type(error).__name__}"))
            break
    return found
