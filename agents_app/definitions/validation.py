"""Errors of arguments and answers in the one shape that the LLM, the doors and people read."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext
from pydantic import ValidationError

from agents_app.exceptions import InvalidArguments


def gettext_noop(text: str) -> str:
    """Marks a text that is translated. Django's own asks for settings, which may be what imports this."""
    return text


MESSAGES = {
    "missing": gettext_noop("Field required"),
    "extra_forbidden": gettext_noop("Extra inputs are not permitted"),
    "none_required": gettext_noop("Input should be null"),
    "string_type": gettext_noop("Input should be a valid string"),
    "string_too_short": gettext_noop("Too few characters; the least is %(min_length)s"),
    "string_too_long": gettext_noop("Too many characters; the most is %(max_length)s"),
    "string_pattern_mismatch": gettext_noop("String should match pattern '%(pattern)s'"),
    "int_type": gettext_noop("Input should be a valid integer"),
    "int_parsing": gettext_noop("Input should be a valid integer"),
    "int_from_float": gettext_noop("Input should be a valid integer, got a number with a fractional part"),
    "float_type": gettext_noop("Input should be a valid number"),
    "float_parsing": gettext_noop("Input should be a valid number"),
    "finite_number": gettext_noop("Input should be a finite number"),
    "decimal_type": gettext_noop("Input should be a valid decimal"),
    "decimal_parsing": gettext_noop("Input should be a valid decimal"),
    "decimal_max_places": gettext_noop("Decimal input should have no more than %(decimal_places)s decimal places"),
    "decimal_max_digits": gettext_noop("Decimal input should have no more than %(max_digits)s digits in total"),
    "decimal_whole_digits": gettext_noop(
        "Decimal input should have no more than %(whole_digits)s digits before the decimal point"
    ),
    "bool_type": gettext_noop("Input should be a valid boolean"),
    "bool_parsing": gettext_noop("Input should be a valid boolean"),
    "date_type": gettext_noop("Input should be a valid date"),
    "date_from_datetime_parsing": gettext_noop("Input should be a valid date"),
    "date_from_datetime_inexact": gettext_noop("Input should be a date without a time"),
    "datetime_type": gettext_noop("Input should be a valid date and time"),
    "datetime_from_date_parsing": gettext_noop("Input should be a valid date and time"),
    "uuid_type": gettext_noop("Input should be a valid UUID"),
    "uuid_parsing": gettext_noop("Input should be a valid UUID"),
    "dict_type": gettext_noop("Input should be an object"),
    "list_type": gettext_noop("Input should be a valid list"),
    "too_short": gettext_noop("Too few; the least is %(min_length)s"),
    "too_long": gettext_noop("Too many; the most is %(max_length)s"),
    "greater_than": gettext_noop("Input should be greater than %(gt)s"),
    "greater_than_equal": gettext_noop("Input should be greater than or equal to %(ge)s"),
    "less_than": gettext_noop("Input should be less than %(lt)s"),
    "less_than_equal": gettext_noop("Input should be less than or equal to %(le)s"),
    "multiple_of": gettext_noop("Input should be a multiple of %(multiple_of)s"),
    "enum": gettext_noop("Input should be %(expected)s"),
    "literal_error": gettext_noop("Input should be %(expected)s"),
}
"""By pydantic's type of the error. What it says of rarer ones stays as it says it."""


def invalid_arguments(path: Sequence[str | int], message: str) -> InvalidArguments:
    """One error at one place; an empty path means the whole."""
    return InvalidArguments(at_place(path, message), errors=[{"path": list(path), "message": message}])


def invalid_by(error: ValidationError, *, hidden: frozenset[str] = frozenset()) -> InvalidArguments:
    """What pydantic found, without the values themselves. A `hidden` parameter's text is the author's, and withheld."""
    errors: list[dict[str, Any]] = []
    for found in error.errors(include_url=False, include_input=False):
        path = list(found["loc"])
        secret = bool(path) and path[0] in hidden
        errors.append({"path": path, "message": gettext("This value is not valid.") if secret else message_of(found)})
    return InvalidArguments("; ".join(at_place(item["path"], item["message"]) for item in errors), errors=errors)


def field_errors(error: ValidationError) -> list[dict[str, Any]]:
    """What is wrong where, in the reader's language: each with its `path` and `message`; never with the value."""
    found = error.errors(include_url=False, include_input=False)
    return [{"path": list(each["loc"]), "message": message_of(each)} for each in found]


def message_of(found: Mapping[str, Any]) -> str:
    """What one of pydantic's errors says, in the reader's language."""
    text = MESSAGES.get(found["type"])
    return gettext(text) % found.get("ctx", {}) if text else str(found["msg"])


def at_place(path: Sequence[Any], message: str) -> str:
    """`address.street: Field required`; of the whole the message alone."""
    place = ".".join(str(part) for part in path)
    return f"{place}: {message}" if place else message
