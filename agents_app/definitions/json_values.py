"""JSON values that every database stores."""

import math
from typing import Any

from agents_app.core.canonical import JSON


def finite(value: Any) -> JSON:
    """The same JSON values with NaN and infinities replaced by null, as JSON cannot say them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | str):
        return value
    raise ValueError(f"{type(value).__name__} is not JSON")
