"""What a digest covers: every value of a call, and nothing of how it was written. On random values, always the same."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents_app import Agent, tool
from agents_app.core.canonical import canonical_text, digest
from agents_app.definitions.registry import definition_of
from agents_app.exceptions import InvalidArguments

bounded = settings(max_examples=60, derandomize=True, deadline=None, database=None)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WHOLE = st.integers(-(10**30), 10**30)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
DIGITS = st.decimals(-(10**20), 10**20, allow_nan=False, places=6)
SCALARS = st.none() | st.booleans() | WHOLE | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4)


def take(
    count: int, ratio: float, amount: Decimal, names: list[str], table: dict[str, int], note: str = ""
) -> None: ...


TILL = type("Till", (Agent,), {"name": "till", "tools": [tool(take)]})
TAKE = definition_of(TILL).tools["take"]

ARGUMENTS = st.fixed_dictionaries(
    {
        "count": WHOLE,
        "ratio": NUMBERS,
        "amount": DIGITS.map(str),
        "names": st.lists(TEXTS, max_size=3),
        "table": st.dictionaries(TEXTS, WHOLE, max_size=3),
        "note": TEXTS,
    }
)


def of(text: str) -> str:
    """The digest of a call with these arguments."""
    return digest("run", "call", "take", TAKE.schema_hash, text)


def of_call(arguments: Any) -> str:
    return of(TAKE.text(TAKE.validate(arguments)))


def turned(value: Any) -> Any:
    """The same value with the keys of every object in the other order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a value: every member, item and scalar."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The value with something else at this place."""
    if not path:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = put(value[path[0]], path[1:], new)
    return changed


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def same(one: Any, other: Any) -> bool:
    """Whether both say the same: 1 and 1.0 do; 1 and true do not, though Python calls them equal."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


@bounded
@given(OBJECTS)
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert of(canonical_text(turned(value))) == of(canonical_text(value))


@bounded
@given(VALUES)
def test_how_json_is_written_does_not_matter(value: Any) -> None:
    """Spaces, line breaks, escapes."""
    written = [json.dumps(value), json.dumps(value, indent=2, ensure_ascii=False), json.dumps(turned(value))]
    assert len({of(canonical_text(json.loads(text))) for text in written}) == 1


SPELLINGS: list[Callable[[Decimal], str]] = [
    str,
    lambda number: f"{number:.9f}",
    lambda number: f"{number:E}",
    lambda number: f"{number.normalize():e}",
    lambda number: f"+{number}" if number >= 0 else f"{number}",
]


@bounded
@given(DIGITS)
def test_how_a_decimal_is_spelled_does_not_matter(amount: Decimal) -> None:
    base = {"count": 1, "ratio": 1, "names": [], "table": {}}
    assert len({of_call({**base, "amount": spelling(amount)}) for spelling in SPELLINGS}) == 1


@bounded
@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_one_number(number: int) -> None:
    """As 3, 3.0, 3e0, and as the text of a Decimal; a default that is left out, and the same that is given."""
    base = {"count": number, "ratio": number, "amount": number, "names": [], "table": {}}
    others = [
        {**base, "count": float(number), "ratio": float(number)},
        {**base, "amount": str(number), "ratio": json.loads(f"{number}e0")},
        {**base, "amount": f"{number}.00", "note": ""},
    ]
    assert {of_call(other) for other in others} == {of_call(base)}


@bounded
@given(OBJECTS, st.data())
def test_whatever_changes_changes_the_digest(value: dict[str, Any], data: st.DataObject) -> None:
    """Any member or item of any depth becomes something else, is taken away, or is added."""
    path = data.draw(st.sampled_from(list(places(value))))
    new = data.draw(VALUES)
    assume(not same(new, at(value, path)))
    assert of(canonical_text(put(value, path, new))) != of(canonical_text(value))
    name = next(iter(value))
    assert of(canonical_text({key: item for key, item in value.items() if key != name})) != of(canonical_text(value))
    assert of(canonical_text({**value, name + "+": new})) != of(canonical_text(value))


@bounded
@given(ARGUMENTS, ARGUMENTS)
def test_other_arguments_have_another_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name in one:
        mixed = {**one, name: other[name]}
        alike = Decimal(one[name]) == Decimal(other[name]) if name == "amount" else same(one[name], other[name])
        cleaned = TAKE.validate(mixed) == TAKE.validate(one)
        assert (of_call(mixed) == of_call(one)) is (alike or cleaned)


@bounded
@given(ARGUMENTS)
def test_what_is_stored_is_what_is_called_with(arguments: dict[str, Any]) -> None:
    value = TAKE.validate(arguments)
    text = TAKE.text(value)
    assert TAKE.parse(text) == value
    assert of(TAKE.text(TAKE.parse(text))) == of(text)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999999", float("nan"), float("inf")])
def test_what_is_no_number_is_refused(number: Any) -> None:
    base = {"count": 1, "ratio": 1, "names": [], "table": {}}
    with pytest.raises(InvalidArguments, match=r"."):
        of_call({**base, "amount": number})
