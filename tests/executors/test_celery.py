"""What is sent to Celery."""

import subprocess
import sys
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError
from kombu.utils import functional

from agents_app.executors import celery
from agents_app.executors.celery import CONTINUE, CeleryExecutor
from tests.celery_broker import celery_app

pytestmark = pytest.mark.once
MEMORY = "memory://"


def sent() -> list[Any]:
    with celery.current_app.connection_for_read() as connection:
        queue = connection.SimpleQueue("celery", no_ack=True)
        messages = []
        while queue.qsize():
            messages.append(queue.get_nowait())
        queue.close()
    return messages


def test_the_id_and_nothing_else() -> None:
    run_id = uuid4()
    with celery_app(MEMORY):
        CeleryExecutor().submit(run_id)
        (message,) = sent()
    assert (message.headers["task"], message.headers["eta"]) == (CONTINUE, None)
    arguments, options, _ = message.payload
    assert (arguments, options) == ([str(run_id)], {})


def test_for_later() -> None:
    later = timezone.now() + timedelta(seconds=30)
    with celery_app(MEMORY):
        CeleryExecutor().submit(uuid4(), later)
        (message,) = sent()
    assert message.headers["eta"] == later.isoformat()


def test_for_much_later_nothing_is_sent() -> None:
    """A worker would hold it for longer than the broker waits, and another would be given it too."""
    with celery_app(MEMORY):
        CeleryExecutor().submit(uuid4(), timezone.now() + timedelta(seconds=celery.MOST_SECONDS + 10))
        assert sent() == []


@pytest.mark.parametrize("broker", ["redis://127.0.0.1:1", "redis+socket:///nowhere/at-all", "amqp://127.0.0.1:1"])
def test_a_broker_that_refuses_is_told_soon(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself kombu tries again for six seconds; whoever starts a run would wait for that."""
    slept: list[float] = []
    monkeypatch.setattr(functional, "sleep", slept.append)
    with celery_app(broker), pytest.raises(OperationalError):
        CeleryExecutor().submit(uuid4())
    assert sum(slept) < 1


def test_who_does_not_use_it_does_not_import_it() -> None:
    code = "import django, sys; django.setup(); import agents_app.tasks; print('celery' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, check=True)
    assert done.stdout == "False\n"
