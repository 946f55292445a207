"""Signs of life."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app.definitions.registry import definition_of
from agents_app.models import AgentContext, database_now
from agents_app.runtime.heartbeat import Heartbeat, renew
from agents_app.runtime.held import Held, SleepAct
from agents_app.services import SYSTEM, cancel_run, start_run
from agents_app.testing import AgentsKit
from agents_app.transitions import OpenRows, claims
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.usefixtures("workers", "agents")


def held_run() -> tuple[Any, Held]:
    run = start_run(Clerk, "x")
    claim = claims.claim(run.id)
    assert claim is not None
    return run, Held(claim=claim, definition=definition_of(Clerk), inline=False)


def wait_for(condition: Any) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def test_a_held_lease_goes_on_and_the_version_stays(agents: AgentsKit) -> None:
    given = {**settings.AGENTS_APP, "HEARTBEAT_SECONDS": 0.05}
    with override_settings(AGENTS_APP=given):
        run, held = held_run()
        before = office.context_of(run)
        heartbeat = Heartbeat()
        heartbeat.add(held)
        try:
            wait_for(lambda: (office.context_of(run).lease_until or 0) > before.lease_until)
        finally:
            heartbeat.remove(held)
            heartbeat.join()
    after = office.context_of(run)
    assert after.due_at is not None
    assert after.lease_until is not None
    assert abs(after.due_at - after.lease_until) < timedelta(seconds=10)  # two looks at the clock
    assert (after.version, after.claim_number) == (before.version, before.claim_number)


def test_the_holder_hears_of_news_of_a_cancellation_and_of_a_lost_claim() -> None:
    run, held = held_run()
    held.rows = OpenRows(version=office.context_of(run).version)
    news: list[str] = []
    held.on_news = lambda: news.append("news")
    renew(held)
    assert news == []
    cancel_run(run.id, by=SYSTEM)
    renew(held)
    assert (news, held.cancel_requested, held.lost) == (["news"], True, False)
    AgentContext.objects.filter(pk=run.id).update(claim_number=99)
    renew(held)
    assert (news, held.lost) == (["news", "news"], True)
    assert not held.lease_holds()


def test_a_cancellation_is_heard_of_though_the_rows_are_known_that_came_with_it() -> None:
    """Other news came a moment earlier, and for those the holder has read the rows."""
    run, held = held_run()
    news: list[str] = []
    held.on_news = lambda: news.append("news")
    cancel_run(run.id, by=SYSTEM)
    held.rows = OpenRows(version=office.context_of(run).version)
    for _ in range(2):
        renew(held)
    assert (held.cancel_requested, news) == (True, ["news"])


def test_a_holder_that_is_gone_does_not_stop_the_signs_of_the_others() -> None:
    _, held = held_run()

    def gone() -> None:
        raise RuntimeError("Event loop is closed")

    held.rows, held.on_news = OpenRows(version=-1), gone
    renew(held)
    assert not held.lost


def test_the_holder_knows_for_how_long_the_lease_was_renewed() -> None:
    """One of its acts is overdue: the lease ends now, and no call may begin on the strength of the last one."""
    _, held = held_run()
    act = SleepAct(timeout=1)
    held.open(act)
    held.ends[act] = time.monotonic() - 1
    renew(held)
    assert not held.lost
    assert not held.lease_holds()


def test_a_database_that_is_away_is_no_lost_claim(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, held = held_run()

    def away(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(claims, "heartbeats", away)
    renewed = held.renewed
    renew(held)
    assert not held.lost
    assert held.renewed == renewed
    assert "No sign of life" in caplog.text


def test_the_lease_never_outlasts_what_is_open() -> None:
    run, held = held_run()
    held.open(SleepAct(timeout=2))
    renew(held)
    lease = office.context_of(run).lease_until
    assert lease is not None
    assert (lease - database_now()).total_seconds() <= 7  # 2 s and the margin


def test_giving_one_back_is_no_reason_to_renew_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that follow each other quickly would each cost a sign of life, and a connection for it."""
    renewed: list[Any] = []
    monkeypatch.setattr("agents_app.runtime.heartbeat.renew_all", renewed.append)
    (_, first), (_, second) = held_run(), held_run()
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "HEARTBEAT_SECONDS": 60}):
        heartbeat = Heartbeat()
        heartbeat.add(first)
        heartbeat.remove(first)
        heartbeat.add(second)
        time.sleep(0.2)
        heartbeat.remove(second)
        heartbeat.join()
    assert renewed == []
