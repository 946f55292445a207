"""A page of the inbox, with many requests that wait and more that are decided, beside a bare query and rendering.

Arguments: how many wait, and how many are decided.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents_app.models import AgentContext, ApprovalRequest, Decision
from agents_app.services import reject, start_run
from benchmarks.cases.setup import number, told
from benchmarks.cases.stored import TIMES, copy
from benchmarks.clerk.agents import INPUT, GatedClerk

GROUPS = 20
TABS = ("mine", "groups", "all")
BARE = "SELECT * FROM agents_app_approvalrequest WHERE status = 'pending' ORDER BY expires_at, created_at, id LIMIT 50"
SPREAD = """
UPDATE agents_app_approvalrequest SET
    "group" = CASE WHEN random() < 0.5 THEN '' ELSE 'group-' || floor(random() * %s)::int END,
    expires_at = CASE WHEN random() < 0.1 THEN NULL ELSE now() + random() * interval '7 days' END,
    created_at = now() - random() * interval '3 days',
    requester_key = floor(random() * 100)::text
"""


def main(pending: int, decided: int) -> None:
    """Print for each part of the inbox the seconds of a page, those of the floor, and the queries."""
    people = {"approver": person("approver", "group-1", "group-2"), "stranger": person("stranger", permission=False)}
    one = AgentContext.objects.get(pk=start_run(GatedClerk, INPUT).id)
    decide_one(people["approver"], decided)
    few = {tab: queries(people["approver"], tab) for tab in TABS}
    request = ApprovalRequest.objects.select_related("call__proposed_by", "context__details").get(context=one)
    run = request.context
    copy([run, run.details, request.call.proposed_by, request.call, request], pending - 1)
    with connection.cursor() as cursor:
        cursor.execute(SPREAD, [GROUPS])
        cursor.execute("VACUUM ANALYZE")
    figures: dict[str, Any] = {}
    for who, tab in [*(("approver", tab) for tab in TABS), ("stranger", "mine")]:
        assert queries(people[who], tab) <= max(few.values()), "the number of queries grows with the rows"
        figures[f"{tab}, {who}"] = {**page(people[who], tab), "queries": queries(people[who], tab)}
    counts = {status: ApprovalRequest.objects.filter(status=status).count() for status in ("pending", "rejected")}
    assert counts == {"pending": pending, "rejected": decided}
    told(pages=figures)


def person(name: str, *groups: str, permission: bool = True) -> Any:
    """Somebody of the staff who decides for these groups; without the permission on tools nothing is theirs."""
    user = get_user_model().objects.create_user(name, is_staff=True)
    names = ["decide_approvalrequest", "view_approvalrequest", "view_agentcontext"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names if permission else names[1:]))
    user.groups.set(Group.objects.get_or_create(name=group)[0] for group in groups)
    return user


def decide_one(by: Any, times: int) -> None:
    """A rejected request, so many times."""
    run_id = start_run(GatedClerk, INPUT).id
    reject(ApprovalRequest.objects.get(context_id=run_id).pk, by=by, reason="no")
    request, decision = ApprovalRequest.objects.get(context_id=run_id), Decision.objects.get(call__context_id=run_id)
    copy([request, decision], times - 1)


def page(user: Any, tab: str) -> dict[str, float]:
    """Seconds of a page of this part of the inbox, of rendering it alone, and of a bare query for as many rows."""
    get = getter(user, tab)
    response = get()
    with connection.cursor() as cursor:

        def bare() -> None:
            cursor.execute(BARE)
            cursor.fetchall()

        acts = {"seconds": get, "rendering": lambda: response.rendered_content, "bare": bare}
        taken: dict[str, list[float]] = {name: [] for name in acts}
        for _ in range(TIMES):  # in turn, so that what else the machine does weighs on all
            for name, act in acts.items():
                begun = time.perf_counter()
                act()
                taken[name].append(time.perf_counter() - begun)
        return {name: statistics.median(seconds) for name, seconds in taken.items()}


def getter(user: Any, tab: str) -> Callable[[], Any]:
    """Gets the page, as a browser does."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    address = f"{reverse('admin:agents_app_approvalrequest_changelist')}?tab={tab}"

    def get() -> Any:
        response = client.get(address)
        assert response.status_code == 200, response.content
        return response

    return get


def queries(user: Any, tab: str) -> int:
    """How many queries a page takes."""
    get = getter(user, tab)
    get()
    with CaptureQueriesContext(connection) as found:
        get()
    return len(found)


if __name__ == "__main__":
    main(number(1, 1000), number(2, 10_000))
