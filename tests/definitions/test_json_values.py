"""JSON values that every database stores."""

import math
from typing import Any

import pytest

from agents_app.definitions.json_values import finite


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (1.5, 1.5),
        (math.nan, None),
        (-math.inf, None),
        ((1, [math.nan]), [1, [None]]),
        ({1: math.inf, "b": True}, {"1": None, "b": True}),
        (None, None),
    ],
)
def test_what_json_cannot_say_is_null(value: Any, stored: Any) -> None:
    assert finite(value) == stored


def test_objects_are_no_json() -> None:
    with pytest.raises(ValueError, match="object"):
        finite(object())
