"""Errors of arguments and answers in the one shape that the LLM, the doors and people read."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from agents_app.exceptions import InvalidArguments


def invalid_arguments(path: Sequence[str | int], message: str) -> InvalidArguments:
    """One error at one place; an empty path means the whole."""
    return InvalidArguments(_line(path, message), errors=[{"path": list(path), "message": message}])


def invalid_by(error: ValidationError, *, hidden: frozenset[str] = frozenset()) -> InvalidArguments:
    """What pydantic found, without the values themselves. A `hidden` parameter's text is the author's, and withheld."""
    errors: list[dict[str, Any]] = []
    for found in error.errors(include_url=False, include_input=False, include_context=False):
        path = list(found["loc"])
        secret = bool(path) and path[0] in hidden
        errors.append({"path": path, "message": "This value is not valid." if secret else found["msg"]})
    return InvalidArguments("; ".join(_line(item["path"], item["message"]) for item in errors), errors=errors)


def _line(path: Sequence[Any], message: str) -> str:
    return f"{'.'.join(str(part) for part in path)}: {message}" if path else message
