"""Secrets are found wherever they hide."""

from dataclasses import dataclass
from typing import Annotated, Any, Generic, NamedTuple, NewType, TypeVar, Union

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr, WithJsonSchema
from typing_extensions import TypeAliasType, TypedDict

from agents_app import Money, Ref, Sensitive, ToolContext
from agents_app.definitions.annotations import is_context, is_sensitive, markers_of

T = TypeVar("T")


class Inner(BaseModel):
    token: SecretStr
    inner: "Inner | None" = None


class Outer(BaseModel):
    items: dict[str, list[Inner]]


class Box(BaseModel, Generic[T]):
    value: T


class Marked(BaseModel):
    value: Annotated[str, Sensitive()]


@dataclass
class Record:
    pin: SecretStr


class Table(TypedDict):
    pin: Annotated[str, Sensitive]


class Pair(NamedTuple):
    pin: SecretStr


class Own(SecretStr):
    pass


Pin = NewType("Pin", SecretStr)  # type: ignore[valid-newtype]
Alias = TypeAliasType("Alias", list[SecretStr])


class Loop(BaseModel):
    loop: "Loop | None" = None


@pytest.mark.parametrize(
    "annotation",
    [
        SecretStr,
        SecretBytes,
        Own,
        SecretStr | None,
        Union[int, SecretStr],  # noqa: UP007 - the old way to write it
        Annotated[str, Sensitive],
        Annotated[str, Sensitive()],
        Annotated[str, Sensitive] | None,
        Annotated[SecretStr, WithJsonSchema({"type": "string"})],
        list[SecretStr],
        dict[str, tuple[int, SecretStr]],
        Inner,
        list[Outer],
        Box[SecretStr],
        Marked,
        Record,
        Table,
        Pair,
        Pin,
        Alias,
    ],
)
def test_sensitive(annotation: Any) -> None:
    assert is_sensitive(annotation)


@pytest.mark.parametrize("annotation", [str, Any, None, list[int], Box[int], Loop, Annotated[str, Money("EUR")]])
def test_not_sensitive(annotation: Any) -> None:
    assert not is_sensitive(annotation)


def test_markers() -> None:
    assert markers_of(Annotated[str, Ref("shop.Order"), Sensitive]) == (Ref("shop.Order", "pk"), Sensitive())
    assert markers_of(Annotated[int, Money("EUR")] | None) == (Money("EUR"),)
    assert markers_of(int) == ()


def test_the_context_is_known_by_its_type() -> None:
    assert is_context(ToolContext, ToolContext)
    assert is_context(Annotated[ToolContext | None, "x"], ToolContext)
    assert not is_context(str, ToolContext)
    assert not is_context(list[ToolContext], ToolContext)
