"""Keys and references."""

import time
from uuid import RFC_4122

from agents_app.models.fields import uuid7


def test_uuid7_says_what_it_is_and_when() -> None:
    before = time.time_ns() // 1_000_000
    key = uuid7()
    assert (key.version, key.variant) == (7, RFC_4122)
    assert before <= key.int >> 80 <= time.time_ns() // 1_000_000


def test_keys_are_unique_and_follow_the_time() -> None:
    keys = [uuid7() for _ in range(1000)]
    assert len(set(keys)) == 1000
    time.sleep(0.002)
    assert uuid7() > max(keys[:1])
