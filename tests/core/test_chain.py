"""One text for one JSON value."""

import json
from typing import Any

import pytest

from agents_app.core.chain import json_text

WHOLE = [1.0, -2.0, 1e16, -0.0]
"""PostgreSQL gives them back as integers."""


@pytest.mark.parametrize("number", WHOLE, ids=str)
@pytest.mark.parametrize("around", ["{}", '{{"a":{}}}', "[{}]", '["x",{}]', '{{"a":"b","c":[1,{}]}}'])
def test_a_whole_number_is_an_integer_wherever_it_stands(number: float, around: str) -> None:
    text = around.format(repr(number))
    assert json_text(json.loads(text)) == json_text(json.loads(around.format(int(number))))


@pytest.mark.parametrize(
    "value", [0.5, [1.25, "2.0"], {"at": "2026-11-21T15:34:30.875773+00:00"}, {"1.0": "a,1.0", "b": '":1.0'}, None, []]
)
def test_everything_else_stays_as_it_is(value: Any) -> None:
    assert json.loads(json_text(value)) == value
