"""agents_doctor: what is sound, what is not, what to do."""

import socket
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection, connections
from django.test import override_settings
from django_q.conf import Conf
from django_q.models import Schedule

from agents_app import Agent, Approvers, tool
from agents_app.core.transcript import LLMReply, LLMRequest
from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError
from agents_app.management.doctor import database, queue
from agents_app.management.doctor.findings import examined, ok
from agents_app.models import AgentContext, LLMState, database_now
from agents_app.runtime.handling import deliver
from agents_app.services import SYSTEM, release_handler, start_run
from agents_app.testing import AgentsKit
from tests.ears import cursor, ear, no_handlers
from tests.management.desk import Result, manage

pytestmark = pytest.mark.django_db


def ours(**changes: Any) -> Any:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, **changes})


def findings(done: Result) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for one in done.json:
        found.setdefault(one["subject"], []).append((one["level"], one["text"], one["advice"]))
    return found


def doctor(*arguments: str) -> dict[str, list[tuple[str, str, str]]]:
    return findings(manage("agents_doctor", "--json", *arguments))


def test_a_sound_installation() -> None:
    done = manage("agents_doctor")
    assert done.code == 0, done.out
    assert "ok       migrations: all applied\n" in done.out
    assert "ok       agents: shop, text\n" in done.out
    assert "ok       progress: no run waits for a worker\n" in done.out
    assert done.out.endswith("Everything that runs need is there.\n")
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_groups_and_permissions_of_approvers_that_are_not_there() -> None:
    class Bank(Agent[str]):
        name = "bank"
        tools = [
            tool(effect="read", name="pay", approvers=Approvers(group="Finance"))(len_of),
            tool(effect="read", name="look", permission="auth.view_grup")(len_of),
            tool(effect="read", name="read", permission="auth.view_group")(len_of),
        ]

    with registry.override(Bank):
        found = doctor()
    assert [text for _, text, _ in found["approvers of bank.pay"]] == ["There is no group “Finance”."]
    assert [text for _, text, _ in found["approvers of bank.look"]] == ["There is no permission “auth.view_grup”."]
    assert found["approvers"] == [("ok", "the groups and permissions of 1 tools exist", "")]


def len_of(text: str) -> int:
    """How long it is."""
    return len(text)


def test_everything_that_is_not_ok_says_what_to_do() -> None:
    for found in doctor().values():
        assert all(level == "ok" or advice for level, _, advice in found)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("pragma", "text"),
    [
        ("synchronous=NORMAL", "lost in a power cut"),
        ("busy_timeout=100", "busy timeout is 0.1 s"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_sqlite_settings_that_break_a_promise(pragma: str, text: str) -> None:
    before = pragma.partition("=")[0]
    with connection.cursor() as cursor:
        value = cursor.execute(f"PRAGMA {before}").fetchone()[0]
        cursor.execute(f"PRAGMA {pragma}")
        try:
            found = doctor()["database"]
        finally:
            cursor.execute(f"PRAGMA {before}={value}")
    assert any(level == "warning" and text in said for level, said, _ in found)


@pytest.mark.sqlite_only
def test_sqlite_without_immediate_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["default"], "transaction_mode", None)
    assert any("not IMMEDIATE" in said for _, said, _ in doctor()["database"])


def test_migrations_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Migration:
        name, app_label = "0007_more", "agents_app"

    monkeypatch.setattr(database.MigrationExecutor, "migration_plan", lambda self, leaves: [(Migration, False)])
    done = manage("agents_doctor")
    assert done.code == 1
    assert (
        "broken   migrations: Migrations are missing: agents_app.0007_more.\n         → manage.py migrate\n" in done.out
    )
    assert "1 broken." in done.out


def test_a_database_that_does_not_exist() -> None:
    with ours(DATABASE="elsewhere"):
        assert doctor()["database"][0][0] == "broken"


def test_a_clock_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "database_now", lambda: database_now() + timedelta(seconds=40))
    assert "40 s away" in doctor()["clock"][0][1]


