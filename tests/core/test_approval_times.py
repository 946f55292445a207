"""What tools say about the times of approval requests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agents_app.core.approval_times import BY_SETTINGS, ApprovalTimes, OnExpiry, deadlines

pytestmark = pytest.mark.once

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
USUAL = ApprovalTimes(expires_after=100, valid_for=50.0)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("times", "says"),
    [
        (ApprovalTimes(expires_after=0), "`expires_after` is a number of seconds"),
        (ApprovalTimes(expires_after=True), "`expires_after` is a number of seconds"),
        (ApprovalTimes(remind_after=float("nan")), "`remind_after` is a number of seconds"),
        (ApprovalTimes(remind_after=timedelta(0)), "`remind_after` is a number of seconds"),
        (ApprovalTimes(escalate_after="soon"), "`escalate_after` is a number of seconds"),  # type: ignore[arg-type]
        (ApprovalTimes(valid_for="never"), "`valid_for` is a number of seconds"),
        (ApprovalTimes(on_expiry="approve"), "reject, cancel, keep_waiting"),  # type: ignore[arg-type]
        (ApprovalTimes(escalate_after=5), "needs `escalate_to`"),
        (ApprovalTimes(escalate_to="shop.lead"), "need `escalate_after`"),
        (ApprovalTimes(escalate_after="never", escalate_to_group="Leads"), "need `escalate_after`"),
        (ApprovalTimes(escalate_after=5, escalate_to="lead"), "a permission like"),
        (ApprovalTimes(escalate_after=5, escalate_to_group=" "), "the name of a group"),
        (ApprovalTimes(remind_after=60, expires_after=60), "`remind_after` comes before"),
        (
            ApprovalTimes(escalate_after=61, escalate_to_group="Leads", expires_after=60),
            "`escalate_after` comes before",
        ),
    ],
)
def test_what_is_wrong(times: ApprovalTimes, says: str) -> None:
    (problem,) = times.problems()
    assert says in problem


@pytest.mark.parametrize(
    "times",
    [
        BY_SETTINGS,
        ApprovalTimes(expires_after="never"),
        ApprovalTimes(expires_after=timedelta(hours=1), remind_after=600, on_expiry="cancel", valid_for=5),
        ApprovalTimes(escalate_after=5, escalate_to_group="Leads", escalate_to="shop.lead"),
    ],
)
def test_what_is_right(times: ApprovalTimes) -> None:
    assert times.problems() == []


def test_the_settings_say_what_the_tool_does_not() -> None:
    found = deadlines(BY_SETTINGS, USUAL, NOW)
    assert (found.expires_at, found.on_expiry, found.valid_seconds) == (after(100), OnExpiry.REJECT, 50.0)
    assert (found.remind_at, found.escalate_at) == (None, None)


def test_the_tool_comes_first() -> None:
    times = ApprovalTimes(expires_after=timedelta(seconds=10), remind_after=2, on_expiry="keep_waiting", valid_for=7)
    found = deadlines(times, replace(USUAL, remind_after=1, on_expiry="cancel"), NOW)
    assert (found.expires_at, found.remind_at) == (after(10), after(2))
    assert (found.on_expiry, found.valid_seconds) == (OnExpiry.KEEP_WAITING, 7.0)


@pytest.mark.parametrize("never", ["tool", "settings"])
def test_never_is_never(never: str) -> None:
    own, usual = (ApprovalTimes(expires_after="never"), USUAL)
    found = deadlines(own, usual, NOW) if never == "tool" else deadlines(BY_SETTINGS, own, NOW)
    assert found.expires_at is None


def test_to_whom_is_said_with_when() -> None:
    own = deadlines(ApprovalTimes(escalate_after=30, escalate_to="shop.lead"), USUAL, NOW)
    assert (own.escalate_at, own.escalate_to, own.escalate_to_group) == (after(30), "shop.lead", "")
    assert deadlines(ApprovalTimes(escalate_after="never"), USUAL, NOW).escalate_at is None


def test_what_would_come_after_the_end_is_left_out() -> None:
    times = ApprovalTimes(escalate_after=100, escalate_to_group="Leads")
    found = deadlines(times, replace(USUAL, remind_after=100), NOW)
    assert (found.remind_at, found.escalate_at, found.expires_at) == (None, None, after(100))
