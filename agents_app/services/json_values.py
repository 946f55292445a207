"""What callers hand over to be stored as JSON."""

import json
from typing import Any

from agents_app.core.canonical import JSON, clean_json
from agents_app.exceptions import InvalidInput


def as_json(value: Any, what: str) -> JSON:
    """The value as JSON gives it back, with characters replaced that cannot be stored. Raises InvalidInput."""
    try:
        plain = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{what} must be JSON: {error}") from error
    return clean_json(plain)[0]
