"""Keys and references."""

import time
from threading import Thread
from uuid import RFC_4122, UUID

import time_machine

from agents_app.models.fields import uuid7


def test_uuid7_says_what_it_is_and_when() -> None:
    before = time.time_ns() // 1_000_000
    key = uuid7()
    assert (key.version, key.variant) == (7, RFC_4122)
    assert before <= key.int >> 80 <= time.time_ns() // 1_000_000


def test_keys_of_a_process_are_unique_and_follow_each_other() -> None:
    """Also those of one millisecond: what was asked in one turn is shown in its order."""
    keys = [uuid7() for _ in range(5_000)]
    assert len({key.int >> 80 for key in keys}) < len(keys)
    assert keys == sorted(set(keys))
    assert {(key.version, key.variant) for key in keys} == {(7, RFC_4122)}
    assert len({key.int & 0xFFFF_FFFF for key in keys}) > 4_900  # the rest cannot be guessed


def test_no_two_threads_get_the_same() -> None:
    made: list[UUID] = []
    threads = [Thread(target=lambda: made.extend([uuid7() for _ in range(2_000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8_000


def test_a_clock_that_goes_back_is_followed() -> None:
    with time_machine.travel("2099-01-01", tick=False):
        later = uuid7()
    assert uuid7() < later
