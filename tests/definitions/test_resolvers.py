"""Functions that name who may decide."""

from collections.abc import Mapping
from typing import Any

import pytest

from agents_app import ToolContext, approver_resolver
from agents_app.definitions.resolvers import resolvers

pytestmark = pytest.mark.once


def owner(context: ToolContext, arguments: Mapping[str, Any]) -> list[Any]:
    return [context.user]


def other(context: ToolContext, arguments: Mapping[str, Any]) -> list[Any]:
    return []


def test_they_are_known_by_name() -> None:
    with resolvers.override():
        assert approver_resolver("order_owner")(owner) is owner
        assert resolvers.get("order_owner") is owner
        assert approver_resolver("order_owner")(owner) is owner, "a module that is loaded anew"
        with pytest.raises(ValueError, match="Two approver resolvers"):
            approver_resolver("order_owner")(other)
        assert resolvers.names() == ["order_owner"]
    assert resolvers.get("order_owner") is None


async def slow(context: ToolContext, arguments: Mapping[str, Any]) -> list[Any]:
    return []


@pytest.mark.parametrize(
    ("name", "function"),
    [("", owner), ("two words", owner), (owner, owner), ("short", list), ("slow", slow)],
    ids=["no name", "two words", "no text", "no arguments", "async"],
)
def test_what_cannot_work_is_refused(name: Any, function: Any) -> None:
    with resolvers.override(), pytest.raises(ValueError, match="@approver_resolver"):
        approver_resolver(name)(function)
