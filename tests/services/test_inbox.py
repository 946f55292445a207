"""What waits for whom: the selectors for lists say of each request and each person what the one rule says."""

import random
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents_app.core.status import Verdict
from agents_app.exceptions import InvalidInput
from agents_app.gate.approvers import may_decide
from agents_app.models import ApprovalRequest, Decision, Delegation, NamedApprover, ToolCall
from agents_app.models.fields import uuid7
from agents_app.notify import recipients
from agents_app.selectors.inbox import Tab, desk_of, waiting_for
from agents_app.selectors.people import pending_approvals
from agents_app.services import SYSTEM, cancel_run, start_run
from agents_app.services.inbox import desk_for, inbox
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db

DECIDE = "agents_app.decide_approvalrequest"
STAFF = {
    "anna": (DECIDE,),
    "ben": (DECIDE, "auth.view_group"),
    "carl": (DECIDE, "auth.view_group", "auth.change_group"),
    "dora": (DECIDE,),
    "emma": (DECIDE, "auth.change_group"),
    "fred": ("auth.view_group",),
    "gina": (DECIDE, "auth.view_group", "agents_app.view_hidden"),
}


@pytest.fixture
def staff() -> dict[str, Any]:
    """People of all kinds; some delegate to each other."""
    found = office.persons(STAFF)
    finance = Group.objects.create(name="Finance")
    support = Group.objects.create(name="Support")
    for name in ("ben", "dora"):
        found[name].groups.add(finance)
    for name in ("carl", "dora", "fred"):
        found[name].groups.add(support)
    found["gone"] = office.person("gone", DECIDE, "auth.view_group", is_active=False)
    found["root"] = get_user_model().objects.create_superuser("root", password="pw")
    now = timezone.now()
    for giver, receiver in (("ben", "anna"), ("carl", "anna"), ("dora", "emma"), ("gone", "emma"), ("ben", "fred")):
        Delegation.objects.create(
            giver_key=str(found[giver].pk),
            giver_name=giver,
            receiver_key=str(found[receiver].pk),
            receiver_name=receiver,
            begins_at=now - timedelta(days=1),
            ends_at=now + timedelta(days=1),
            made_by_name="root",
            made_at=now,
        )
    return found


def waiting(agents: AgentsKit, number: int, user: Any = None) -> list[ApprovalRequest]:
    """Requests that wait."""
    agents.scripted_llm(Clerk, *[[calls("pay", to="Ada", amount="99")] for _ in range(number)])
    for _ in range(number):
        start_run(Clerk, "x", user=user)
    agents.run_until_idle()
    return list(ApprovalRequest.objects.order_by("pk"))


def shuffled(request: ApprovalRequest, staff: dict[str, Any], dice: random.Random) -> None:
    """Put to somebody, in some state."""
    people = list(staff.values())
    quorum = dice.choice([1, 1, 2])
    fields = {
        "permission": dice.choice(["", "auth.view_group", "auth.change_group", "shop.nobody_has"]),
        "stage_permission": dice.choice(["", "", "auth.view_group", "auth.change_group"]),
        "group": dice.choice(["", "", "Finance", "Support"]),
        "named": dice.random() < 0.3,
        "four_eyes": dice.random() < 0.5,
        "quorum": quorum,
        "approvers": {"quorum": quorum},
        "round": dice.choice([0, 1]),
        "requester_key": str(dice.choice(people).pk),
        "claimed_by_key": dice.choice(["", "", str(dice.choice(people).pk)]),
        "escalated_at": dice.choice([None, timezone.now()]),
        "escalate_to": dice.choice(["", "auth.change_group"]),
        "escalate_to_group": dice.choice(["", "Support"]),
    }
    ApprovalRequest.objects.filter(pk=request.pk).update(**fields)
    for name in dice.sample(sorted(staff), 2):
        key, number = str(staff[name].pk), dice.choice([0, 1])
        NamedApprover.objects.create(request=request, round=number, person_key=key, person_name=name)
    verdicts = [Verdict.EDITED, Verdict.ENDORSED] if quorum > 1 else [Verdict.EDITED]
    for verdict in dice.sample(verdicts, dice.randint(0, len(verdicts))):
        stead = dice.choice(["", str(dice.choice(people).pk)]) if verdict is Verdict.ENDORSED else ""
        Decision.objects.create(
            call=request.call,
            request=request,
            verdict=verdict,
            user=dice.choice(people),
            user_name="x",
            door="code",
            decided_at=timezone.now(),
            round=1 if verdict is Verdict.EDITED else dice.choice([0, 1]),
            on_behalf_of_key=stead,
        )


