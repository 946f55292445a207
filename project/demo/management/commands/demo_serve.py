"""`manage.py demo_serve`: the whole demo in the foreground; what `scripts/demo` runs."""

import contextlib
import fcntl
import os
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from project.demo.ports import HOST, answers, free_port
from project.demo.processes import Died, Processes
from project.demo.welcome import welcome

READY_SECONDS = 60.0
FIRST_PAGE = "/accounts/login/"


class Command(BaseCommand):
    """Prepares the database, starts server and queue, and ends both when it is ended."""

    help = "Run the demo: database, users, shop, ASGI server and queue. Ctrl-C ends all of it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=_port, default=8000, help="the first port to try (8000)")
        parser.add_argument("--reset", action="store_true", help="begin with an empty database")

    def handle(self, *args: Any, **options: Any) -> None:
        with _database_in_use(reset=options["reset"]):
            self._say("Preparing the database …")
            call_command("migrate", verbosity=0, interactive=False)
            call_command("demo_setup", verbosity=0)
            connections.close_all()
            try:
                port = free_port(options["port"])
            except OSError as error:
                raise CommandError(str(error)) from error
            if port != options["port"]:
                self._say(f"Port {options['port']} is taken; using {port}.")
            self._serve(port)

    def _serve(self, port: int) -> None:
        processes = Processes(self._say)
        try:
            with processes.ended_with_us():
                os.environ["AGENTS_SITE_URL"] = f"http://{HOST}:{port}"
                processes.start("web", [sys.executable, *_uvicorn(port)])
                processes.start("queue", [sys.executable, "manage.py", "agents_cluster", "--grace", "6"])
                _wait_until_ready(processes, port)
                if not processes.asked_to_stop:
                    self._say(welcome(f"http://{HOST}:{port}"))
                processes.watch()
                self._say("\nStopping …")
        except Died as error:
            raise CommandError(f"{error} The demo has stopped.") from error
        self._say("Stopped. Runs that were under way go on at the next start.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _uvicorn(port: int) -> list[str]:
    options = ["--host", HOST, "--port", str(port), "--log-level", "warning", "--timeout-graceful-shutdown", "3"]
    return ["-m", "uvicorn", "project.asgi:application", *options]


def _wait_until_ready(processes: Processes, port: int) -> None:
    until = time.monotonic() + READY_SECONDS
    while not processes.asked_to_stop and not answers(port, FIRST_PAGE):
        processes.check()
        if time.monotonic() > until:
            raise Died(f"The server did not answer within {READY_SECONDS:.0f} s.")
        time.sleep(0.1)


@contextlib.contextmanager
def _database_in_use(*, reset: bool) -> Iterator[None]:
    """Hold the demo's database file; with `reset` remove it first, unless another demo holds it."""
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3":
        if reset:
            raise CommandError("--reset is for the demo's SQLite file. Drop and create the other database yourself.")
        yield
        return
    database = Path(settings.DATABASES["default"]["NAME"])
    with database.with_suffix(".lock").open("w") as lock:
        if reset:
            _remove(database, lock.fileno())
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def _remove(database: Path, lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CommandError("The demo is running: stop it before --reset.") from error
    connections.close_all()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ArgumentTypeError(f"{text!r} is not a port: 1 to 65535")
    return int(text)
