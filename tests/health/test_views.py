"""/health/live and /health/ready: what they say to whom, and when they say no."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client, override_settings

from agents_app.models import EventCursor, database_now
from agents_app.selectors import health
from agents_app.services import start_run
from agents_app.testing import AgentsKit
from agents_app.transitions import claims
from tests import office
from tests.models import rows
from tests.office import Clerk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


def details() -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, "HEALTH_DETAILS": True})


def test_live_asks_nothing(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"live": True})
    assert "no-store" in answer["Cache-Control"]
    assert client.post("/health/live").status_code == 405


def test_ready_says_little_to_strangers_and_asks_little(client: Client, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(6):
        answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})
    assert "no-store" in answer["Cache-Control"]
    assert client.head("/health/ready").status_code == 200


def test_staff_and_a_setting_see_what_was_looked_at(client: Client, agents: AgentsKit) -> None:
    client.force_login(office.person("customer"))
    assert "checks" not in client.get("/health/ready").json()
    client.force_login(office.person("ops", is_staff=True))
    checks = client.get("/health/ready").json()["checks"]
    assert set(checks) == set(health.PROBES)
    client.logout()
    with details():
        assert client.get("/health/ready").json()["checks"] == checks
        assert set(client.get("/health/ready?only=database, migrations").json()["checks"]) == {
            "database",
            "migrations",
        }


def test_what_is_not_known_is_refused(client: Client) -> None:
    answer = client.get("/health/ready?only=weather")
    assert answer.status_code == 400
    assert "migrations" in answer.json()["error"]


def test_a_run_that_nobody_takes_is_a_reason(client: Client, agents: AgentsKit, caplog: Any) -> None:
    start_run(Clerk, "secret words")
    with details():
        with agents.move_time(health.LATE_SECONDS + 1):
            answer = client.get("/health/ready")
            assert answer.status_code == 200
            assert answer.json()["checks"]["progress"]["value"] > health.LATE_SECONDS
        with agents.move_time(health.STUCK_SECONDS + 1):
            answer = client.get("/health/ready")
            assert client.get("/health/ready?only=database,migrations").status_code == 200
    assert answer.status_code == 503
    assert (answer.json()["ready"], answer.json()["checks"]["progress"]["ok"]) == (False, False)
    assert "secret" not in answer.content.decode()
    assert "Not ready: progress" in caplog.text


def test_leases_that_ran_out_and_parked_handlers_are_told(client: Client, agents: AgentsKit) -> None:
    run = start_run(Clerk, "x")
    claims.claim(run.id)
    rows.cursor(parked_at=database_now())
    assert EventCursor.objects.parked().count() == 1
    with details(), agents.move_time(31):
        checks = client.get("/health/ready").json()["checks"]
    assert (checks["leases"]["value"], checks["handlers"]["value"]) == (1, 1)


def test_a_missing_migration_is_a_reason(client: Client) -> None:
    MigrationRecorder.Migration.objects.filter(app="agents_app").order_by("-pk").first().delete()  # type: ignore[union-attr]
    with details():
        answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == {"ok": False, "text": "1 missing: manage.py migrate", "value": 1}


def test_a_database_that_is_away_is_a_reason_and_no_error(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(office.person("ops", is_staff=True))

    def away() -> health.Probe:
        raise OperationalError("host=secret")

    monkeypatch.setattr(health, "PROBES", {**health.PROBES, "database": away})
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})
    with details():
        checks = client.get("/health/ready").json()["checks"]
    assert list(checks) == ["database"]
    assert "secret" not in str(checks)
