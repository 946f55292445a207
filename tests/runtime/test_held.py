"""A run that this process holds: how long, and whether still."""

import time
from uuid import uuid4

import pytest

from agents_app.definitions.registry import definition_of
from agents_app.runtime.held import Held, SleepAct
from agents_app.transitions.claims import Claim
from tests.office import Clerk


def held(inline: bool = False) -> Held:
    claim = Claim(run_id=uuid4(), number=1, recovered=False, deaths=0)
    return Held(claim=claim, definition=definition_of(Clerk), inline=inline)


def test_without_open_acts_the_lease_has_its_full_length() -> None:
    assert held().lease_seconds() == 30


def test_the_lease_ends_a_margin_after_the_last_open_act(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    one = held()
    acts = [SleepAct(timeout=1), SleepAct(timeout=4)]
    for act in acts:
        one.open(act)
    assert one.lease_seconds() == pytest.approx(9)
    one.close(acts[1])
    assert one.lease_seconds() == pytest.approx(6)
    one.open(SleepAct(timeout=1000))
    assert one.lease_seconds() == 30


def test_calls_that_all_hang_give_the_run_up(monkeypatch: pytest.MonkeyPatch) -> None:
    one, now = held(), time.monotonic()
    one.open(SleepAct(timeout=1))
    monkeypatch.setattr(time, "monotonic", lambda: now + 100)
    assert one.lease_seconds() == 0


def test_a_lease_that_was_not_renewed_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    one, inline, now = held(), held(inline=True), time.monotonic()
    assert one.lease_holds()
    monkeypatch.setattr(time, "monotonic", lambda: now + 31)
    assert not one.lease_holds()
    assert inline.lease_holds()  # no heartbeat there


def test_a_lease_that_was_renewed_for_a_short_time_holds_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    one, now = held(), time.monotonic()
    one.renewed, one.granted = now, 2.0
    assert one.lease_holds()
    monkeypatch.setattr(time, "monotonic", lambda: now + 3)
    assert not one.lease_holds()


def test_an_act_that_did_not_begin_in_time_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    one, act, now = held(), SleepAct(timeout=10), time.monotonic()
    one.open(act)
    assert not one.late(act)
    monkeypatch.setattr(time, "monotonic", lambda: now + 6)
    assert one.late(act)
