"""The office is open in every test here."""

from collections.abc import Iterator

import pytest

from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from tests import office


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


@pytest.fixture
def workers(transactional_db: None) -> Iterator[None]:
    """Real threads on the committed database, ended at the end of the test."""
    yield
    close_engine()
    heartbeat.join()
