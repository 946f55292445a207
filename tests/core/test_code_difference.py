"""What differs between two forms of an agent's code."""

from typing import Any

from agents_app.core.code_difference import Difference, differences


def facts(**changes: Any) -> dict[str, Any]:
    tool = {"description": "Pay.", "schema": "a", "timeout": 5.0}
    given: dict[str, Any] = {"v": 1, "name": "payer", "version": "1", "instructions": "Pay.", "tools": {"pay": tool}}
    return {**given, "parameters": {"pay": {"properties": {"cents": {"type": "integer"}}}}, **changes}


def test_the_same_differs_in_nothing() -> None:
    assert differences(facts(), facts(version="2", name="cashier")) == ()


def test_options_and_tools() -> None:
    after = facts(
        instructions="Pay politely.",
        tools={"pay": {"description": "Pay.", "schema": "b", "timeout": 9.0}, "look": {"description": "Look."}},
        parameters={"pay": {"properties": {"amount": {"type": "string"}}}},
    )
    assert differences(facts(), after) == (
        Difference(what="instructions", before="Pay.", after="Pay politely."),
        Difference(what="tools.pay.timeout", before=5.0, after=9.0),
        Difference(what="tools.pay.parameters.cents", before={"type": "integer"}, after=None),
        Difference(what="tools.pay.parameters.amount", before=None, after={"type": "string"}),
        Difference(what="tools.look", before=None, after="Look."),
    )


def test_a_tool_that_is_gone_and_an_effect_that_changed() -> None:
    assert differences(facts(), facts(tools={})) == (Difference(what="tools.pay", before="Pay.", after=None),)
    effect = facts(tools={"pay": {"description": "Pay.", "schema": "b", "timeout": 5.0}})
    assert differences(facts(), effect) == (Difference(what="tools.pay.schema", before="a", after="b"),)


def test_an_option_that_only_one_of_them_has() -> None:
    found = differences(facts(), facts(fallback_llms=["b"]))
    assert found == (Difference(what="fallback_llms", before=None, after=["b"]),)
