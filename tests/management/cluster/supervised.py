"""A real `manage.py agents_cluster` to do harm to."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

ROOT = Path(__file__).parents[3]
SETTINGS = "tests.management.cluster.settings"
SECONDS = 120.0
WORKERS = 2
OTHERS = 2
"""The monitor and the pusher, which django-q2 starts after its workers."""
SETTLED_SECONDS = 0.3
T = TypeVar("T")


def until(found: Callable[[], T], what: str, seconds: float = SECONDS) -> T:
    """Wait until it is there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds:g} s.")


class Supervised:
    """The supervisor's process and what it started. grace: its option. stall: seconds after which a cluster that does
    nothing is replaced."""

    def __init__(self, directory: Path, environment: dict[str, str], grace: float = 10, stall: float = 3) -> None:
        self._log = directory / "output.txt"
        with self._log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "agents_cluster", "--grace", str(grace)],
                cwd=ROOT,
                env={
                    **environment,
                    "DJANGO_SETTINGS_MODULE": SETTINGS,
                    "PYTHONWARNINGS": "ignore",
                    "AGENTS_TEST_STALL": str(stall),
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._family: list[psutil.Process] = []

    @property
    def output(self) -> str:
        """All that it has written."""
        return self._log.read_text()

    def cluster(self) -> list[psutil.Process]:
        """Main process, sentinel, workers, monitor and pusher, in this order, once all are there."""
        return until(self._cluster, f"a whole cluster\n{self.output}")

    def main(self) -> psutil.Process:
        return self.cluster()[0]

    def sentinel(self) -> psutil.Process:
        return self.cluster()[1]

    def workers(self) -> list[psutil.Process]:
        return self.cluster()[2 : 2 + WORKERS]

    def _cluster(self) -> list[psutil.Process] | None:
        try:
            (main,) = psutil.Process(self.process.pid).children()
            (sentinel,) = main.children()
            members = sorted(sentinel.children(), key=lambda process: (process.create_time(), process.pid))
            settled = time.time() - members[-1].create_time() > SETTLED_SECONDS
        except (ValueError, IndexError, psutil.NoSuchProcess):
            return None
        family = [main, sentinel, *members]
        self._family.extend(member for member in family if member not in self._family)
        return family if settled and len(members) == WORKERS + OTHERS else None

    def orphans(self) -> list[psutil.Process]:
        """Those of all its clusters so far that are alive, other than the present cluster."""
        present = psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        return [process for process in self._family if alive(process) and process not in present]

    def end(self) -> None:
        """Whatever has become of it."""
        family = self._family
        if self.process.poll() is None:
            family = [*family, *psutil.Process(self.process.pid).children(recursive=True)]
            self.process.kill()
            self.process.wait()
        for process in family:
            if alive(process):
                process.kill()


def alive(process: psutil.Process) -> bool:
    """Whether it runs; a dead one that nobody has buried does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
