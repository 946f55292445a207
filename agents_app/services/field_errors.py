"""What is wrong with the fields of a body or a command, as the doors tell it: where, and in the reader's language."""

from typing import Any

from pydantic import ValidationError

from agents_app.definitions.validation import message_of


def field_errors(error: ValidationError) -> list[dict[str, Any]]:
    """Each with its `path` and `message`; never with the value."""
    found = error.errors(include_url=False, include_input=False)
    return [{"path": list(each["loc"]), "message": message_of(each)} for each in found]
