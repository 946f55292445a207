"""Named moments: silent unless a test listens."""

from collections.abc import Iterator
from typing import Any

import pytest

from agents_app.core.failpoints import failpoint, listen


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Any]]]:
    calls: list[tuple[str, Any]] = []
    listen(lambda name, about: calls.append((name, about)))
    yield calls
    listen(None)


def test_a_listener_hears_each_moment_and_what_it_is_about(heard: list[tuple[str, Any]]) -> None:
    failpoint("claim.committed", 7)
    failpoint("hint.sent")
    assert heard == [("claim.committed", 7), ("hint.sent", None)]


def test_nobody_hears_after_the_listener_has_gone(heard: list[tuple[str, Any]]) -> None:
    listen(None)
    failpoint("claim.committed")
    assert heard == []


def test_what_the_listener_raises_ends_what_was_to_be_done(heard: list[tuple[str, Any]]) -> None:
    def die(name: str, about: Any) -> None:
        raise ConnectionError(name)

    listen(die)
    with pytest.raises(ConnectionError, match="chosen"):
        failpoint("claim.chosen")
