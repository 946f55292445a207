"""Each setting that breaks a promise is found at start-up, with a hint; the settings we ship are clean."""

import copy
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import CheckMessage
from django.test import override_settings

from agents_app import Agent, tool
from agents_app.checks.settings import check_settings
from agents_app.definitions.registry import registry
from project.databases import postgresql, sqlite

pytestmark = [pytest.mark.once]


class Scribe(Agent[str]):
    name = "scribe"

    @tool(effect="atomic", timeout=10)
    def write(self) -> str:
        """Write."""
        return ""


def found(
    database: dict[str, Any] | None = None, *, routers: list[str] | None = None, **given: Any
) -> list[CheckMessage]:
    databases = {"default": database or sqlite("/srv/db.sqlite3")}
    databases.update({"agents": copy.deepcopy(databases["default"])})
    app = {"EXECUTOR": "immediate", "LIVE": "poll", **given}
    with override_settings(AGENTS_APP=app), pytest.MonkeyPatch.context() as patch:
        # Not by override_settings: the connections of the running tests stay as they are.
        patch.setattr(settings._wrapped, "DATABASES", databases, raising=False)
        return check_settings()


def ids(*args: Any, **given: Any) -> list[str]:
    messages = found(*args, **given)
    assert all(message.hint for message in messages)
    return [str(message.id) for message in messages]


def with_options(database: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {**database, "OPTIONS": {**database["OPTIONS"], **options}}


LITE, POSTGRES = sqlite("/srv/db.sqlite3"), postgresql("postgresql://u:p@host/db")


@pytest.mark.parametrize("database", [LITE, POSTGRES, sqlite(":memory:"), {"ENGINE": "django.db.backends.sqlite3"}])
def test_what_we_ship_is_clean(database: dict[str, Any]) -> None:
    with registry.override():
        assert ids(database) == []


def test_the_settings_of_the_tests_and_of_the_demo_are_clean() -> None:
    assert check_settings() == []


@pytest.mark.parametrize("given", [["EXECUTOR"], "immediate", None])
def test_the_settings_are_a_dictionary(given: Any) -> None:
    with override_settings(AGENTS_APP=given):
        assert [message.id for message in check_settings()] == ["agents_app.E101"]


def test_an_unknown_alias() -> None:
    (message,) = found(DATABASE="elsewhere")
    assert message.id == "agents_app.E102"
    assert "agents, default" in str(message.hint)


def test_a_misspelled_setting_is_named_with_what_was_meant() -> None:
    (message,) = found(APPROVAL_VALID_SECOND=60)
    assert message.id == "agents_app.E103"
    assert message.hint == "Did you mean APPROVAL_VALID_SECONDS?"
    assert ids(quite_different=1) == ["agents_app.E103"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"APPROVAL_EXPIRES_SECONDS": None}, 'say "never"'),
        ({"APPROVAL_EXPIRES_SECONDS": 0}, "above 0"),
        ({"APPROVAL_ON_EXPIRY": "approve"}, "one of: reject, cancel, keep_waiting"),
        ({"APPROVAL_REMIND_SECONDS": 60, "APPROVAL_EXPIRES_SECONDS": 60}, "comes before"),
        ({"APPROVAL_VALID_SECONDS": "never"}, "`valid_for`"),
    ],
)
def test_times_that_make_no_sense(given: dict[str, Any], says: str) -> None:
    (message,) = found(**given)
    assert (message.id, says in message.msg) == ("agents_app.E119", True)


@pytest.mark.parametrize("executor", ["slate", "nowhere.Executor", "agents_app.executors.immediate.Nothing"])
def test_an_executor_that_cannot_be_imported(executor: str) -> None:
    assert ids(EXECUTOR=executor) == ["agents_app.E104"]


def test_another_database_needs_the_router() -> None:
    assert ids(DATABASE="agents") == ["agents_app.E105"]
    with override_settings(DATABASE_ROUTERS=["agents_app.router.AgentsRouter"]):
        assert ids(DATABASE="agents") == []


@pytest.mark.sqlite_only
def test_notify_needs_postgresql() -> None:
    assert ids(LIVE="postgres") == ["agents_app.E106"]
    assert ids(LIVE="smoke signals") == ["agents_app.E106"]


