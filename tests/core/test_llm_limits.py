"""Buckets and breakers, as arithmetic."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_app.core.llm_limits import (
    BURST_SECONDS,
    PROBE_AGAIN_SECONDS,
    Breaker,
    LLMLimits,
    Trouble,
    correct,
    draw,
    failed,
    read_limits,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BREAKER = Breaker(failures=3, window=60, open_seconds=30)
EPSILON = 1e-3

pauses = st.floats(0, 90)
rates = st.floats(0.5, 6000)
amounts = st.floats(0.1, 500)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def starts(pauses_and_amounts: list[tuple[float, float]], per_minute: float) -> list[tuple[float, float]]:
    """When calls that come one after the other start, in seconds, and what they need."""
    full_at, now, found = None, NOW, []
    for pause, amount in pauses_and_amounts:
        now += timedelta(seconds=pause)
        drawn = draw(full_at, now, amount, per_minute)
        assert drawn.starts_at >= now
        assert full_at is None or drawn.full_at >= full_at
        full_at = drawn.full_at
        found.append(((drawn.starts_at - NOW).total_seconds(), amount))
    return found


@given(st.lists(st.tuples(pauses, amounts), min_size=1, max_size=40), rates)
def test_in_no_stretch_of_time_more_starts_than_the_bucket_holds_and_gets(
    calls: list[tuple[float, float]], per_minute: float
) -> None:
    """Whoever looks at any stretch, however chosen: what starts in it is what was held, and what came in meanwhile."""
    rate = per_minute / 60
    found = starts(calls, per_minute)
    for first in range(len(found)):
        spent = 0.0
        for moment, amount in found[first:]:
            held = max(BURST_SECONDS * rate, 1.0, max(need for _, need in found[first:]))
            spent += amount
            assert spent <= held + (moment - found[first][0]) * rate + held * EPSILON


@given(st.lists(st.tuples(pauses, amounts), min_size=2, max_size=40), rates)
def test_who_comes_later_never_starts_earlier(calls: list[tuple[float, float]], per_minute: float) -> None:
    moments = [moment for moment, _ in starts(calls, per_minute)]
    assert all(later >= earlier - EPSILON for earlier, later in pairwise(moments))


@given(rates, st.integers(1, 200))
def test_nothing_is_held_back_that_could_go(per_minute: float, count: int) -> None:
    """Under steady demand the rate is used up: the last of many starts when the limit allows it, not later."""
    last, _ = starts([(0.0, 1.0)] * count, per_minute)[-1]
    held = max(BURST_SECONDS * per_minute / 60, 1.0)
    assert last == pytest.approx(max(0.0, (count - held) / (per_minute / 60)), abs=EPSILON)


@given(amounts, rates)
def test_a_full_bucket_lets_any_call_start(amount: float, per_minute: float) -> None:
    assert draw(None, NOW, amount, per_minute).starts_at == NOW
    assert draw(after(-1), NOW, amount, per_minute).starts_at == NOW


def test_a_call_above_what_the_bucket_holds_waits_until_it_is_full() -> None:
    first = draw(None, NOW, 1000, 60)
    assert (first.starts_at, first.full_at) == (NOW, after(1000))
    assert draw(first.full_at, NOW, 500, 60).starts_at == after(1000)


@given(amounts, amounts, rates)
def test_a_corrected_draw_is_as_if_it_had_been_known(drawn: float, used: float, per_minute: float) -> None:
    guessed = correct(draw(None, NOW, drawn, per_minute).full_at, NOW, drawn, used, per_minute)
    known = draw(None, NOW, used, per_minute).full_at
    assert abs((guessed - known).total_seconds()) < EPSILON


# The breaker.


def test_it_opens_after_so_many_failures_in_a_row_within_the_window() -> None:
    trouble = Trouble()
    for number, moment in enumerate((NOW, after(10), after(20)), start=1):
        assert trouble.closed_until(moment) is None
        trouble = failed(trouble, moment, BREAKER, probe=False, retry_after=None)
        assert trouble.failures == number
    assert trouble.closed_until(after(21)) == after(50)


def test_failures_far_apart_do_not_open_it() -> None:
    trouble = Trouble()
    for number in range(20):
        trouble = failed(trouble, after(31 * number), BREAKER, probe=False, retry_after=None)
        assert trouble.open_until is None


def test_what_the_provider_asks_for_keeps_it_open_longer() -> None:
    trouble = Trouble(failures=2, since=NOW)
    assert failed(trouble, NOW, BREAKER, probe=False, retry_after=100.0).open_until == after(100)
    assert failed(trouble, NOW, BREAKER, probe=False, retry_after=1.0).open_until == after(30)


def test_calls_that_began_before_it_opened_do_not_open_it_anew() -> None:
    opened = Trouble(failures=3, since=NOW, open_until=after(30))
    assert failed(opened, after(29), BREAKER, probe=False, retry_after=None) is opened


def test_then_one_probes_and_the_others_come_again_soon() -> None:
    opened = Trouble(failures=3, since=NOW, open_until=after(30))
    assert opened.closed_until(after(30)) is None
    probed = replace(opened, probe_until=after(90))
    assert probed.closed_until(after(31)) == after(31 + PROBE_AGAIN_SECONDS)
    assert probed.closed_until(after(90)) is None, "whoever probed is gone"


def test_a_probe_that_fails_opens_it_anew() -> None:
    probed = Trouble(failures=3, since=NOW, open_until=after(30), probe_until=after(90))
    again = failed(probed, after(500), BREAKER, probe=True, retry_after=None)
    assert (again.open_until, again.probe_until) == (after(530), None)


# From settings.


def test_no_limits() -> None:
    limits = read_limits({}, {"failures": 4})
    assert limits == LLMLimits(breaker=Breaker(failures=4))
    assert not limits.limited
    assert read_limits({"breaker": None}, {"failures": 4}).breaker is None


@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_minute", "max_concurrent"])
def test_each_limit_limits(name: str) -> None:
    assert read_limits({name: 3}, None).limited


@pytest.mark.parametrize(
    "given",
    [
        {"requests_per_minute": 0},
        {"requests_per_minute": "60"},
        {"tokens_per_minute": -1},
        {"tokens_per_minute": float("inf")},
        {"max_concurrent": 1.5},
        {"max_concurrent": 0},
        {"max_concurrent": True},
        {"breaker": {"failures": 0}},
        {"breaker": {"window": "long"}},
        {"breaker": {"fails": 3}},
        {"breaker": 3},
    ],
    ids=str,
)
def test_settings_that_cannot_be_used(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        read_limits(given, None)
