"""Every status, verdict, effect and kind has its words and icon."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest

from agents_app.admin import displays
from agents_app.admin.blocks import block, differences
from agents_app.admin.displays import DISPLAYS, EFFECTS, SENTENCES, STEP_KINDS, VERDICTS, badge, duration, time_tag
from agents_app.admin.entries import TELLERS
from agents_app.admin.icons import PATHS
from agents_app.core.events import EventType
from agents_app.core.lifecycle import MOVES
from agents_app.core.status import Effect, RunStatus, StepKind, Verdict

TONES = {"quiet", "active", "waiting", "good", "bad"}


@pytest.mark.parametrize("kind", list(MOVES), ids=lambda kind: kind.__name__)
def test_every_status_has_label_icon_and_tone(kind: type[StrEnum]) -> None:
    assert set(DISPLAYS[kind]) == set(kind)
    for status, display in DISPLAYS[kind].items():
        assert display.label
        assert display.icon in PATHS
        assert display.tone in TONES
        assert str(display.label) in badge(status)
        assert PATHS[display.icon] in badge(status)


def test_labels_of_one_kind_differ() -> None:
    for shown in DISPLAYS.values():
        assert len({str(display.label) for display in shown.values()}) == len(shown)


def test_every_other_word_is_explained() -> None:
    assert set(VERDICTS) == set(Verdict)
    assert set(EFFECTS) == set(Effect)
    assert set(STEP_KINDS) == set(StepKind)
    assert set(SENTENCES) == set(RunStatus)


def test_every_event_has_words_on_the_timeline() -> None:
    assert set(TELLERS) == set(EventType)


def test_times_are_machine_readable_and_drop_the_date_of_the_same_day() -> None:
    moment = datetime(2026, 11, 20, 12, 0, 5, tzinfo=UTC)
    assert 'datetime="2026-11-20T12:00:05+00:00"' in time_tag(moment)
    # The tests' zone is Asia/Kolkata.
    assert ">2026-11-20 17:30:05 IST<" in time_tag(moment)
    assert ">17:30:05 IST<" in time_tag(moment, since=moment - timedelta(hours=1))
    assert ">2026-11-20 17:30:05 IST<" in time_tag(moment, since=moment - timedelta(days=1))
    assert time_tag(None) == "–"


def test_naive_times_are_shown_as_they_are() -> None:
    assert ">2026-11-20 12:00:05<" in time_tag(datetime(2026, 11, 20, 12, 0, 5))  # noqa: DTZ001 (USE_TZ=False)


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0.0123, 3.04, 125, 7260, 400_000)] == [
        "12 ms",
        "3.0 s",
        "2 min 5 s",
        "2 h 1 min",
        "4 days",
    ]


def test_short_objects_are_lists_long_values_fold_and_very_long_ones_are_cut() -> None:
    assert block("k", "Result", {"order_number": "A-1", "paid": True}).pairs == (
        ("Order number", "A-1"),
        ("Paid", "Yes"),
    )
    assert not block("k", "Result", "short").folded
    long = block("k", "Result", "x" * 30_000)
    assert long.folded
    assert long.cut
    assert len(long.text) == 20_000
    assert block("k", "Result", {"nested": {"a": 1}}).code


def test_differences_name_what_changed_alone() -> None:
    found = differences({"amount": "120", "to": "Ada"}, {"amount": "100", "to": "Ada", "note": None})
    assert [(item.label, item.before, item.after) for item in found] == [("Amount", "120", "100")]
    assert [item.before for item in differences("a", "b")] == ["a"]
    assert differences("a", "a") == ()


def test_an_excerpt_is_one_line() -> None:
    assert displays.excerpt("a\n b" + "c" * 100, 10) == "a bcccccc…"
