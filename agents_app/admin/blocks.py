"""Values on a page: short ones open, long ones folded, very long ones cut. Everything is text; nothing is markup."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from agents_app.admin.displays import inline, is_long, number, plain
from agents_app.admin.revealed import revealed
from agents_app.core.labels import humanized
from agents_app.services.amounts import with_amounts

SHOWN_AT_MOST = 20_000
"""Characters of one value on a page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One value with its label. `pairs` are shown as a list of names and values instead of `text`.

    `cut`: the text was longer, of `length` characters.
    """

    key: str
    label: str
    text: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    folded: bool = False
    code: bool = False
    cut: bool = False
    length: int = 0

    @property
    def shown(self) -> SafeString:
        """The text as HTML, with what is odd in it made visible."""
        return revealed(self.text)

    @property
    def shown_pairs(self) -> list[tuple[SafeString, SafeString]]:
        """The same for names and values."""
        return [(revealed(name), revealed(value)) for name, value in self.pairs]

    @property
    def size(self) -> str:
        """How much is folded away."""
        size = max(self.length, len(self.text))
        return ngettext("%(size)s character", "%(size)s characters", size) % {"size": number(size)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What a person changed in one argument."""

    label: str
    before: str
    after: str


def block(key: str, label: str, value: Any, currencies: Mapping[str, str] | None = None) -> Block:
    """A block for any JSON value. currencies: by place, those of its declared amounts; None: all is shown
    as it is stored."""
    value = value if currencies is None else with_amounts(value, currencies)
    if _is_flat(value):
        pairs = tuple((humanized(name), inline(item)) for name, item in value.items())
        return Block(key=key, label=label, pairs=pairs)
    text = plain(value)
    cut = len(text) > SHOWN_AT_MOST
    return Block(
        key=key,
        label=label,
        text=text[:SHOWN_AT_MOST],
        folded=is_long(text),
        code=not isinstance(value, str),
        cut=cut,
        length=len(text),
    )


def _is_flat(value: Any) -> bool:
    """An object of a few short values, or short lists of such, reads better as a list than as JSON."""
    if not isinstance(value, dict) or not 0 < len(value) <= 12:
        return False
    return all(is_plain(item) and len(inline(item)) <= 400 for item in value.values())


def is_plain(item: Any) -> bool:
    """A value, or a list of values, without anything inside of them."""
    return not any(isinstance(each, dict | list) for each in (item if isinstance(item, list) else [item]))


def differences(before: Any, after: Any, currencies: Mapping[str, str] | None = None) -> tuple[Difference, ...]:
    """What differs between two objects of arguments. currencies: as in `block`."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return (
            ()
            if before == after
            else (Difference(label=gettext("Arguments"), before=inline(before), after=inline(after)),)
        )
    shown = [each if currencies is None else with_amounts(each, currencies) for each in (before, after)]
    return tuple(
        Difference(label=label_of(path), before=inline(_at(shown[0], path)), after=inline(_at(shown[1], path)))
        for path, _, _ in _changed(before, after, ())
    )


def label_of(path: tuple[str, ...]) -> str:
    """Where a part of a value stands: `Items › 2 › Unit price`."""
    return " › ".join(humanized(part) for part in path)


def amounts_inside(value: Any, shown: Any) -> tuple[tuple[str, str], ...]:
    """By their labels, the amounts in an object or a list. shown: the same value, as `with_amounts` has it."""
    found = _changed(value, shown, (), lists=True)
    return tuple((label_of(path), inline(amount)) for path, _, amount in found if path)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    """The part of a value at its place; None where it has none."""
    for part in path:
        if isinstance(value, list):
            value = value[int(part) - 1]
        else:
            value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _changed(
    before: Any, after: Any, path: tuple[str, ...], *, lists: bool = False
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """What differs, by its place: inside of objects, and of lists of the same length that are in them.

    lists: also where the whole value is one.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = [*before, *(name for name in after if name not in before)]
        pairs = [(name, before.get(name), after.get(name)) for name in names]
    elif (path or lists) and isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = [(str(number), *pair) for number, pair in enumerate(zip(before, after, strict=True), 1)]
    else:
        if before != after:
            yield path, before, after
        return
    for name, old, new in pairs:
        yield from _changed(old, new, (*path, name))


def as_json(text: str) -> Any:
    """Stored text as JSON values; as it is where it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text
