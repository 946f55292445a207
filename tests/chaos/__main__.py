"""scripts/chaos: let runs go on while everything is killed; then be quiet, and judge."""

import argparse
import random
import signal
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from types import FrameType

import django

from tests.chaos.wanted import PLANTS, Wanted
from tests.chaos.world import Missing, Part, world

SHOWN_LINES = 40
MANY_MINUTES = 3.0
"""A longer chaos has more clusters."""


def main(words: list[str]) -> int:
    """0 if all held, 1 if something was broken or not reached, 2 if this machine lacks something."""
    signal.signal(signal.SIGTERM, _stop)
    options = _options(words)
    wanted = Wanted(
        seed=options.seed if options.seed is not None else random.SystemRandom().randrange(10**6),
        seconds=options.minutes * 60,
        runs=options.runs,
        kills=options.kills,
        patience=options.patience,
        plant=options.plant,
    )
    print(
        f"Seed {wanted.seed}. The plans and the order of the blows follow from it; what they meet does not.", flush=True
    )
    with tempfile.TemporaryDirectory(prefix="agents-app-chaos-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        try:
            with world(home, plant=wanted.plant, many=options.minutes > MANY_MINUTES) as here:
                django.setup()
                report = None
                try:
                    report = import_module("tests.chaos.course").chaos(here, wanted)
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
    parser.add_argument(
        "--patience", type=float, default=150, help="seconds without an event until a run is lost (150)"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--keep", action="store_true", help="show the logs of the processes also if all held")
    return parser.parse_args(words)


def _show_logs(parts: list[Part]) -> None:
    for part in parts:
        print(f"--- the end of the log of {part.name}", *part.log.read_text().splitlines()[-SHOWN_LINES:], sep="\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
