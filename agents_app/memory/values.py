"""What of a remembered thing may be given, and how each of it is checked: one rule for facts and entities."""

from collections.abc import Callable, Mapping
from typing import Any

from agents_app.exceptions import InvalidInput


def checked(given: Mapping[str, Any], checks: Mapping[str, Callable[[Any], Any]], thing: str) -> dict[str, Any]:
    """Each value as its check gives it back. thing: what has them, as it begins a sentence. Raises InvalidInput."""
    unknown = sorted(set(given) - set(checks))
    if unknown:
        raise InvalidInput(f"{thing} has no {unknown[0]!r}; it has {', '.join(checks)}.")
    return {name: checks[name](value) for name, value in given.items()}
