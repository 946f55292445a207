"""Settings of Celery that break a promise, found at start-up. Nothing is said where another executor is used."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.db import connections

from agents_app.conf import conf

SOCKET = "redis+socket"
REDIS = ("redis", "rediss", SOCKET, "sentinel")
LEASED = (*REDIS, "sqs")
"""Brokers that deliver a message again when it was not acknowledged within the visibility timeout."""
VISIBILITY_SECONDS = {"sqs": 1800.0}
DEFAULT_VISIBILITY_SECONDS = 3600.0
"""What kombu takes if nothing is said."""
HELD_SECONDS = 600.0
"""The longest that a worker holds a wake-up for later; the executor sends none for later than that."""
MARGIN_SECONDS = 30.0


@register
def check_celery(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The configuration of the project's Celery app."""
    if conf.EXECUTOR != "celery" or find_spec("celery") is None:
        return []  # that it is not installed is told where the executor is loaded
    from celery import current_app

    settings = current_app.conf
    broker = settings.broker_write_url or settings.broker_url
    if not broker:
        message = "No Celery app with a broker is known here: wake-ups would go to an AMQP server on this machine."
        hint = "Set CELERY_BROKER_URL, and import your Celery app in the `__init__.py` of the project."
        return [Error(message, hint=hint, id="agents_app.E120")]
    transport = str(broker).split(":", 1)[0].split(";")[0].lower()
    found = [*_visibility(settings, transport), *_patience(settings, transport)]
    return [*found, *_limits(settings), *_eager(settings), *_pool()]


def _visibility(settings: Any, transport: str) -> Iterator[CheckMessage]:
    if transport not in LEASED:
        return
    options = settings.broker_transport_options or {}
    seconds = options.get("visibility_timeout", VISIBILITY_SECONDS.get(transport, DEFAULT_VISIBILITY_SECONDS))
    needed = HELD_SECONDS + _task_seconds() + MARGIN_SECONDS
    if seconds < needed:
        message = f"The visibility timeout of Celery's broker ({seconds:g} s) is over while wake-ups are still held."
        hint = (
            f'Set CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] to at least {needed:g} s: a worker holds a '
            "message from when it is fetched until its slice is over, and one for later for ten minutes more."
        )
        yield CheckWarning(message, hint=hint, id="agents_app.W124")


def _patience(settings: Any, transport: str) -> Iterator[CheckMessage]:
    if transport not in REDIS:
        return
    options = settings.broker_transport_options or {}
    needed = ("socket_timeout",) if transport == SOCKET else ("socket_connect_timeout", "socket_timeout")
    if missing := [name for name in needed if not options.get(name)]:
        message = (
            f"Celery's broker_transport_options have no {' and no '.join(missing)}: where Redis hangs, whoever starts "
            "a run or decides waits for minutes."
        )
        hint = 'CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2, "socket_timeout": 5} lets them go on.'
        yield CheckWarning(message, hint=hint, id="agents_app.W126")


def _limits(settings: Any) -> Iterator[CheckMessage]:
    for name in ("task_time_limit", "task_soft_time_limit"):
        seconds = getattr(settings, name)
        if seconds is not None and seconds <= _task_seconds():
            message = f"Celery's {name} ({seconds:g} s) ends tasks that are given SLICE_SECONDS and DRAIN_SECONDS."
            hint = f'Set it above {_task_seconds():g} s, or for "agents_app.continue_run" by CELERY_TASK_ANNOTATIONS.'
            yield CheckWarning(message, hint=hint, id="agents_app.W125")


def _eager(settings: Any) -> Iterator[CheckMessage]:
    if settings.task_always_eager:
        message = "Celery's task_always_eager is on, and has no effect on wake-ups: they go to the broker."
        hint = 'To drive runs where they are started use AGENTS_APP["EXECUTOR"] = "immediate".'
        yield CheckWarning(message, hint=hint, id="agents_app.W122")


def _pool() -> Iterator[CheckMessage]:
    """Which pool of processes or threads a worker has is said when it is started, so this is no error."""
    options = connections.settings.get(conf.DATABASE, {}).get("OPTIONS") or {}
    if options.get("pool"):
        message = (
            f"DATABASES[{conf.DATABASE!r}] uses a pool of psycopg: it does not survive the fork of a prefork worker."
        )
        hint = 'Leave OPTIONS["pool"] out in the settings of the workers, or start them with --pool threads or solo.'
        yield CheckWarning(message, hint=hint, id="agents_app.W123")


def _task_seconds() -> float:
    return conf.SLICE_SECONDS + conf.DRAIN_SECONDS
