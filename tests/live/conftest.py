"""A run to watch, and a publisher that rests before and after."""

import threading
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app.live import publish
from agents_app.testing.kit import queue_off
from tests.live.runs import quiet_run


def end_publisher() -> None:
    """Also one that was about to end by itself, and still closes its connection."""
    publish.shutdown(30)
    for thread in threading.enumerate():
        if thread.name == "agents_app.live":
            thread.join(30)


@pytest.fixture(autouse=True)
def _publisher_rests() -> Iterator[None]:
    with queue_off(), override_settings(AGENTS_APP={**settings.AGENTS_APP, "LIVE_POLL_SECONDS": 0.05}):
        yield
        end_publisher()


@pytest.fixture
def run_id(transactional_db: None) -> UUID:
    run_id = quiet_run()
    end_publisher()  # has told of the start
    return run_id
