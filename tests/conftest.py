"""Which tests run where, the services they may ask for, and the counts that `scripts/test` adds up."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker

from agents_app.live import publish
from agents_app.runtime.engines import close_engine
from tests import emptying

TESTS = Path(__file__).parent
# Folders whose tests cannot depend on the database.
# What does not depend on the database is not run again on the second one.
ONCE = ("core/", "llm/", "definitions/", "promises/test_mutants.py")
# Where each test takes many seconds, most of them in processes of its own.
SLOW = ("packaging", "docs", "configurations", "browser", "upgrades", "scenarios", "demo/test_serve.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked `long` too")
    parser.addoption("--chaos", action="store_true", help="run the tests marked `chaos` too")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    on_postgresql = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
    left_out = {"sqlite_only", "once"} if on_postgresql else {"postgresql_only"}
    if not config.getoption("--long"):
        left_out.add("long")
    if not config.getoption("--chaos"):
        left_out.add("chaos")
    for item in items:
        if item.path.relative_to(TESTS).as_posix().startswith(ONCE):
            item.add_marker("once")
    wanted = [item for item in items if not left_out & {mark.name for mark in item.iter_markers()}]
    if len(wanted) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = slowest_first(wanted, int(getattr(config, "workerinput", {}).get("workercount", 1)))


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
    return ordered + [item for item in items if item not in set(ordered)]


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
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Before the test database is dropped, cut what still holds a connection to it: tools that hang on purpose were
    abandoned with theirs."""
    with django_db_blocker.unblock():
        emptying.remember(connection.alias)
    end = emptying.empty_quickly()
    yield
    end()
    close_engine()
    publish.shutdown()
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture
def child_environment(transactional_db: None) -> dict[str, str]:
    """Environment for a process that shall work on this test's database (what is committed there)."""
    name = str(connection.settings_dict["NAME"])
    variable = "AGENTS_TEST_PG_NAME" if connection.vendor == "postgresql" else "AGENTS_TEST_SQLITE"
    return {**os.environ, variable: name}  # with the DJANGO_SETTINGS_MODULE that pytest-django has put there
