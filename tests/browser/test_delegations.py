"""Handing a request to a colleague, and deciding in somebody's place: in light and dark, on a screen and on a phone."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from agents_app.models import ApprovalRequest, Delegation, database_now
from agents_app.services import delegate
from tests.admin.conftest import list_of, page_of
from tests.browser.conftest import LOOKS

pytestmark = [
    pytest.mark.long,
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.timeout(400),
]


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_a_request_is_handed_over(run_of: Any, visit: Any, elsewhere: Any, size: str, scheme: str) -> None:
    run_of("refund")
    request = ApprovalRequest.objects.get()
    visitor = visit("approver", size=size, color_scheme=scheme)
    page = visitor.open(page_of(request))
    page.get_by_text("Hand it to a colleague").click()
    page.get_by_label("User name").fill("lead")
    visitor.shoot(f"hand-over-{size}-{scheme}")
    visitor.assert_accessible()
    page.get_by_label("User name").press("Enter")  # what is suggested may lie over the button
    page.get_by_text("It was handed to lead.").wait_for()
    visitor.shoot(f"handed-over-{size}-{scheme}")
    assert elsewhere(lambda: ApprovalRequest.objects.get().claimed_by_name) == "lead"


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_one_delegates_and_revokes(people: Any, visit: Any, elsewhere: Any, size: str, scheme: str) -> None:
    now = database_now()
    delegate(to=people["approver"], by=people["lead"], until=now + timedelta(days=30), reason="A long journey. " * 12)
    visitor = visit("approver", size=size, color_scheme=scheme)
    page = visitor.open(reverse("admin:agents_app_delegation_make"))
    page.get_by_role("button", name="Delegate").click()
    page.get_by_text("This field is required.").first.wait_for()
    page.get_by_label("Who decides instead").fill("lead")
    page.get_by_label("Until").fill((now + timedelta(days=5)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_label("Reason").fill("On holiday.")
    visitor.shoot(f"delegate-{size}-{scheme}")
    visitor.assert_accessible()
    page.get_by_role("button", name="Delegate").click()
    page.get_by_role("link", name="lead decides for you").wait_for()
    visitor.shoot(f"delegations-{size}-{scheme}")
    visitor.assert_accessible()
    page.get_by_role("link", name="lead decides for you").click()
    page.get_by_role("button", name="Revoke").wait_for()
    visitor.shoot(f"delegation-{size}-{scheme}")
    visitor.assert_accessible()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_text("It has ended.").wait_for()
    assert elsewhere(lambda: Delegation.objects.active().get().giver_name) == "lead"
    page = visitor.open(list_of("delegation"))
    page.get_by_text("You decide for lead").wait_for()
