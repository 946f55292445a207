"""Settings of django-q2 that break a promise, found at start-up. Nothing is said where another executor is used."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.db import connections

from agents_app.conf import conf

POSTGRESQL_BROKER = "agents_app.brokers.postgresql.PostgreSQLBroker"
MARGIN_SECONDS = 30
"""What `retry` is to exceed the longest life of a task by."""


@register
def check_queue(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Q_CLUSTER, and the database as its workers use it."""
    if conf.EXECUTOR != "django_q2":
        return []
    if not apps.is_installed("django_q"):
        hint = 'Add "django_q" to INSTALLED_APPS, or choose another AGENTS_APP["EXECUTOR"].'
        return [Error("The executor is django_q2, and django_q is not installed.", hint=hint, id="agents_app.E110")]
    cluster = _in_force(getattr(settings, "Q_CLUSTER", {}))
    if cluster.get("sync"):
        return []  # tasks run in the caller; there is no worker to lose them
    broker = [*_broker(cluster), *_postgresql_broker(cluster)]
    return [*_timeout(cluster), *broker, *_failures(cluster), *_catch_up(cluster), *_pool(cluster)]


def _in_force(cluster: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the settings of the cluster that Q_CLUSTER_NAME chooses for this process, as django-q2 merges them."""
    name = os.environ.get("Q_CLUSTER_NAME")
    if not name or name in (cluster.get("name"), cluster.get("cluster_name")):
        return cluster
    return {**cluster, **(cluster.get("ALT_CLUSTERS", {}).get(name) or {})}


def _timeout(cluster: Mapping[str, Any]) -> Iterator[CheckMessage]:
    timeout = cluster.get("timeout")
    least = conf.SLICE_SECONDS + conf.DRAIN_SECONDS
    hint = f'Set Q_CLUSTER["timeout"] to a whole number of seconds above {least:g}; 180 is good.'
    if timeout is None:
        message = 'Q_CLUSTER has no "timeout": a worker that hangs is never replaced.'
        yield CheckWarning(message, hint=hint, id="agents_app.W110")
    elif isinstance(timeout, bool) or not isinstance(timeout, int):
        message = f'Q_CLUSTER["timeout"] is {timeout!r}; django-q2 sets an alarm with it, which takes whole seconds.'
        yield Error(message, hint=hint, id="agents_app.E111")
    elif timeout <= least:
        message = f'Q_CLUSTER["timeout"] ({timeout} s) ends tasks that are given SLICE_SECONDS and DRAIN_SECONDS.'
        yield CheckWarning(message, hint=hint, id="agents_app.W111")


def _broker(cluster: Mapping[str, Any]) -> Iterator[CheckMessage]:
    """What holds for the ORM broker: it gives a task to another worker when `retry` is over."""
    alias = cluster.get("orm")
    if alias is None:
        return
    if alias != conf.DATABASE:
        message = f'Q_CLUSTER["orm"] is {alias!r}, but runs are stored in {conf.DATABASE!r}.'
        hint = f'Set Q_CLUSTER["orm"] = {conf.DATABASE!r}: then a wake-up commits with what it is for.'
        yield CheckWarning(message, hint=hint, id="agents_app.W112")
    timeout = cluster.get("timeout")
    if not isinstance(timeout, int):
        return
    needed = _least_retry(cluster, timeout)
    if cluster.get("retry", 60) < needed:
        message = f'Q_CLUSTER["retry"] ({cluster.get("retry", 60)} s) lets tasks be fetched again while they still run.'
        hint = f"It counts from when a task is fetched, not from when it starts: set it to at least {needed} s."
        yield CheckWarning(message, hint=hint, id="agents_app.W113")


def _postgresql_broker(cluster: Mapping[str, Any]) -> Iterator[CheckMessage]:
    alias = cluster.get("orm")
    if cluster.get("broker_class") != POSTGRESQL_BROKER:
        return
    if alias not in settings.DATABASES or connections[alias].vendor != "postgresql":
        message = f'Q_CLUSTER["broker_class"] is for PostgreSQL, and Q_CLUSTER["orm"] is {alias!r}.'
        hint = 'Name the alias of a PostgreSQL database in Q_CLUSTER["orm"], or leave "broker_class" out.'
        yield Error(message, hint=hint, id="agents_app.E113")


def _least_retry(cluster: Mapping[str, Any], timeout: int) -> int:
    """timeout × (2 + queue_limit / workers) and a margin: a task waits in the local queue with its time running."""
    workers = cluster.get("workers") or 1
    limit = cluster.get("queue_limit") or workers**2
    return int(timeout * (2 + limit / workers)) + MARGIN_SECONDS


def _failures(cluster: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if not cluster.get("max_attempts", 0):
        message = 'Q_CLUSTER["max_attempts"] is 0: a task that fails is repeated for ever.'
        yield CheckWarning(message, hint="Set it to 5, say.", id="agents_app.W114")
    if not cluster.get("ack_failures", False):
        message = 'Q_CLUSTER["ack_failures"] is off: a task that failed stays in the queue and is repeated.'
        hint = "Set it to True: what has to be repeated is known from the rows, not from the queue."
        yield CheckWarning(message, hint=hint, id="agents_app.W115")


def _catch_up(cluster: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if cluster.get("catch_up", True):
        message = 'Q_CLUSTER["catch_up"] is on: after a pause the sweep runs once for every minute that was missed.'
        yield CheckWarning(message, hint="Set it to False.", id="agents_app.W116")


def _pool(cluster: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for alias in dict.fromkeys((conf.DATABASE, cluster.get("orm"))):
        options = settings.DATABASES.get(alias or "", {}).get("OPTIONS") or {}
        if options.get("pool"):
            message = f"DATABASES[{alias!r}] uses a pool of psycopg: it does not survive the fork of a worker."
            hint = 'Leave OPTIONS["pool"] out where `manage.py qcluster` runs.'
            yield Error(message, hint=hint, id="agents_app.E112")
