"""Typed conditions on the arguments of a call: "amount is more than 50". Pure; no condition is ever a text pattern.

What is compared is told by the tool's schema: numbers as exact decimals, dates as dates, texts as whole texts. A
condition that the schema or the value makes senseless is neither true nor false: it cannot be evaluated, and whoever
asked must take that as doubt. What is told of a condition never holds a value of the arguments.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import Enum, StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, field_validator, model_validator

from agents_app.core.canonical import MAX_DECIMAL_EXPONENT, canonical_text
from agents_app.core.json_paths import Kind, Place, Schema, Step, has_each, parse_path, place_at, values_at
from agents_app.exceptions import InvalidInput

MAX_CONDITIONS = 50
MAX_VALUES = 500
MAX_TEXT = 2000
MASK = "***"


class Operator(StrEnum):
    EQUALS = "equals"
    NOT_EQUALS = "not_equals"
    ONE_OF = "one_of"
    NONE_OF = "none_of"
    MORE_THAN = "more_than"
    AT_LEAST = "at_least"
    LESS_THAN = "less_than"
    AT_MOST = "at_most"
    BETWEEN = "between"
    IS_SET = "is_set"
    IS_NOT_SET = "is_not_set"


WORDS: Mapping[Operator, str] = {
    Operator.EQUALS: "is",
    Operator.NOT_EQUALS: "is not",
    Operator.ONE_OF: "is one of",
    Operator.NONE_OF: "is none of",
    Operator.MORE_THAN: "is more than",
    Operator.AT_LEAST: "is at least",
    Operator.LESS_THAN: "is less than",
    Operator.AT_MOST: "is at most",
    Operator.BETWEEN: "is between",
    Operator.IS_SET: "is set",
    Operator.IS_NOT_SET: "is not set",
}
LISTS = frozenset({Operator.ONE_OF, Operator.NONE_OF})
VALUELESS = frozenset({Operator.IS_SET, Operator.IS_NOT_SET})
ORDERED = frozenset(
    {Operator.MORE_THAN, Operator.AT_LEAST, Operator.LESS_THAN, Operator.AT_MOST, Operator.BETWEEN},
)
ORDERED_KINDS = frozenset({Kind.NUMBER, Kind.DATE, Kind.MOMENT, Kind.TIME})
SCALARS = frozenset({*ORDERED_KINDS, Kind.TEXT, Kind.BOOLEAN, Kind.UUID})


class Condition(BaseModel):
    """One condition: `Condition(path="amount", operator="more_than", value=50)`.

    `value` is a number, text, truth value, date or moment (aware); a list for `one_of` and `none_of`, the lower and
    the upper bound (both included) for `between`, left out for `is_set` and `is_not_set`. `items` is for a path with
    `[*]` and for no other: "any" is true if one of the items fits, "all" if each does (so also if there are none).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    operator: Operator
    value: Any = None
    items: Literal["any", "all"] | None = None

    @field_validator("path")
    @classmethod
    def _is_path(cls, path: str) -> str:
        parse_path(path)
        return path

    @field_validator("value", mode="before")
    @classmethod
    def _as_json(cls, value: Any) -> Any:
        if isinstance(value, set | frozenset | list | tuple):
            if len(value) > MAX_VALUES:
                raise ValueError(f"A list has at most {MAX_VALUES} values.")
            return [_scalar(item) for item in value]
        return None if value is None else _scalar(value)

    @model_validator(mode="after")
    def _fits_together(self) -> "Condition":
        if has_each(self.path) is not (self.items is not None):
            raise ValueError('A path with [*] says items "any" or "all"; no other path does.')
        is_list = isinstance(self.value, list)
        if self.operator in VALUELESS and self.value is not None:
            raise ValueError(f"“{WORDS[self.operator]}” takes no value.")
        if self.operator in LISTS and not (is_list and self.value):
            raise ValueError(f"“{WORDS[self.operator]}” takes a list of values.")
        if self.operator is Operator.BETWEEN and not (is_list and len(self.value) == 2):
            raise ValueError("“is between” takes two values, the lower and the upper bound.")
        one = self.operator not in {*LISTS, *VALUELESS, Operator.BETWEEN}
        if one and (is_list or self.value is None):
            raise ValueError(f"“{WORDS[self.operator]}” takes one value.")
        return self

    def described(self, *, sensitive: Iterable[str] = ()) -> str:
        """The condition for people; the value of a sensitive parameter is `***`."""
        hidden = parse_path(self.path)[0] in set(sensitive)
        path = f"{self.items} {self.path}" if self.items else self.path
        if self.operator in VALUELESS:
            return f"{path} {WORDS[self.operator]}"
        joint = " and " if self.operator is Operator.BETWEEN else ", "
        return f"{path} {WORDS[self.operator]} {MASK if hidden else joint.join(map(_shown, _listed(self.value)))}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """Whether conditions hold: true, false, or None if that cannot be told. `reason`: what decided it, for people."""

    held: bool | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionProblem:
    """What is wrong with the condition at this index; `field`: path, operator, value or items, "" for the whole."""

    index: int
    field: str
    message: str


_LIST = TypeAdapter(list[Condition])


def conditions_of(stored: Any) -> tuple[Condition, ...]:
    """Conditions from JSON values. Raises InvalidInput with `problems`: what is wrong with which of them."""
    if isinstance(stored, list | tuple) and len(stored) > MAX_CONDITIONS:
        raise InvalidInput(f"There are at most {MAX_CONDITIONS} conditions.", problems=[])
    try:
        return tuple(_LIST.validate_python(list(stored) if isinstance(stored, tuple) else stored))
    except ValidationError as error:
        found = [_problem_of(each["loc"], each["msg"]) for each in error.errors(include_url=False, include_input=False)]
        first = f"Condition {found[0].index + 1}: " if found[0].index >= 0 else ""
        raise InvalidInput(f"{first}{found[0].message}", problems=found) from None


def _problem_of(location: tuple[int | str, ...], message: str) -> ConditionProblem:
    index = location[0] if location and isinstance(location[0], int) else -1
    name = str(location[1]) if len(location) > 1 else ""
    return ConditionProblem(index=index, field=name, message=message.removeprefix("Value error, "))


def stored_conditions(conditions: Iterable[Condition]) -> list[dict[str, Any]]:
    """Conditions as JSON values; `conditions_of` reads them again."""
    return [condition.model_dump(mode="json", exclude_none=True) for condition in conditions]


def holds(
    conditions: Iterable[Condition], arguments: Mapping[str, Any], schema: Schema, *, sensitive: Iterable[str] = ()
) -> Holding:
    """Whether all of these conditions hold for arguments as JSON values (secrets revealed); none at all hold.

    One that is false decides, also beside one that cannot be evaluated. Never raises.
    """
    told, doubt = [], ""
    for condition in conditions:
        text = "a condition"
        try:
            text = condition.described(sensitive=sensitive)
            held = _held(condition, arguments, schema)
        except Exception as error:
            # Whatever it is: a condition that breaks is doubt. What else it says may quote a value.
            why = str(error) if isinstance(error, Unclear) else "It could not be evaluated."
            doubt = doubt or f"“{text}” cannot be told: {why}"
            continue
        if not held:
            return Holding(held=False, reason=f"not: {text}")
        told.append(text)
    return Holding(held=None, reason=doubt) if doubt else Holding(held=True, reason=" and ".join(told))


def problems(conditions: Sequence[Condition], schema: Schema) -> list[ConditionProblem]:
    """What makes conditions useless for a tool with this schema; empty if they fit."""
    found = []
    for index, condition in enumerate(conditions):
        place = place_at(schema, parse_path(condition.path))
        if place is None:
            message = f"The tool has no field {condition.path}."
            found.append(ConditionProblem(index=index, field="path", message=message))
        elif (wrong := _misfit(condition, place)) is not None:
            found.append(ConditionProblem(index=index, field=wrong[0], message=wrong[1]))
    return found


def _misfit(condition: Condition, place: Place) -> tuple[str, str] | None:
    if condition.operator in VALUELESS or Kind.ANY in place.kinds or not place.kinds:
        return None
    usable = place.kinds & (ORDERED_KINDS if condition.operator in ORDERED else SCALARS)
    if not usable:
        kinds = " or ".join(sorted(place.kinds))
        hint = " Write [*] behind it to look at its items." if Kind.LIST in place.kinds else ""
        return "operator", f"“{WORDS[condition.operator]}” cannot be asked of a {kinds}.{hint}"
    for value in _listed(condition.value):
        if all(_read(value, kind, stored=False) is None for kind in usable):
            return "value", f"{_shown(value)} is no {' or '.join(sorted(usable))}{_HINTS.get(min(usable), '')}."
        if condition.operator not in ORDERED and not _is_choice(value, place):
            known = ", ".join(_shown(item) for item in place.choices[:20])
            return "value", f"{_shown(value)} is none of the values that {condition.path} can have: {known}."
    return None


def _is_choice(value: Any, place: Place) -> bool:
    return not place.choices or any(value == each and type(value) is type(each) for each in place.choices)


_HINTS: Mapping[Kind, str] = {
    Kind.DATE: " (like 2026-01-31)",
    Kind.MOMENT: " with an offset (like 2026-01-31T12:00:00+00:00)",
    Kind.TIME: " (like 12:00)",
}


class Unclear(Exception):
    """A condition that cannot be evaluated. The text tells nothing of the arguments."""


def _held(condition: Condition, arguments: Mapping[str, Any], schema: Schema) -> bool:
    steps: tuple[Step, ...] = parse_path(condition.path)
    place = place_at(schema, steps)
    if place is None:
        raise Unclear(f"the tool has no field {condition.path}.")
    values = values_at(arguments, steps)
    if condition.items is None:
        return _one_held(condition, next(values), place)
    # An item in doubt must not hide behind one that fits, nor the other way round: ask all.
    results = [_tried(condition, value, place) for value in values]
    decisive = condition.items == "any"
    if any(result is decisive for result in results):
        return decisive
    for result in results:
        if isinstance(result, Unclear):
            raise result
    return not decisive


def _tried(condition: Condition, value: Any, place: Place) -> "bool | Unclear":
    try:
        return _one_held(condition, value, place)
    except Unclear as error:
        return error


def _one_held(condition: Condition, value: Any, place: Place) -> bool:
    operator, wanted = condition.operator, condition.value
    if operator in VALUELESS:
        return (value is None) is (operator is Operator.IS_NOT_SET)
    if operator in ORDERED:
        return _ordered(operator, value, _listed(wanted), place)
    equal = any(_equal(value, each, place) for each in _listed(wanted))
    return equal is (operator in (Operator.EQUALS, Operator.ONE_OF))


def _ordered(operator: Operator, value: Any, wanted: list[Any], place: Place) -> bool:
    if value is None:
        raise Unclear("the field is not set.")
    for kind in _kinds(place, value, ORDERED_KINDS):
        own, others = _read(value, kind), [_read(each, kind, stored=False) for each in wanted]
        if own is None or None in others:
            continue
        try:
            return _COMPARED[operator](own, *others)
        except TypeError:
            raise Unclear("one of the two has a time zone and the other has none.") from None
    raise Unclear("the value and the field cannot be compared.")


def _equal(value: Any, wanted: Any, place: Place) -> bool:
    if value is None:
        return False
    for kind in _kinds(place, value, SCALARS):
        own, other = _read(value, kind), _read(wanted, kind, stored=False)
        if own is not None and other is not None:
            if kind in (Kind.MOMENT, Kind.TIME) and (own.utcoffset() is None) is not (other.utcoffset() is None):
                raise Unclear("one of the two has a time zone and the other has none.")
            return bool(own == other)
    if all(_read(wanted, kind, stored=False) is None for kind in _kinds(place, None, SCALARS)):
        raise Unclear("the value and the field cannot be compared.")
    return False


_COMPARED: Mapping[Operator, Callable[..., bool]] = {
    Operator.MORE_THAN: lambda own, wanted: own > wanted,
    Operator.AT_LEAST: lambda own, wanted: own >= wanted,
    Operator.LESS_THAN: lambda own, wanted: own < wanted,
    Operator.AT_MOST: lambda own, wanted: own <= wanted,
    Operator.BETWEEN: lambda own, low, high: low <= own <= high,
}


def _kinds(place: Place, value: Any, usable: frozenset[Kind]) -> list[Kind]:
    """The kinds as which a value may be read, numbers first: pydantic writes a Decimal as a text of digits."""
    kinds = place.kinds
    if Kind.ANY in kinds or not kinds:
        kinds = kinds | ({Kind.NUMBER} if not isinstance(value, str) else set()) | {Kind.TEXT, Kind.BOOLEAN}
    return [kind for kind in Kind if kind in kinds & usable]


def _read(value: Any, kind: Kind, *, stored: bool = True) -> Any:
    """The value as an object of this kind; None if it is none. `stored` False: a condition's own value."""
    try:
        match kind:
            case Kind.NUMBER:
                return _number(value)
            case Kind.BOOLEAN:
                return value if isinstance(value, bool) else None
            case _ if not isinstance(value, str):
                return None
            case Kind.DATE:
                return date.fromisoformat(value)
            case Kind.MOMENT:
                return datetime.fromisoformat(value)
            case Kind.TIME:
                return time.fromisoformat(value)
            case Kind.UUID:
                return UUID(value)
            case _:
                return value
    except (ValueError, InvalidOperation):
        return None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or (number and abs(number.adjusted()) > MAX_DECIMAL_EXPONENT):
        return None
    return number


def _scalar(value: Any) -> Any:
    """A condition's value as JSON. Raises ValueError for what no condition can compare."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ValueError(f"A value has at most {MAX_TEXT} characters.")
    if isinstance(value, bool | int | float | str):
        canonical_text(value)  # not NaN, no lone surrogates
        return value
    if isinstance(value, Decimal | date | time | UUID):
        return canonical_text(value).strip('"')
    raise ValueError("A value is a number, a text, a truth value, a date or a time.")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _shown(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else f"{value}"