@pytest.mark.parametrize(("seconds", "level", "code"), [(5, "ok", 0), (20, "warning", 0), (90, "broken", 1)])
def test_a_queue_that_makes_no_progress(agents: AgentsKit, seconds: int, level: str, code: int) -> None:
    run = start_run("text", "hi")
    AgentContext.objects.filter(pk=run.id).update(due_at=database_now() - timedelta(seconds=seconds))
    done = manage("agents_doctor", "--json")
    found = findings(done)["progress"][0]
    assert (found[0], done.code) == (level, code)
    assert level == "ok" or "1 run is due" in found[1]


def test_a_worker_that_died(agents: AgentsKit) -> None:
    run = start_run("text", "hi")
    now = database_now()
    AgentContext.objects.filter(pk=run.id).update(lease_until=now, due_at=now, claim_number=1)
    level, text = doctor()["leases"][0][:2]
    assert level == "warning"
    assert "The worker of 1 run gave no sign in time (no others are being worked on)." in text
    later = now + timedelta(seconds=30)
    AgentContext.objects.filter(pk=run.id).update(lease_until=later, due_at=later)
    assert doctor()["leases"] == [("ok", "1 run is being worked on", "")]


@pytest.fixture
def shared_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the cache were one that processes share."""
    caches["default"].clear()
    monkeypatch.setattr(queue, "_cache_is_private", lambda: False)


class TestCluster:
    @pytest.fixture(autouse=True)
    def django_q2(self) -> Any:
        with ours(EXECUTOR="django_q2"):
            yield

    @pytest.mark.usefixtures("shared_cache")
    def test_no_sign_of_life(self) -> None:
        done = manage("agents_doctor", "--json")
        level, _, advice = findings(done)["cluster"][0]
        assert (level, done.code) == ("broken", 1)
        assert "agents_cluster" in advice

    @pytest.mark.usefixtures("shared_cache")
    def test_a_sign_of_life(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Alive:
            host, status, workers = "box", "Idle", [1, 2]

        monkeypatch.setattr("django_q.status.Stat.get_all", lambda broker: [Alive])
        assert doctor()["cluster"] == [("ok", "box (Idle, 2 workers); no messages queued", "")]

    def test_signs_that_cannot_be_seen(self) -> None:
        assert doctor()["cluster"][0][0] == "warning"

    def test_runs_whose_code_no_worker_knows(self, agents: AgentsKit) -> None:
        assert "code" not in doctor()
        run = start_run("text", "hi")
        AgentContext.objects.filter(pk=run.id).update(unknown_since=run.created_at)
        level, text, advice = doctor()["code"][0]
        assert (level, text) == ("warning", "1 run needs code that the workers do not have.")
        assert "Deploy it" in advice

    def test_a_broker_that_is_down(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("django_q.brokers.orm.ORM.ping", lambda self: False)
        assert doctor()["queue"][-1][1] == "The broker (ORM) does not answer its ping."

    def test_a_broker_that_cannot_be_reached_hides_nothing_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(self: object) -> None:
            raise ConnectionError("Connection refused.")

        monkeypatch.setattr("django_q.brokers.orm.ORM.ping", refuse)
        found = doctor()
        level, text, advice = found["queue"][-1]
        assert (level, text) == ("broken", "The broker (ORM) does not answer: ConnectionError: Connection refused.")
        assert "sweep" in advice
        assert {"progress", "leases"} <= set(found)

    @pytest.mark.once
    def test_a_redis_that_hangs_costs_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its client would try again and again for a minute."""
        for name in ("ORM", "BROKER_CLASS"):
            monkeypatch.setattr(Conf, name, None)
        monkeypatch.setattr(queue, "SECONDS", 0.3)
        with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
            monkeypatch.setattr(Conf, "REDIS", {"host": "127.0.0.1", "port": silent.getsockname()[1]})
            began = time.monotonic()
            found = doctor()
            assert time.monotonic() - began < 5
        level, text, advice = found["queue"][-1]
        assert (level, text) == ("broken", "The broker (Redis) does not answer within 0.3 s.")
        assert "sweep" in advice
        assert {"progress", "leases", "live"} <= set(found)

    def test_signs_in_a_cache_that_hangs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        over = threading.Event()
        monkeypatch.setattr(queue, "SECONDS", 0.05)
        monkeypatch.setattr("django_q.status.Stat.get_all", lambda broker: over.wait(60))
        found = doctor()
        over.set()
        level, text, _ = found["cluster"][0]
        assert (level, text.endswith("nobody answers within 0.05 s.")) == ("warning", True)
        assert {"progress", "leases", "sweep"} <= set(found)

    def test_signs_in_a_cache_that_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(broker: object) -> None:
            raise ConnectionError("Connection refused.")

        monkeypatch.setattr("django_q.status.Stat.get_all", refuse)
        found = doctor()
        level, text, _ = found["cluster"][0]
        assert (level, text.endswith("answers: ConnectionError: Connection refused.")) == ("warning", True)
        assert {"progress", "leases", "sweep"} <= set(found)

    def test_a_sweep_that_is_not_scheduled(self) -> None:
        assert doctor()["sweep"][0][0] == "warning"
        Schedule.objects.create(func="agents_app.tasks.recover", schedule_type=Schedule.MINUTES, minutes=1)
        assert "sweep" not in doctor()


