"""People, and a run that belongs to one of them."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app.live import publish
from agents_app.testing.kit import queue_off
from tests.live.runs import person, quiet_run


@pytest.fixture(autouse=True)
def _publisher_rests() -> Iterator[None]:
    with queue_off(), override_settings(AGENTS_APP={**settings.AGENTS_APP, "LIVE_POLL_SECONDS": 0.05}):
        yield
        publish.shutdown()


@pytest.fixture
def owner(transactional_db: None) -> Any:
    return person("owner")


@pytest.fixture
def stranger(transactional_db: None) -> Any:
    return person("stranger")


@pytest.fixture
def viewer(transactional_db: None) -> Any:
    """Sees that runs are there, not what is said in them."""
    return person("viewer", "view_agentcontext")


@pytest.fixture
def operator(transactional_db: None) -> Any:
    """Decides, settles, answers and controls."""
    return person(
        "operator",
        "view_agentcontext",
        "view_transcript",
        "control_run",
        "decide_approvalrequest",
        "settle_toolcall",
        "answer_inputrequest",
    )


@pytest.fixture
def run_id(owner: Any) -> UUID:
    return quiet_run(owner)
