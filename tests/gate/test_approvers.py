"""May this person decide."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser

from agents_app.gate.approvers import may_decide
from agents_app.models import ApprovalRequest, ToolCall
from agents_app.services import SYSTEM
from tests import office

pytestmark = pytest.mark.django_db


def request(permission: str = "auth.view_group") -> ApprovalRequest:
    return ApprovalRequest(permission=permission, call=ToolCall(tool="pay"))


def test_both_permissions_are_needed_and_the_missing_one_is_named() -> None:
    assert may_decide(office.decider(), request()).allowed
    first, second = office.DECIDES
    for had, missing in ((first, second), (second, first)):
        found = may_decide(office.person(f"has-{had}", had), request())
        assert (found.allowed, found.rule) == (False, missing)
        assert missing in found.reason
    assert may_decide(office.person("plain", first), request("")).allowed


def test_superusers_pass_and_lose_it_with_their_activity() -> None:
    root = get_user_model().objects.create_superuser("root", "r@example.com", "pw")
    assert may_decide(root, request()).allowed
    root.is_active = False
    assert may_decide(root, request()).rule == "active"


@pytest.mark.parametrize("user", [None, AnonymousUser(), SYSTEM])
def test_nobody_and_no_person(user: object) -> None:
    assert not may_decide(user, request()).allowed
