"""The Redis of the tests as a broker of Celery."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery, _state

PATIENCE = {"socket_connect_timeout": 2, "socket_timeout": 5}
"""What the page on Celery sets for a Redis that hangs."""


def broker_url(redis_url: str) -> str:
    """redis-py's URL in kombu's words."""
    if redis_url.startswith("unix://"):
        return f"redis+socket://{redis_url.removeprefix('unix://')}"
    return redis_url


@contextmanager
def celery_app(broker: str | None, **configuration: Any) -> Iterator[Celery]:
    """A Celery app that is the process's while it lasts."""
    app = Celery("of-the-test", broker=broker, set_as_current=False)
    app.conf.update(configuration)
    before = _state.default_app
    app.set_default()
    try:
        yield app
    finally:
        _state.set_default_app(before)
        app.close()
