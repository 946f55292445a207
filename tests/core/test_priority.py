"""Who is taken first."""

from datetime import UTC, datetime, timedelta

import pytest

from agents_app.core.priority import HEAD_START, RANKS, Priority, priority_of, turn

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_names_and_what_rows_store_belong_together() -> None:
    assert [priority_of(rank) for rank in RANKS.values()] == list(Priority)
    with pytest.raises(StopIteration):
        priority_of(7)


def test_a_level_is_a_head_start_and_no_more() -> None:
    assert turn(NOW, 1) < turn(NOW, 0) < turn(NOW, -1)
    little, long = HEAD_START / 2, HEAD_START * 1.5
    assert turn(NOW, 1) < turn(NOW - little, 0)
    assert turn(NOW - long, 0) < turn(NOW, 1)
    assert turn(NOW - long, -1) < turn(NOW, 0)
    assert turn(NOW - timedelta(days=1), -1) < turn(NOW, 1)
