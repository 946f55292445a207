"""What the end of an attempt means, by effect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_app.core.outcomes import Ending, Meaning, Outcome, backoff_seconds, meaning_of, postpone_seconds
from agents_app.core.status import Effect, ToolCallStatus

S = ToolCallStatus
IN_DOUBT = (Ending.RAISED, Ending.TIMED_OUT, Ending.DIED)
SAID = (Ending.REFUSED, Ending.ASKED, Ending.POSTPONED, Ending.GATE_REFUSED)
facts = {
    "effect": st.sampled_from(Effect),
    "failures": st.integers(0, 4),
    "retries": st.integers(0, 4),
    "approved": st.booleans(),
}


def after(ending: Ending, effect: Effect, failures: int = 0, retries: int = 0, approved: bool = False) -> Meaning:
    return meaning_of(Outcome(ending=ending), effect=effect, failures=failures, retries=retries, approved=approved)


@given(**facts)
def test_a_tool_that_returned_has_succeeded_whatever_else(
    effect: Effect, failures: int, retries: int, approved: bool
) -> None:
    assert after(Ending.RETURNED, effect, failures, retries, approved) == Meaning(status=S.SUCCEEDED)


@given(ending=st.sampled_from(IN_DOUBT), **facts)
def test_an_external_call_in_doubt_is_never_repeated_nor_called_failed(
    ending: Ending, effect: Effect, failures: int, retries: int, approved: bool
) -> None:
    if effect is Effect.EXTERNAL:
        assert after(ending, effect, failures, retries, approved).status is S.UNKNOWN


@pytest.mark.parametrize("ending", IN_DOUBT)
@pytest.mark.parametrize(
    ("effect", "last"), [(Effect.READ, S.FAILED), (Effect.ATOMIC, S.FAILED), (Effect.IDEMPOTENT, S.UNKNOWN)]
)
def test_what_may_be_repeated_is_repeated_as_often_as_declared(
    ending: Ending, effect: Effect, last: ToolCallStatus
) -> None:
    statuses = [after(ending, effect, failures, retries=2) for failures in (0, 1, 2)]
    assert [each.status for each in statuses] == [S.READY, S.READY, last]
    assert all(each.counts for each in statuses)


@given(ending=st.sampled_from(SAID), **facts)
def test_the_authors_word_is_never_in_doubt_and_takes_no_attempt(
    ending: Ending, effect: Effect, failures: int, retries: int, approved: bool
) -> None:
    meaning = after(ending, effect, failures, retries, approved)
    assert meaning.status is not S.UNKNOWN
    assert not meaning.counts


def test_what_the_four_exceptions_mean() -> None:
    assert after(Ending.REFUSED, Effect.EXTERNAL).status is S.FAILED
    assert after(Ending.GATE_REFUSED, Effect.ATOMIC).status is S.FAILED
    assert after(Ending.POSTPONED, Effect.EXTERNAL).status is S.READY
    assert after(Ending.ASKED, Effect.EXTERNAL).status is S.AWAITING_APPROVAL
    assert after(Ending.ASKED, Effect.EXTERNAL, approved=True).status is S.FAILED


@given(st.sampled_from(Ending), st.sampled_from(Effect), st.integers(0, 4), st.integers(0, 4), st.booleans())
def test_every_meaning_is_a_legal_move(
    ending: Ending, effect: Effect, failures: int, retries: int, approved: bool
) -> None:
    targets = {S.SUCCEEDED, S.FAILED, S.UNKNOWN, S.READY, S.AWAITING_APPROVAL}
    assert after(ending, effect, failures, retries, approved).status in targets


def test_twins_are_postponed_15_seconds_doubling_to_5_minutes() -> None:
    assert [postpone_seconds(number) for number in (0, 1, 2, 3, 4, 5, 1000)] == [15, 30, 60, 120, 240, 300, 300]


@given(st.integers(1, 1000), st.none() | st.floats(allow_nan=True), st.floats(0, 1))
def test_back_off_grows_spreads_and_honours_the_provider(
    attempt: int, retry_after: float | None, jitter: float
) -> None:
    seconds = backoff_seconds(attempt, retry_after, jitter)
    asked = min(retry_after, 3600) if retry_after is not None and retry_after > 0 else 0
    base = min(2 ** (attempt - 1), 120) if attempt < 20 else 120
    assert max(base, asked) <= seconds <= max(base, asked) + base / 2
    assert seconds == backoff_seconds(attempt, retry_after, 0) + base * jitter / 2