@pytest.mark.parametrize("seed", range(3))
def test_lists_and_the_one_rule_agree(agents: AgentsKit, staff: dict[str, Any], seed: int) -> None:
    dice = random.Random(seed)
    requests = waiting(agents, 20)
    for request in requests:
        shuffled(request, staff, dice)
    agreed = {True: 0, False: 0}
    told = {row.pk: {user.pk for user in recipients.approvers_of(row)} for row in pending_approvals(SYSTEM)}
    for user in staff.values():
        desk = desk_of(user)
        mine = set(desk.rows(Tab.MINE).values_list("pk", flat=True))
        may_approve = set(pending_approvals(user).filter(desk.approvable()).values_list("pk", flat=True))
        may_reject = set(pending_approvals(user).filter(desk.decidable()).values_list("pk", flat=True))
        for request in ApprovalRequest.objects.order_by("pk"):
            allowed = may_decide(user, request).allowed
            agreed[allowed] += 1
            who = (user.username, request.pk)
            assert (request.pk in may_approve) == allowed, who
            assert (user.pk in told[request.pk]) == allowed, who
            assert (request.pk in may_reject) == may_decide(user, request, Verdict.REJECTED).allowed, who
            assert (request.pk in mine) == (allowed and request.claimed_by_key in ("", str(user.pk))), who
    assert min(agreed.values()) > 15, "the cases must tell something"


def test_mine_my_groups_and_all(agents: AgentsKit, staff: dict[str, Any]) -> None:
    free, claimed, finance, escalated, ended = waiting(agents, 5)
    ApprovalRequest.objects.filter(pk=claimed.pk).update(claimed_by_key=str(staff["ben"].pk))
    ApprovalRequest.objects.filter(pk=finance.pk).update(group="Finance")
    moved = {"group": "Finance", "escalated_at": timezone.now(), "escalate_to_group": "Support"}
    ApprovalRequest.objects.filter(pk=escalated.pk).update(**moved)
    cancel_run(ended.context_id, by=SYSTEM)

    def seen(name: str) -> list[list[Any]]:
        return [[row.pk for row in inbox(staff[name], tab)] for tab in ("mine", "groups", "all")]

    every = [free.pk, claimed.pk, finance.pk, escalated.pk]
    assert seen("ben") == [every, [finance.pk, escalated.pk], every]
    assert seen("carl") == [[free.pk, escalated.pk], [escalated.pk], every], "who claimed it has it"
    assert seen("gina") == [[free.pk], [], every]
    assert seen("dora") == [[], [finance.pk, escalated.pk], every], "the tool's permission is needed, too"
    assert seen("anna") == [[free.pk, finance.pk, escalated.pk], [], every], "by delegation"
    assert seen("fred") == [[], [], []]
    with pytest.raises(InvalidInput, match="mine, groups, all"):
        inbox(staff["ben"], "yours")


def test_due_first(agents: AgentsKit, staff: dict[str, Any]) -> None:
    never, late, soon, older, newer = waiting(agents, 5)
    now = timezone.now()
    for row, hours in ((never, None), (late, 50), (soon, 1), (older, 5), (newer, 5)):
        expires = None if hours is None else now + timedelta(hours=hours)
        ApprovalRequest.objects.filter(pk=row.pk).update(expires_at=expires, created_at=now)
    ApprovalRequest.objects.filter(pk=older.pk).update(created_at=now - timedelta(hours=1))
    assert [row.pk for row in waiting_for(staff["ben"])] == [row.pk for row in (soon, older, newer, late, never)]


