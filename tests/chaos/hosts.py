"""Several hosts: two clusters and a web process, each on a host of its own; one is cut off in mid-run, and healed.

    python -m tests.chaos.hosts

It leaves with 0 if all held, 1 if something was broken, 2 if this machine lacks something.
"""

import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from types import FrameType

import django

from tests.chaos.apps import PART
from tests.chaos.diary import HOME
from tests.chaos.llm import ScriptedLLM
from tests.chaos.network import Network
from tests.chaos.world import Missing, Part, Postgres

SUPERVISED = ("manage.py", "agents_cluster", "--grace", "3")
WEB_PORT = 8000
SHOWN_LINES = 40


def main() -> int:
    """All of it."""
    signal.signal(signal.SIGTERM, _stop)
    with (
        tempfile.TemporaryDirectory(prefix="agents-app-hosts-", ignore_cleanup_errors=True) as name,
        ExitStack() as stack,
    ):
        home = Path(name)
        for folder in ("orders", "taken", "acted", "logs"):
            (home / folder).mkdir()
        try:
            network = Network("host-a", "host-b", "web")
        except Missing as missing:
            _say(f"MISSING {missing}")
            return 2
        stack.callback(network.close)
        postgres = Postgres(home / "postgres")
        stack.callback(postgres.close)
        url = postgres.open_to(network.address, network.range)
        llm = ScriptedLLM(network.address)
        stack.callback(llm.close)
        parts = _parts(network, home, url, llm.url)
        stack.callback(lambda: [part.end() for part in parts.values()])
        django.setup()
        findings = ["it was not finished"]
        try:
            findings = import_module("tests.chaos.cut").cut_and_heal(home, network, parts)
        finally:
            if findings:
                _show_logs(parts)
    findings += [f"left behind: {name}" for name in network.left()]
    _say(*findings or ["All held."])
    return 1 if findings else 0


def _parts(network: Network, home: Path, url: str, llm: str) -> dict[str, Part]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("COV", "AGENTS_TEST"))},
        "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
        "PYTHONWARNINGS": "ignore",
        "AGENTS_TEST_PG": url,
        "AGENTS_CHAOS_BROKER": "postgresql",
        "AGENTS_CHAOS_LLM": llm,
        HOME: str(home),
    }
    os.environ.pop("AGENTS_TEST_REDIS", None)
    os.environ.update(environment)
    environment[PART] = "yes"

    def part(name: str, host: str, *words: str) -> Part:
        command = [*network.on(host), sys.executable, *words]
        return Part(name=name, command=command, environment=environment, log=home / "logs" / name)

    address = network.address_of("web")
    serve = ("-m", "uvicorn", "project.asgi:application", "--host", address, "--port", str(WEB_PORT))
    return {
        "host-a": part("host-a", "host-a", *SUPERVISED),
        "host-b": part("host-b", "host-b", *SUPERVISED),
        "web": part("web", "web", *serve),
        "people": part("people", "web", "-m", "tests.chaos.people", "0"),
    }


def _show_logs(parts: dict[str, Part]) -> None:
    for part in parts.values():
        lines = part.log.read_text().splitlines() if part.log.exists() else []
        _say(f"--- the end of the log of {part.name}", *lines[-SHOWN_LINES:])


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _stop(number: int, frame: FrameType | None) -> None:
    """All that was started ends with us."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