def test_a_lease_outlasts_three_heartbeats() -> None:
    assert ids(LEASE_SECONDS=8, HEARTBEAT_SECONDS=3) == ["agents_app.W101"]
    assert ids(LEASE_SECONDS=9, HEARTBEAT_SECONDS=3) == []


@pytest.mark.parametrize("mode", [None, "", "DEFERRED"])
def test_sqlite_transactions_begin_as_writers(mode: str | None) -> None:
    assert ids(with_options(LITE, transaction_mode=mode)) == ["agents_app.W102"]
    assert ids(with_options(LITE, transaction_mode="immediate")) == []


@pytest.mark.parametrize("start", ["", "PRAGMA journal_mode=DELETE;", "PRAGMA foreign_keys=on; -- wal"])
def test_sqlite_has_a_write_ahead_log(start: str) -> None:
    assert ids(with_options(LITE, init_command=start)) == ["agents_app.W103"]


@pytest.mark.parametrize("level", ["OFF", "normal", "0", "1", " = NORMAL"])
def test_sqlite_keeps_what_was_committed(level: str) -> None:
    level = level if "=" in level else f"={level}"
    start = f"PRAGMA journal_mode=WAL; PRAGMA synchronous{level};"
    assert ids(with_options(LITE, init_command=start)) == ["agents_app.W104"]


def test_postgresql_keeps_what_was_committed() -> None:
    assert ids(with_options(POSTGRES, options="-c synchronous_commit=off")) == ["agents_app.W104"]
    assert ids(with_options(POSTGRES, options="-c synchronous_commit=on -c statement_timeout=0")) == []


@pytest.mark.parametrize(("busy", "wrong"), [(20, []), (10, ["agents_app.E107"]), (None, ["agents_app.E107"])])
def test_others_wait_for_longer_than_an_atomic_tool_holds_sqlite(busy: float | None, wrong: list[str]) -> None:
    database = with_options(LITE, timeout=busy) if busy else copy.deepcopy(LITE)
    if busy is None:
        del database["OPTIONS"]["timeout"]
    with registry.override(Scribe):
        assert ids(database) == wrong
        assert ids(POSTGRES) == []


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"DEFAULT_LLM": "openai:gpt-5-mini"}, []),
        ({"DEFAULT_LLM": "own", "LLMS": {"own": "shop.llms.OwnLLM"}}, []),
        ({"DEFAULT_LLM": "oracle"}, ["agents_app.E108"]),
        ({"EMBEDDER": "nobody:small"}, ["agents_app.E180"]),
        ({"DEFAULT_LLM": "delphi:pythia"}, ["agents_app.E108"]),
        ({"LLMS": {"fast": "delphi:pythia"}}, ["agents_app.E108"]),
        ({"LLMS": {"fast": {"base_url": "http://localhost:8080/v1"}}}, ["agents_app.E108"]),
    ],
)
def test_an_llm_that_is_not_known_is_told_at_start_up(given: dict[str, Any], wrong: list[str]) -> None:
    with registry.override():
        assert ids(**given) == wrong


@pytest.mark.parametrize(
    "given",
    [
        {"BUDGETS": {"team": {}}},
        {"BUDGETS": {"user": {"tokens": 5}}},
        {"BUDGETS": {"user": {"day": {"coffee": 5}}}},
        {"BUDGETS": {"session": {"ever": {"money": "2 EUR"}}}},
        {"BUDGETS": {"run": {"tokens": -1}}},
        {"BUDGETS": []},
        {"PRICES": {"openai:mine": "cheap"}},
        {"PRICES": {"openai:mine": {"input": "1", "output": "-1"}}},
    ],
    ids=["scope", "no-period", "kind", "currency", "negative", "no-dictionary", "no-price", "negative-price"],
)
def test_budgets_and_prices_that_cannot_be_used(given: dict[str, Any]) -> None:
    assert ids(LITE, **given) == ["agents_app.E121"]


def test_budgets_and_prices_that_can() -> None:
    limits = {"run": {"steps": 5}, "user": {"day": {"money": "2.50 USD"}}, "session": {"ever": {"tool_calls": 0}}}
    assert ids(LITE, BUDGETS=limits, PRICES={"openai:mine": {"input": "0.1", "output": 2}}) == []
