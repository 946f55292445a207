"""A whole run in projects that are set up differently, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import migrated

pytestmark = [pytest.mark.once]
ROOT = Path(__file__).parent.parent.parent
SAME_TABLES = ("atomic_requests", "naive_time")
"""They get a migrated database: to migrate takes longer than the rest."""


def run(arguments: list[str], place: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AGENTS_TEST", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", *arguments],
        cwd=place,
        env={**inherited, "PYTHONPATH": str(ROOT), "AGENTS_CONFIGURATION": str(place), **environment},
        capture_output=True,
        text=True,
        timeout=250,
    )


@pytest.mark.parametrize(
    "configuration",
    [
        *(pytest.param(name, marks=pytest.mark.long) for name in ("two_databases", "naive_time")),
        pytest.param("atomic_requests", marks=pytest.mark.long),
        "custom_user",
    ],
)
def test_a_whole_run(configuration: str, tmp_path: Path, transactional_db: None) -> None:
    if configuration in SAME_TABLES:
        migrated.copy_to(tmp_path / "default.sqlite3")
    done = run(
        ["-m", "tests.configurations.whole_run"],
        tmp_path,
        DJANGO_SETTINGS_MODULE=f"tests.configurations.settings_{configuration}",
    )
    assert done.stdout.endswith("all is well\n"), done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.long
def test_what_is_known_where_users_are_in_another_database(tmp_path: Path) -> None:
    two = {"DJANGO_SETTINGS_MODULE": "tests.configurations.settings_two_databases"}
    done = run(["-m", "tests.configurations.what_is_known"], tmp_path, **two)
    assert done.stdout.endswith("all is well\n"), done.stdout + done.stderr


@pytest.mark.long
def test_a_script_of_one_file(tmp_path: Path) -> None:
    """The how-to: no project, no queue, SQLite in memory."""
    done = run([str(Path(__file__).parent / "one_file.py")], tmp_path)
    assert done.stdout == "completed: The answer is 42.\n", done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
