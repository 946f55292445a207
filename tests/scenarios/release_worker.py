"""A worker of one release, as a process: `python -m tests.scenarios.release_worker Reworded`. Ends with its stdin."""

import sys
import threading

import django

django.setup()

from agents_app.definitions.registry import override_llm, registry  # noqa: E402 - Django has to be set up first
from agents_app.runtime.drive import drive_due  # noqa: E402
from agents_app.testing import calls, script  # noqa: E402
from agents_app.testing.kit import queue_off  # noqa: E402
from tests.scenarios import releases  # noqa: E402


def work(release: str) -> None:
    agent = getattr(releases, release)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    turns = (calls("look", number="1"), f"by {release}") if release != "Without" else (f"by {release}",)
    with queue_off(), registry.override(agent), override_llm(agent, script(*turns)):
        while not over.wait(0.1):
            drive_due(3)


if __name__ == "__main__":
    work(sys.argv[1])
