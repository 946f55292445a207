"""May this person decide."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app import override_llm
from agents_app.gate.approvers import Decider, Permission, may_decide
from agents_app.models import ApprovalRequest, NamedApprover, ToolCall, database_now
from agents_app.selectors.people import rows_to_judge, visible_approvals
from agents_app.services import SYSTEM, delegate, start_run
from agents_app.testing import calls, run_until_idle, script
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


def test_the_statements_do_not_grow_with_the_requests() -> None:
    """For somebody in a group, with delegations, and for requests of all kinds: stages, quorum, named people, edits."""
    with office.open_office():
        found = []
        for number in range(6):
            with override_llm(office.Clerk, script(calls("order", what=str(number)), "Done.")):
                run = start_run(office.Clerk, "go")
                run_until_idle()
            found.append(office.request_of(run))
    kinds: tuple[dict[str, Any], ...] = (
        {"group": "Finance", "approvers": {"group": "Finance"}},
        {"approvers": {"quorum": 2}, "quorum": 2},
        {"named": True, "approvers": {"resolver": "owner"}},
        {"four_eyes": True, "round": 1},
        {"permission": "auth.view_group"},
        {"escalated_at": database_now(), "escalate_to_group": "Finance", "group": "O", "approvers": {"group": "O"}},
    )
    ann, ben = office.decider("ann"), office.decider("ben")
    sam = office.person("sam", "agents_app.decide_approvalrequest")
    ann.groups.add(Group.objects.create(name="Finance"))
    for giver in (ann, ben):
        delegate(to=sam, by=giver, until=database_now() + timedelta(days=1))

    def statements(rows: int) -> tuple[int, list[bool]]:
        shown = rows_to_judge(visible_approvals(SYSTEM)).order_by("pk")[:rows]
        person = Decider(get_user_model().objects.get(pk=sam.pk))
        with CaptureQueriesContext(connection) as captured:
            allowed = [person.may_decide(row).allowed for row in shown]
        return len(captured), allowed

    for request, kind in zip(found, kinds, strict=True):
        ApprovalRequest.objects.filter(pk=request.pk).update(**kind)
        NamedApprover.objects.create(request=request, stage=0, round=0, person_key=str(ben.pk), person_name="ben")
    once, _ = statements(6)
    copies = [office.request_of(start_another(number)) for number in range(12)]
    for copy, kind in zip(copies, kinds * 2, strict=True):
        ApprovalRequest.objects.filter(pk=copy.pk).update(**kind)
    thrice, allowed = statements(18)
    assert len(allowed) == 18
    assert allowed[:6] == [True, True, True, True, True, False]
    assert once == thrice <= 14


def start_another(number: int) -> Any:
    with office.open_office(), override_llm(office.Clerk, script(calls("order", what=f"more {number}"), "Done.")):
        run = start_run(office.Clerk, "go")
        run_until_idle()
    return run


def test_one_decider_judges_as_the_rule_does() -> None:
    person = office.decider()
    judged, fresh = Decider(person).may_decide(request()), may_decide(person, request())
    assert judged == fresh == Permission(allowed=True)
