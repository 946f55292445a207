"""A run to watch, and a publisher that rests before and after."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app.live import publish
from agents_app.testing.kit import queue_off
from tests.live.runs import quiet_run


@pytest.fixture(autouse=True)
def _publisher_rests() -> Iterator[None]:
    with queue_off(), override_settings(AGENTS_APP={**settings.AGENTS_APP, "LIVE_POLL_SECONDS": 0.05}):
        yield
        publish.shutdown()


@pytest.fixture
def run_id(transactional_db: None) -> UUID:
    run_id = quiet_run()
    publish.shutdown()  # has told of the start
    return run_id
