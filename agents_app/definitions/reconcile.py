"""What a `reconcile` hook answers about a call whose outcome is unknown."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Happened(Generic[Result_co]):
    """The call did take effect, with this result."""

    result: Result_co


@dataclass(frozen=True, slots=True)
class NotHappened:
    """The call took no effect; it may be repeated."""


def happened(result: Result) -> Happened[Result]:
    """The answer "it happened, and this is what the tool would have returned"."""
    return Happened(result)


not_happened = NotHappened()
"""The answer "nothing happened". A hook that cannot tell answers None."""
