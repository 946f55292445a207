"""Moments as callers give them: what a database could not take is refused by its field's name, at each door."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, get_args

import pytest
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError

from agents_app.api.bodies import Body
from agents_app.core.moments import GivenMoment
from agents_app.ws.frames import CommandFrame
from agents_app.ws.keeping_frames import PolicyValues

WRONG = [
    "2030-01-01T00:00:00+16:00",
    "2030-01-01T00:00:00-23:59",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-10:00",
    "2030-01-01T00:00:00",
]
RIGHT = ["2030-01-01T00:00:00Z", "2030-01-01T00:00:00+15:59", "2030-01-01T00:00:00-12:00"]


def kinds_of(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds_of(kind)


def says_moments(annotation: Any) -> bool:
    return annotation in (datetime, AwareDatetime) or any(says_moments(each) for each in get_args(annotation))


FIELDS = [
    (kind, name)
    for kind in (*kinds_of(Body), *kinds_of(CommandFrame), PolicyValues)
    for name, field in kind.model_fields.items()
    if says_moments(field.annotation)
]


def test_fields_are_found() -> None:
    assert len(FIELDS) >= 12


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=[f"{kind.__name__}.{name}" for kind, name in FIELDS])
def test_every_moment_of_a_body_and_of_a_frame_can_be_stored(kind: type[BaseModel], name: str) -> None:
    field = kind.model_fields[name]
    says = TypeAdapter(Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation)
    for text in WRONG:
        with pytest.raises(ValidationError):
            says.validate_python(text)
    for text in RIGHT:
        assert isinstance(says.validate_python(text), datetime)


def test_it_says_what_is_wrong() -> None:
    with pytest.raises(ValidationError, match="offset from UTC is less than 16 hours"):
        TypeAdapter(GivenMoment).validate_python(WRONG[0])
