"""The stage on which every promise is tried."""

from collections.abc import Iterator

import pytest

from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.testing.kit import AgentsKit
from tests import office
from tests.promises.stage import Stage


@pytest.fixture
def stage(transactional_db: None, agents: AgentsKit) -> Iterator[Stage]:
    with office.open_office():
        yield Stage(agents)
    close_engine()
    heartbeat.join()
