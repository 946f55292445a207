"""Which tests run where, the services they may ask for, and the counts that `scripts/test` adds up."""

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.db import connection, connections
from django.test.utils import setup_databases, teardown_databases
from django.utils import translation
from pytest_django import DjangoDbBlocker

from agents_app.live import publish
from agents_app.runtime.engines import close_engine
from tests import emptying, migrated

# The same examples each time, however long one takes: what fails fails for everybody. `--hypothesis-profile=default`
# looks for others.
hypothesis.settings.register_profile(
    "tests", deadline=None, derandomize=True, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tests")

TESTS = Path(__file__).parent
# Folders whose tests cannot depend on the database.
# What does not depend on the database is not run again on the second one.
ONCE = ("core/", "llm/", "definitions/", "promises/test_mutants.py")
# Folders whose tests go in by doors to commands and lists that others try on both databases: on PostgreSQL with --long
# only.
DOORS = (
    "admin/",
    "api/",
    "bad_input/test_desk",
    "bad_input/test_commands",
    "browser/",
    "doors/",
    "links/",
    "management/test_",
    "messages/",
    "knowledge/test_admin",
    "knowledge/test_api_rules",
)
# Processes and threads of their own, in which the database matters less than they do: with --spare on PostgreSQL only.
PROCESSES = (
    "contracts/test_processes.py",
    "management/cluster/test_supervised.py",
    "runtime/test_database_threads.py",
    "runtime/test_handler_killed.py",
    "runtime/test_isolation.py",
    "scenarios/test_aws_lambda.py",
    "scenarios/test_two_releases.py",
)
# Where each test takes many seconds, most of them in processes of its own.
SLOW = ("packaging", "docs", "configurations", "browser", "upgrades", "scenarios", "demo/test_serve.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked `long` too")
    parser.addoption("--spare", action="store_true", help="leave some processes to PostgreSQL (scripts/test)")
    parser.addoption("--chaos", action="store_true", help="run the tests marked `chaos` too")
    parser.addoption("--chaos-minutes", type=float, default=0.2, help="of harm at least, until all was done (0.2)")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = {"sqlite_only", "once"} if on_postgresql() else {"postgresql_only"}
    if not config.getoption("--long"):
        left_out.add("long")
    if not config.getoption("--chaos"):
        left_out.add("chaos")
    left_to_postgresql = PROCESSES if config.getoption("--spare") and not config.getoption("--long") else ()
    for item in items:
        path = item.path.relative_to(TESTS).as_posix()
        if path.startswith(left_to_sqlite(config)):
            item.add_marker("once")
        if path.startswith(left_to_postgresql):
            item.add_marker("postgresql_only")
    unwanted = [item for item in items if left_out & {mark.name for mark in item.iter_markers()}]
    wanted = without(items, unwanted)
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
    items[:] = slowest_first(wanted, int(getattr(config, "workerinput", {}).get("workercount", 1)))


def left_to_sqlite(config: pytest.Config) -> tuple[str, ...]:
    return ONCE if config.getoption("--long") else (*ONCE, *DOORS)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What would be left out anyway need not be imported."""
    path = collection_path.relative_to(TESTS).as_posix() + ("/" if collection_path.is_dir() else "")
    return True if on_postgresql() and path.startswith(left_to_sqlite(config)) else None


def on_postgresql() -> bool:
    return str(settings.DATABASES["default"]["ENGINE"]).endswith("postgresql")


def without(items: list[pytest.Item], others: list[pytest.Item]) -> list[pytest.Item]:
    left_out = set(others)
    return [item for item in items if item not in left_out]


def slowest_first(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Each worker of pytest-xdist begins with its share of the slow tests, so that none is left alone with one at the
    end. `--dist worksteal` gives each at first as many tests as the others, in a row."""

    def slow(item: pytest.Item) -> bool:
        path = item.path.relative_to(TESTS).as_posix()
        return path.startswith(SLOW) or item.get_closest_marker("long") is not None

    fast, found = [item for item in items if not slow(item)], [item for item in items if slow(item)]
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        share = len(items) * (worker + 1) // workers - len(ordered)
        mine = found[worker::workers][:share]
        ordered += mine
        ordered += [fast.pop() for _ in range(min(share - len(mine), len(fast)))]
    return ordered + without(items, ordered)


def pytest_runtest_teardown() -> None:
    """A request leaves its language behind in this thread; in a server the next one says its own."""
    translation.deactivate()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Add this run's counts to the file that scripts/test names; an error in a fixture is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    path = os.environ.get("AGENTS_TEST_COUNTS")
    if path is None or reporter is None or hasattr(session.config, "workerinput"):
        return
    stats = {name: len(reports) for name, reports in reporter.stats.items()}
    counts = {
        "passed": stats.get("passed", 0) + stats.get("xfailed", 0),
        "failed": stats.get("failed", 0) + stats.get("error", 0),
        "skipped": stats.get("skipped", 0),
    }
    with Path(path).open("a") as file:
        file.write(json.dumps(counts) + "\n")


def missing(what: str, how: str) -> NoReturn:
    """Skip the test, loudly: the reason is printed in the summary and fails `scripts/test --all`."""
    pytest.skip(f"MISSING {what}: {how}")


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A PostgreSQL server, as an URL; may be used to create databases."""
    return os.environ.get("AGENTS_TEST_PG") or missing("PostgreSQL", "scripts/test starts one, or set AGENTS_TEST_PG")


@pytest.fixture(scope="session")
def redis_url() -> str:
    """A Redis server, as an URL."""
    return os.environ.get("AGENTS_TEST_REDIS") or missing(
        "Redis", "apt-get install redis-server, or set AGENTS_TEST_REDIS"
    )


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    found = os.environ.get("AGENTS_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    return found or missing("Chromium", "apt-get install chromium, or set AGENTS_TEST_CHROMIUM")


@pytest.fixture(scope="session")
def django_db_setup(
    pytestconfig: pytest.Config,
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """In parallel only the first process migrates. Before the test database is dropped, cut what still holds a
    connection to it: tools that hang on purpose were abandoned with theirs."""
    with django_db_blocker.unblock():
        with migrated.copied() if hasattr(pytestconfig, "workerinput") else nullcontext(False) as copied:
            databases = setup_databases(0, interactive=False, keepdb=copied, serialized_aliases=[])
        emptying.remember(connection.alias)
    end = emptying.empty_quickly()
    yield
    end()
    close_engine()
    publish.shutdown()
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            cut_all_but()
        teardown_databases(databases, verbosity=0)


@pytest.fixture
def unused_tcp_port() -> Iterator[int]:
    """Instead of pytest-asyncio's: nobody listens there, and nobody else can begin to while the test lasts."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def cut_connections(transactional_db: None) -> Iterator[Callable[..., int]]:
    """Do what a restart of PostgreSQL does to its clients, but for the caller and the backends named; how many.

    Afterwards the thread that serves asynchronous tests is given a new connection: those of channels leave the old one
    open there, and the next of them would find it dead.
    """
    yield cut_all_but
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


def cut_all_but(*spared: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND pid <> ALL(%s)",
            [list(spared)],
        )
        return int(cursor.fetchone()[0])


@pytest.fixture
def child_environment(transactional_db: None) -> dict[str, str]:
    """Environment for a process that shall work on this test's database (what is committed there)."""
    name = str(connection.settings_dict["NAME"])
    variable = "AGENTS_TEST_PG_NAME" if connection.vendor == "postgresql" else "AGENTS_TEST_SQLITE"
    return {**os.environ, variable: name}  # with the DJANGO_SETTINGS_MODULE that pytest-django has put there
