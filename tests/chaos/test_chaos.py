"""The chaos itself, in a process of its own; and that it notices what is broken on purpose."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.__main__ import PLANT_WORDS
from tests.chaos.failpoints import in_source
from tests.chaos.wanted import PLANTS
from tests.conftest import missing

pytestmark = pytest.mark.once
ROOT = Path(__file__).parents[2]


def chaos(directory: Path, *words: str) -> tuple[dict[str, Any], str]:
    """The figures, and what was printed. Not measured: killed processes leave half of a measurement behind."""
    path = directory / "figures.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.chaos", "--json", str(path), *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    text = done.stdout + done.stderr[-4000:]
    if done.returncode == 2:
        missing("what a chaos needs", text.splitlines()[-1])
    assert path.exists(), text
    figures: dict[str, Any] = json.loads(path.read_text())
    assert figures["good"] == (done.returncode == 0)
    return figures, text


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_what_was_promised_holds(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """At least so many minutes as asked for, and until all was done that must be."""
    minutes = str(pytestconfig.getoption("--chaos-minutes"))
    figures, text = chaos(tmp_path, "--minutes", minutes, "--runs", "200", "--kills", "100")
    assert figures["good"], text
    assert figures["runs"] >= 200
    assert figures["kills"] >= 100
    assert all(figures["hits"][name] for name in in_source())


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_broken_on_purpose_is_noticed(plant: str, tmp_path: Path) -> None:
    figures, text = chaos(tmp_path, "--plant", plant, *PLANT_WORDS)
    assert not figures["good"], text
    assert plant in figures["findings"], text


def test_each_plant_fits_the_product() -> None:
    """What it breaks is still there. All in one process, which is thrown away."""
    words = "import django; django.setup(); from tests.chaos.plants import PLANTS; [put() for put in PLANTS.values()]"
    subprocess.run([sys.executable, "-W", "ignore", "-c", words], cwd=ROOT, check=True)
