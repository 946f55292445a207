"""The desk under django-unfold's theme: its templates replace Django's, and ours still say what they have to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]


def test_the_desk_works_under_unfold() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.configurations.settings_unfold"}
    command = [sys.executable, "-m", "tests.configurations.under_unfold"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as it should be" in done.stdout
