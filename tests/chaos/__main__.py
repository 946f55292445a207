"""scripts/chaos: let runs go on while everything is killed; then be quiet, and judge."""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import django

from tests.chaos.wanted import PLANTS, Wanted
from tests.chaos.world import Missing, Part, World, world

if TYPE_CHECKING:  # it imports models
    from tests.chaos.report import Report

SHOWN_LINES = 40
MANY_MINUTES = 10.0
"""A longer chaos has more clusters."""
PLANT_WORDS = ("--minutes", "20", "--patience", "60")
"""How long what is broken on purpose may take to show; it ends as soon as it does."""


def main(words: list[str]) -> int:
    """0 if all held, 1 if something was broken or not reached, 2 if this machine lacks something."""
    signal.signal(signal.SIGTERM, _stop)
    options = _options(words)
    if options.plants:
        return all_plants()
    wanted = Wanted(
        seed=options.seed if options.seed is not None else random.SystemRandom().randrange(10**6),
        seconds=options.minutes * 60,
        runs=0 if options.plant else options.runs,  # what is broken on purpose only has to be noticed
        kills=0 if options.plant else options.kills,
        patience=options.patience,
        plant=options.plant,
    )
    print(
        f"Seed {wanted.seed}. The plans and the order of the blows follow from it; what they meet does not.", flush=True
    )
    with tempfile.TemporaryDirectory(prefix="agents-app-chaos-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        try:
            many = wanted.plant is None and options.minutes > MANY_MINUTES
            with world(home, plant=wanted.plant, many=many) as here:
                django.setup()
                report = None
                try:
                    report = _course(wanted)(here, wanted)
                finally:
                    if options.keep or report is None or not report.good:
                        _show_logs(here.parts)
        except Missing as missing:
            print(f"MISSING {missing}")
            return 2
    if options.json:
        report.write(options.json)
    print(report.text(), flush=True)
    return 0 if report.good else 1


def _course(wanted: Wanted) -> "Callable[[World, Wanted], Report]":
    """Not imported before: it imports models, which have to be ready first."""
    if wanted.plant is not None:
        return import_module("tests.chaos.planted").planted  # type: ignore[no-any-return]
    return import_module("tests.chaos.course").chaos  # type: ignore[no-any-return]


def _stop(number: int, frame: FrameType | None) -> None:
    """All that was started ends with us."""
    raise SystemExit(128 + number)


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.5, help="of harm; it ends when enough was done (1.5)")
    parser.add_argument("--runs", type=int, default=200, help="at least so many are accepted (200)")
    parser.add_argument("--kills", type=int, default=100, help="at least so many processes are killed (100)")
    parser.add_argument("--seed", type=int, help="repeat the plans and the order of the blows")
    parser.add_argument("--plant", choices=PLANTS, help="break the product on purpose: this must be noticed")
    parser.add_argument("--plants", action="store_true", help="each of them by itself: a table of what was noticed")
    parser.add_argument(
        "--patience", type=float, default=150, help="seconds without an event until a run is lost (150)"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--keep", action="store_true", help="show the logs of the processes also if all held")
    return parser.parse_args(words)


def all_plants() -> int:
    """Break the product in each way, one after the other; 0 if each was noticed under its name."""
    print(f"{'plant':<14}{'noticed':<10}{'seconds':>8}  findings", flush=True)
    missed = 0
    for plant in PLANTS:
        begun = time.monotonic()
        findings = _findings_of(plant)
        missed += plant not in findings
        noticed = "yes" if plant in findings else "NO"
        counts = ", ".join(f"{name} {len(texts)}" for name, texts in findings.items()) or "none"
        print(f"{plant:<14}{noticed:<10}{time.monotonic() - begun:>8.0f}  {counts}", flush=True)
    print("BAD" if missed else "GOOD")
    return 1 if missed else 0


def _findings_of(plant: str) -> dict[str, list[str]]:
    """In a process of its own, since the product stays broken in the one in which it was."""
    with tempfile.TemporaryDirectory(prefix="agents-app-plant-") as name:
        path = Path(name, "figures.json")
        words = ["--plant", plant, "--json", str(path), *PLANT_WORDS]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.chaos", *words], capture_output=True, text=True, check=False
        )
        if not path.exists():
            print(done.stdout, done.stderr, sep="\n")
            return {}
        findings: dict[str, list[str]] = json.loads(path.read_text())["findings"]
        return findings


def _show_logs(parts: list[Part]) -> None:
    for part in parts:
        print(f"--- the end of the log of {part.name}", *part.log.read_text().splitlines()[-SHOWN_LINES:], sep="\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
