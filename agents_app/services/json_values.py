"""What callers hand over to be stored as JSON."""

import json
from typing import Any

from django.utils.translation import gettext

from agents_app.core.canonical import JSON, clean_json
from agents_app.exceptions import InvalidInput

DEPTH_LIMIT = 64
"""Objects and lists within each other. What is nested deeper could be stored, but not be presented again."""


def depth_of(value: Any) -> int:
    """How many objects and lists are within each other, without recursion."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


def as_json(value: Any, what: str) -> JSON:
    """The value as JSON gives it back, with characters replaced that cannot be stored. Raises InvalidInput."""
    try:
        plain = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(gettext("%(what)s must be JSON: %(why)s") % {"what": what, "why": error}) from error
    if depth_of(plain) > DEPTH_LIMIT:
        raise InvalidInput(gettext("%(what)s is nested at most %(most)s deep.") % {"what": what, "most": DEPTH_LIMIT})
    return clean_json(plain)[0]