def test_an_executor_that_does_not_exist() -> None:
    with ours(EXECUTOR="no.such.Executor"):
        assert "ImproperlyConfigured" in doctor()["queue"][0][1]


def test_a_way_of_telling_that_cannot_be_gone() -> None:
    with ours(LIVE="pigeons"):
        assert doctor()["live"][0][0] == "broken"


@pytest.mark.parametrize(
    ("backend", "level", "text"),
    [
        ("channels.layers.InMemoryChannelLayer", "warning", "does not reach other processes"),
        ("tests.management.test_doctor.Echo", "ok", "came back"),
        ("tests.management.test_doctor.Deaf", "broken", "did not come back"),
    ],
)
def test_channel_layers(backend: str, level: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents_app.management.doctor.live.SECONDS", 0.05)
    with override_settings(CHANNEL_LAYERS={"default": {"BACKEND": backend}}):
        found = doctor()["channels"][0]
    assert (found[0], text in found[1]) == (level, True)


@pytest.mark.once
@pytest.mark.parametrize("kind", ["core.RedisChannelLayer", "pubsub.RedisPubSubChannelLayer"])
def test_those_of_channels_redis(kind: str, redis_url: str) -> None:
    """They have rules of their own for the names of channels."""
    layer = {"BACKEND": f"channels_redis.{kind}", "CONFIG": {"hosts": [redis_url]}}
    with override_settings(CHANNEL_LAYERS={"default": layer}):
        assert doctor()["channels"] == [("ok", f"{kind.split('.')[1]}: a message went out and came back", "")]


def test_agents_that_cannot_be_used() -> None:
    class Nameless(Agent[str]):
        name = "not a name!"

    with registry.override():
        assert doctor()["agents"][0][0] == "warning"
        registry.add(Nameless)
        assert [level for level, _, _ in doctor()["agents"]] == ["broken"]


class TestLLMs:
    def test_one_that_nobody_knows(self) -> None:
        with ours(DEFAULT_LLM="oracle"):
            done = manage("agents_doctor", "--json")
            level, text, _ = findings(done)["LLM oracle"][0]
        assert (level, done.code) == ("broken", 1)
        assert "used by shop, text" in text

    def test_the_question_is_asked_only_if_wanted(self) -> None:
        with ours(DEFAULT_LLM="own", LLMS={"own": "tests.management.test_doctor.Answers"}):
            assert "--call-llm asks it" in doctor()["LLM own"][0][1]
            assert "me answered in" in doctor("--call-llm")["LLM own"][0][1]

    @pytest.mark.parametrize(("name", "text"), [("Refuses", "no such key"), ("Silent", "answered with nothing")])
    def test_one_that_does_not_answer(self, name: str, text: str) -> None:
        with ours(DEFAULT_LLM="own", LLMS={"own": f"tests.management.test_doctor.{name}"}):
            found = doctor("--call-llm")["LLM own"][0]
        assert (found[0], text in found[1]) == ("broken", True)

    def test_one_that_is_down(self) -> None:
        now = database_now()
        down = {
            "opened_at": now,
            "open_until": now + timedelta(seconds=30),
            "error_code": "unavailable",
            "error": "No.",
        }
        LLMState.objects.create(name="far", failures=10, **down)
        LLMState.objects.create(name="near", failures=1)
        found = doctor()
        level, text, _ = found["LLM far"][0]
        assert (level, "No. (unavailable)" in text) == ("warning", True)
        assert "LLM near" not in found


def test_an_examination_that_raises_is_a_finding() -> None:
    def fails() -> Any:
        yield ok("a", "b")
        raise ValueError("ouch")

    (found,) = examined("subject", fails)
    assert (found.level, found.text) == ("broken", "could not be examined: ValueError: ouch")


class Answers:
    async def respond(self, request: LLMRequest, on_text: Any = None) -> LLMReply:
        return LLMReply(text="OK", llm="me")


class Refuses:
    async def respond(self, request: LLMRequest, on_text: Any = None) -> LLMReply:
        raise LLMError("no such key")


class Silent:
    async def respond(self, request: LLMRequest, on_text: Any = None) -> LLMReply:
        return LLMReply()


class Echo:
    """A channel layer that works."""

    def __init__(self, **options: Any) -> None:
        self.messages: list[Any] = []

    async def new_channel(self) -> str:
        return "echo1"

    async def send(self, channel: str, message: Any) -> None:
        self.messages.append(message)

    async def receive(self, channel: str) -> Any:
        return self.messages.pop()


class Deaf(Echo):
    """A channel layer that loses everything."""

    async def receive(self, channel: str) -> Any:
        raise TimeoutError


class FakeConnection:
    """A connection with these settings, whose questions have these answers."""

    def __init__(self, vendor: str, *, answer: str = "", in_memory: bool = False, **options: Any) -> None:
        self.vendor = vendor
        self.settings_dict = {"OPTIONS": options}
        self.transaction_mode = "IMMEDIATE"
        self.is_in_memory_db = lambda: in_memory
        self._answer = answer

    def __enter__(self) -> "FakeConnection":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def cursor(self) -> "FakeConnection":
        return self

    def execute(self, sql: str) -> "FakeConnection":
        return self

    def fetchone(self) -> tuple[str]:
        return (self._answer,)


@pytest.mark.parametrize(
    ("fake", "level", "text"),
    [
        (FakeConnection("sqlite", in_memory=True), "warning", "everything is lost with the process"),
        (FakeConnection("postgresql", answer="serializable"), "broken", "isolation level is serializable"),
        (FakeConnection("postgresql", answer="read committed", pool=True), "broken", "does not survive the fork"),
        (FakeConnection("oracle"), "warning", "oracle is not tested"),
    ],
    ids=["memory", "isolation", "pool", "other"],
)
def test_databases_that_break_a_promise(fake: FakeConnection, level: str, text: str) -> None:
    (found,) = database._settings(fake)
    assert (found.level, text in found.text, bool(found.advice)) == (level, True, True)


def test_postgresql_as_it_should_be() -> None:
    assert list(database._settings(FakeConnection("postgresql", answer="read committed"))) == []


@pytest.mark.sqlite_only
def test_sqlite_with_a_journal_that_blocks_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cursor(FakeConnection):
        def execute(self, sql: str) -> FakeConnection:
            self._answer = {"journal_mode": "delete", "synchronous": 2, "busy_timeout": 20000}[sql.split()[1]]  # type: ignore[assignment]
            return self

    (found,) = database._settings(Cursor("sqlite"))
    assert "journal_mode is delete" in found.text


@pytest.mark.postgresql_only
def test_postgresql() -> None:
    assert doctor()["database"][0][1].startswith("PostgreSQL ")
    assert doctor()["live"][0][1] == "PostgreSQL tells all processes of news"


def _boom(event: Any) -> None:
    raise RuntimeError("no luck")


def test_event_handlers_that_are_parked_or_gone(agents: AgentsKit) -> None:
    with no_handlers():
        assert "handlers" not in doctor()
        ear("run.started", name="shop.alarm", attempts=1, does=_boom)
        start_run("shop", "x")
        deliver()
        ((level, text, advice),) = doctor()["handlers"]
        assert (level, text) == ("warning", "shop.alarm is parked for 1 run: it failed too often.")
        assert "agents_handlers" in advice
        release_handler(cursor("shop.alarm").pk, by=SYSTEM)
        assert "handlers" not in doctor()
    with no_handlers():
        ((level, text, advice),) = doctor()["handlers"]
    assert (level, "shop.alarm is not in the code here" in text) == ("warning", True)
    assert "--forget shop.alarm" in advice
