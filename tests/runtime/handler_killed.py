"""Calls the event handler `noted`, which writes down what it is told: `python -m …handler_killed FILE [MOMENT]`.

At this failpoint, once it has been told something, the process is killed.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import django


def main() -> None:
    django.setup()
    from agents_app import on
    from agents_app.core import failpoints
    from agents_app.runtime.handling import deliver

    heard = Path(sys.argv[1])

    @on("run.*", name="noted")
    def note(event: Any) -> None:
        with heard.open("a") as file:
            file.write(f"{event.sequence}\n")

    def kill(name: str, _: Any) -> None:
        if name == moment and heard.exists():
            os.kill(os.getpid(), signal.SIGKILL)

    moment = sys.argv[2] if len(sys.argv) > 2 else None
    failpoints.listen(kill)
    deliver()


if __name__ == "__main__":
    main()