def test_nothing_waits_for_no_person(agents: AgentsKit) -> None:
    waiting(agents, 1)
    assert not waiting_for(SYSTEM).exists()
    assert inbox(SYSTEM, Tab.ALL).count() == 1


def test_hidden_runs_wait_for_those_who_see_them(agents: AgentsKit, staff: dict[str, Any]) -> None:
    (request,) = waiting(agents, 1)
    request.context.hidden_at = timezone.now()
    request.context.save()
    assert not waiting_for(staff["ben"]).exists()
    assert waiting_for(staff["gina"]).get() == request
    request = ApprovalRequest.objects.select_related("context").get()
    assert {user.username for user in recipients.approvers_of(request)} == {"gina", "root"}


def test_the_number_of_queries_does_not_grow(agents: AgentsKit, staff: dict[str, Any]) -> None:
    (request, *_) = waiting(agents, 3)
    counts = []
    for turn in range(2):
        request = ApprovalRequest.objects.select_related("call", "context").get(pk=request.pk)
        user = get_user_model().objects.get(username="anna")
        with CaptureQueriesContext(connection) as captured:
            assert len(recipients.approvers_of(request)) >= 5
            assert desk_for(user).rows(Tab.MINE).exists()
        counts.append(len(captured))
        office.persons({f"more-{turn}-{number}": STAFF["ben"] for number in range(20)})
        waiting(agents, 3)
    assert counts[0] == counts[1] <= 18


def many_more(like: ApprovalRequest, number: int) -> None:
    """So many other requests of the same run, each put to a group of its own, every other one escalated to another."""
    now = timezone.now()
    calls_, requests = [], []
    for place in range(number):
        call, request = copy(like.call), copy(like)
        call.id, call.number, call.provider_id = uuid7(), 100 + place, f"more-{place}"
        request.id, request.call, request.group = uuid7(), call, f"Group {place}"
        if place % 2:
            request.escalated_at, request.escalate_to_group = now, f"Board {place}"
        calls_.append(call)
        requests.append(request)
    ToolCall.objects.bulk_create(calls_)
    ApprovalRequest.objects.bulk_create(requests)


@pytest.mark.postgresql_only
def test_what_a_group_has_is_found_by_indexes(agents: AgentsKit, staff: dict[str, Any]) -> None:
    """Of whom requests are put to, and of whom they were escalated to: however much waits for others."""
    (like,) = waiting(agents, 1)
    many_more(like, 400)
    ApprovalRequest.objects.filter(group="Group 7").update(escalate_to_group="Finance")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE agents_app_approvalrequest")
    mine = desk_of(staff["ben"]).rows(Tab.GROUPS)
    plan = mine.select_related(None).order_by().explain()
    assert "agents_approval_escalated" in plan, plan
    assert "agents_approval_put_to" in plan, plan
    assert "Seq Scan on agents_app_approvalrequest" not in plan, plan
    assert [row.group for row in mine] == ["Group 7"]


class OnObjects:
    """A backend that knows permissions on objects alone."""

    def has_perm(self, user: Any, permission: str, obj: Any = None) -> bool:
        return obj is not None and user.username == "anna" and permission == "auth.view_group"


def test_permissions_on_objects_count(agents: AgentsKit, staff: dict[str, Any], settings: Any) -> None:
    Delegation.objects.all().delete()
    (request,) = waiting(agents, 1)
    group = Group.objects.get(name="Finance")
    agents.scripted_llm(Clerk, calls("pay", to="Ada", amount="99"))
    start_run(Clerk, "x", subject=group)
    agents.run_until_idle()
    about = ApprovalRequest.objects.exclude(pk=request.pk).get()
    assert not desk_for(staff["anna"]).rows(Tab.MINE).exists()
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, f"{__name__}.OnObjects"]
    anna = get_user_model().objects.get(username="anna")
    assert desk_for(anna).rows(Tab.MINE).get() == about
    assert "anna" in {user.username for user in recipients.approvers_of(about)}
    assert "anna" not in {user.username for user in recipients.approvers_of(request)}
