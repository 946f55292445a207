"""The desk in a real browser: the request page of deceptive text, the difference before it is made, double clicks."""

from typing import Any

import pytest

from agents_app.models import Decision
from agents_app.testing import calls, turn
from tests.admin.conftest import page_of, request_of
from tests.admin.till import PLANS

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.timeout(240)]

LIST = "/admin/agents_app/approvalrequest/"
TRICK = "fri\u0435nds\u202e evil\u200b"
SPELLED = "Pay 120,00 EUR back to Friends!"


@pytest.fixture
def refund(monkeypatch: pytest.MonkeyPatch, run_of: Any) -> Any:
    """A run that was asked for in words, has looked something up, and waits; for this group."""

    def start(group: str = "friends") -> Any:
        look = turn("I look the order up first.", [calls("look", what="The order of friends over 120.00 EUR")])
        ask = turn("The order is there: I pay it back.", [calls("refund", group=group, amount="120")])
        monkeypatch.setitem(PLANS, SPELLED, [look, ask, "Refunded."])
        return run_of(SPELLED)

    return start


@pytest.mark.parametrize(("size", "theme"), [("wide", "light"), ("phone", "dark")])
def test_the_request_page_tells_what_to_know(
    refund: Any, visit: Any, till: Any, people: Any, size: str, theme: str
) -> None:
    for _ in range(2):
        till.reject_pending(refund(), by=people["approver"], reason="He has asked twice.")
    honest, trick = request_of(refund()), request_of(refund(TRICK))
    visitor = visit("approver", size=size, color_scheme=theme)
    page = visitor.open(page_of(honest))
    page.get_by_text("from the result of look").first.click()
    assert page.get_by_text("He has asked twice.").first.is_visible()
    visitor.shoot(f"desk-request-{size}-{theme}")
    visitor.assert_accessible()
    page = visitor.open(page_of(trick))
    assert page.get_by_text("Look twice.").first.is_visible()
    visitor.shoot(f"desk-trick-{size}-{theme}")
    visitor.assert_accessible()


def test_the_difference_is_shown_before_the_edit_is_made_and_a_double_click_makes_it_once(
    refund: Any, visit: Any, elsewhere: Any
) -> None:
    request = request_of(refund())
    visitor = visit("approver")
    page = visitor.open(page_of(request))
    page.get_by_label("Amount").fill("100")
    page.get_by_role("button", name="Approve with changes").click()
    page.get_by_text("Is this what you mean?").wait_for()
    visitor.shoot("desk-confirm")
    visitor.assert_accessible()
    assert elsewhere(Decision.objects.count) == 0
    page.get_by_role("button", name="Approve with these changes").first.dblclick()
    page.wait_for_url("**/agentcontext/**")
    assert elsewhere(Decision.objects.count) == 1
