"""Allow, ask or deny; every doubt asks."""

from decimal import Decimal
from typing import Any

import pytest

from agents_app import tool_context
from agents_app.definitions.registry import definition_of
from agents_app.gate.policy import Answer, judge, summarise
from tests import office
from tests.office import Clerk

TOOLS = definition_of(Clerk).tools


def ruling(said: Any = ..., amount: str = "10") -> Any:
    if said is not ...:
        office.behaviour["pay.needs_approval"] = said if callable(said) else lambda *_: said
    pay = TOOLS["pay"]
    return judge(pay, tool_context(), pay.validate({"to": "Ada", "amount": Decimal(amount)}))


def test_a_tool_without_a_rule_is_allowed() -> None:
    look = TOOLS["look"]
    assert judge(look, tool_context(), look.validate({"number": "1"})).answer is Answer.ALLOW


def test_a_tool_that_always_asks() -> None:
    order = TOOLS["order"]
    found = judge(order, tool_context(), order.validate({"what": "tea"}))
    assert (found.answer, found.rule) == (Answer.ASK, "requires_approval")


def test_a_rule_allows_by_false_and_gives_its_sentence() -> None:
    assert ruling().answer is Answer.ALLOW
    assert (ruling(amount="51").answer, ruling(amount="51").reason) == (Answer.ASK, "more than 50")


@pytest.mark.parametrize("said", [True, None, 0, "", [], object()])
def test_anything_but_false_asks(said: Any) -> None:
    found = ruling(said)
    assert found.answer is Answer.ASK
    assert found.reason


def test_a_rule_that_breaks_asks(caplog: pytest.LogCaptureFixture) -> None:
    def breaks(*_: Any) -> bool:
        raise KeyError

    found = ruling(breaks)
    assert (found.answer, found.rule) == (Answer.ASK, "needs_approval")
    assert "could not be evaluated" in found.reason
    assert "needs_approval of pay raised" in caplog.text


def test_a_summary_that_breaks_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    pay = TOOLS["pay"]
    arguments = pay.validate({"to": "Ada", "amount": 1})
    assert summarise(pay, tool_context(), arguments) == "Pay 1 to Ada"
    monkeypatch.setattr(type(pay), "summary", lambda *_: 1 / 0)
    assert summarise(pay, tool_context(), arguments) == "pay(…)"
