"""Bad input is met as in the stories: by real threads, on a committed database."""

from tests.scenarios.conftest import _office, carl, dora, started

__all__ = ["_office", "carl", "dora", "started"]
