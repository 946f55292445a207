"""The whole on PostgreSQL: its broker under a real cluster, and what happens when the database drops everybody."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django_q.conf import Conf

from agents_app.definitions.registry import registry
from agents_app.services import Run, start_run
from tests.management.cluster.supervised import Supervised, until
from tests.scenarios.cluster.story import DIARY

pytestmark = [pytest.mark.postgresql_only, pytest.mark.timeout(500)]
BROKER = "agents_app.brokers.postgresql.PostgreSQLBroker"


@pytest.fixture
def cluster(child_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervised]:
    monkeypatch.setattr(Conf, "BROKER_CLASS", BROKER)
    environment = {**child_environment, DIARY: str(tmp_path / "diary"), "AGENTS_TEST_BROKER": BROKER}
    with registry.override():  # so that importing it does not register it for all tests
        survivor = import_module("tests.scenarios.cluster.agents").Survivor
    queue = override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": "django_q2"})
    with queue, registry.override(survivor):
        cluster = Supervised(tmp_path, environment)
        try:
            cluster.cluster()
            yield cluster
        finally:  # left behind, it would take the runs of other tests
            cluster.end()


def test_runs_are_taken_also_after_an_outage(cluster: Supervised, cut_connections: Callable[..., int]) -> None:
    talk(cluster)
    assert cut_connections() >= 1
    talk(cluster)
    assert "ended unasked" not in cluster.output


def talk(cluster: Supervised) -> Run[Any]:
    run: Run[Any] = start_run("survivor", "talk")
    return until(lambda: now if (now := run.again()).ended else None, f"the end of the run\n{cluster.output}")
