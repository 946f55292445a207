"""What is wrong with fields is told in the reader's language, as far as pydantic's words for it are known."""

from datetime import timedelta
from typing import Annotated, Any, Literal

import pytest
from django.utils.translation import override
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents_app.definitions.validation import MESSAGES, field_errors


class Body(BaseModel):
    """A field for each kind of error."""

    model_config = ConfigDict(extra="forbid", strict=True)
    text: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    count: Annotated[int, Field(ge=1, le=5)] = 1
    more: Annotated[int, Field(gt=1)] = 2
    flag: bool = True
    many: Annotated[list[int], Field(max_length=1)] = []
    object: dict[str, int] = {}
    one: Literal["a", "b"] = "a"


def said(**fields: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Body(**fields)
    return [each["message"] for each in field_errors(caught.value)]


@pytest.mark.parametrize(
    ("fields", "english", "german"),
    [
        ({"text": 1}, "Input should be a valid string", "Erwartet wird ein Text"),
        ({"text": "a"}, "Too few characters; the least is 2", "Zu wenige Zeichen; mindestens 2"),
        ({"text": "abcd"}, "Too many characters; the most is 3", "Zu viele Zeichen; höchstens 3"),
        ({"count": "1"}, "Input should be a valid integer", "Erwartet wird eine ganze Zahl"),
        ({"count": 0}, "Input should be greater than or equal to 1", "Erwartet wird mindestens 1"),
        ({"count": 6}, "Input should be less than or equal to 5", "Erwartet wird höchstens 5"),
        ({"more": 1}, "Input should be greater than 1", "Erwartet wird mehr als 1"),
        ({"flag": "x"}, "Input should be a valid boolean", "Erwartet wird true oder false"),
        ({"many": 1}, "Input should be a valid list", "Erwartet wird eine Liste"),
        ({"many": [1, 2]}, "Too many; the most is 1", "Zu viele; höchstens 1"),
        ({"object": 1}, "Input should be an object", "Erwartet wird ein Objekt"),
        ({"one": "c"}, "Input should be 'a' or 'b'", "Erwartet wird 'a' or 'b'"),
        ({"frob": 1}, "Extra inputs are not permitted", "Dieses Feld gibt es nicht"),
    ],
)
def test_in_both_languages(fields: dict[str, Any], english: str, german: str) -> None:
    assert said(**fields) == [english]
    with override("de"):
        assert said(**fields) == [german]


def test_what_is_not_known_is_said_as_pydantic_says_it() -> None:
    class Rare(BaseModel):
        ends: timedelta

    with override("de"), pytest.raises(ValidationError) as caught:
        Rare(ends="soon")  # type: ignore[arg-type]
    (found,) = field_errors(caught.value)
    assert found["path"] == ["ends"]
    assert found["message"].startswith("Input should be a valid timedelta")
    assert "time_delta_parsing" not in MESSAGES
