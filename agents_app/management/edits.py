"""`--set path=value`: other arguments than the LLM's, and how they differ."""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from agents_app.exceptions import InvalidInput
from agents_app.management.base import json_or_text

MISSING: Any = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One value that changes. `before` and `after` are MISSING where there is none."""

    path: str
    before: Any
    after: Any


def edited(arguments: Any, settings: Iterable[str]) -> dict[str, Any]:
    """The arguments with each `path=value` put in. Dots go into objects and lists.

    A value is JSON, or else a text; a number in place of a text stays a text, so that amounts stay exact.
    Raises InvalidInput for what is no `path=value` and for a path that leads nowhere.
    """
    if not isinstance(arguments, dict):
        raise InvalidInput("The arguments of this call are no object; they cannot be edited here.")
    changed = copy.deepcopy(arguments)
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals or not path:
            raise InvalidInput(f"--set takes PATH=VALUE, like amount=100; this is “{setting}”.", code="invalid_set")
        _put(changed, path, value)
    return changed


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """Every value that is not the same in both."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            place = f"{path}.{key}" if path else str(key)
            yield from differences(before.get(key, MISSING), after.get(key, MISSING), place)
    elif before != after:
        yield Difference(path=path, before=before, after=after)


def _put(arguments: dict[str, Any], path: str, text: str) -> None:
    place: Any = arguments
    *parents, last = path.split(".")
    for part in parents:
        place = _inside(place, part, path)
    key: Any = last if isinstance(place, dict) else _index(place, last, path)
    before = place.get(key) if isinstance(place, dict) else place[key]
    place[key] = _value(text, before)


def _value(text: str, before: Any) -> Any:
    value = json_or_text(text)
    return text if isinstance(before, str) and isinstance(value, int | float) else value


def _inside(place: Any, part: str, path: str) -> Any:
    inner = place.setdefault(part, {}) if isinstance(place, dict) else place[_index(place, part, path)]
    if not isinstance(inner, dict | list):
        raise InvalidInput(f"--set {path}: {part} is no object and no list.", code="invalid_set")
    return inner


def _index(place: Any, part: str, path: str) -> int:
    if not part.isdigit() or int(part) >= len(place):
        raise InvalidInput(f"--set {path}: the list has no element {part}.", code="invalid_set")
    return int(part)
