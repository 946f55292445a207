"""The door: options, exit codes, and what it says."""

import logging
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app.management.commands import agents_cluster
from tests.management.desk import manage

pytestmark = pytest.mark.once


@pytest.fixture
def graces(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What supervisors were made with; they end at once, all well if they are given more than a second."""
    given: list[float] = []

    class Brief:
        def __init__(self, grace: float) -> None:
            given.append(grace)

        def run(self) -> bool:
            return given[-1] > 1

    monkeypatch.setattr(agents_cluster, "Supervisor", Brief)
    monkeypatch.setattr(agents_cluster, "speak_quietly", lambda: None)
    return given


def ours(**values: Any) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, "EXECUTOR": "django_q2", **values})


def test_it_gives_what_is_open_its_time_and_some_more(graces: list[float]) -> None:
    with ours(DRAIN_SECONDS=7):
        assert manage("agents_cluster").code == 0
        assert manage("agents_cluster", "--grace", "2.5").code == 0
    assert graces == [17.0, 2.5]


def test_the_exit_code_says_that_workers_were_killed(graces: list[float]) -> None:
    with ours():
        assert manage("agents_cluster", "--grace", "0.5").code == 1


def test_without_django_q2_there_is_nothing_to_run(graces: list[float]) -> None:
    with override_settings(INSTALLED_APPS=[app for app in settings.INSTALLED_APPS if app != "django_q"]):
        done = manage("agents_cluster")
    assert (done.code, graces) == (2, [])
    assert "django_q is not installed" in done.error


def test_it_says_that_runs_go_elsewhere(graces: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with ours(EXECUTOR="immediate"):
        assert manage("agents_cluster").code == 0
    assert "'immediate'" in caplog.text


SPEAK = """
import logging
from agents_app.management.cluster.quiet import speak_quietly
logging.getLogger("django-q").setLevel(logging.INFO)
{configured}
speak_quietly()
logging.getLogger("agents_app.cluster").info("Started.")
logging.getLogger("agents_app.runtime").warning("Odd.")
logging.getLogger("agents_app.recovery").info("Sent 1 wake-ups.")
logging.getLogger("django-q").info("Enqueued.")
"""


def said(configured: str = "") -> list[str]:
    code = [sys.executable, "-c", SPEAK.format(configured=configured)]
    return subprocess.run(code, capture_output=True, text=True, check=True).stderr.splitlines()


def test_a_line_for_what_happens_and_none_for_each_message() -> None:
    assert [line.split(maxsplit=2)[2] for line in said()] == ["INFO Started.", "WARNING Odd."]


def test_the_projects_own_logging_is_left_alone() -> None:
    assert said('logging.basicConfig(format="mine: %(message)s")') == ["mine: Odd."]


def test_nobody_is_made_louder() -> None:
    code = 'import atexit; q = logging.getLogger("django-q"); q.setLevel(logging.CRITICAL); atexit.register(check)'
    check = 'check = lambda: logging.getLogger("agents_app").warning(q.level)'
    assert said(f"{check}; {code}")[-1].endswith(str(logging.CRITICAL))
