"""The desk under django-unfold's theme: its templates replace Django's, and ours still say what they have to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import migrated

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]


def test_the_desk_works_under_unfold(tmp_path: Path, transactional_db: None) -> None:
    database = tmp_path / "unfold.sqlite3"
    migrated.copy_to(database)
    settings = {"DJANGO_SETTINGS_MODULE": "tests.configurations.settings_unfold", "AGENTS_TEST_SQLITE": str(database)}
    environment = {**os.environ, **settings}
    command = [sys.executable, "-m", "tests.configurations.under_unfold"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as it should be" in done.stdout
