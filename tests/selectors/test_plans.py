"""What is asked often is read by index, however many runs rest: the plans of PostgreSQL for tables that have grown."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents_app.live import inbox
from agents_app.models import (
    AgentContext,
    AgentEvent,
    AgentStep,
    ApprovalRequest,
    Decision,
    RunDetails,
    ToolCall,
    database_now,
)
from agents_app.runtime import recovery
from agents_app.selectors import runs
from agents_app.services import archiving, delegate
from agents_app.transitions import claims
from tests import office
from tests.admin.conftest import list_of

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql_only]

RUNS = 20_000
GROWING = [
    model._meta.db_table for model in (AgentContext, RunDetails, AgentEvent, AgentStep, ToolCall, ApprovalRequest)
]

FILL = """
INSERT INTO agents_app_agentcontext (id, agent, status, status_at, version, due_at, claim_number,
    claims_without_progress,
    max_steps, steps_used, last_step, last_call, hints, user_id)
SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'clerk',
    CASE WHEN n %% 50 = 0 THEN 'waiting_for_approval' ELSE 'completed' END,
    now() - interval '1 day' * (n %% 300), 3,
    CASE WHEN n %% 5000 = 0 THEN now() - interval '1 s' END, 1, 0, 20, 1, 1, 1, 0, %(user)s
FROM generate_series(1, %(runs)s) n;
INSERT INTO agents_app_rundetails (context_id, input, metadata, agent_version, definition_hash,
    schema_version, user_name,
    started_by_name, subject_id, created_at, error_code, error, held_by, held_why, cancelled_by,
    cancelled_why)
SELECT id, 'x', '{}', '1', 'h', 1, '', '', '', now(), '', '', '', '', '', '' FROM agents_app_agentcontext;
INSERT INTO agents_app_agentevent (context_id, sequence, type, at, data)
SELECT id, s, 'step.started', now(), '{}' FROM agents_app_agentcontext, generate_series(1, 3) s;
INSERT INTO agents_app_agentstep (id, context_id, number, kind, status, status_at, attempt, started_at,
    answered, llm,
    input_tokens, output_tokens, error_code, error)
SELECT id, id, 1, 'think', 'completed', now(), 1, now(), false, '', 0, 0, '', '' FROM agents_app_agentcontext;
INSERT INTO agents_app_toolcall (id, context_id, number, proposed_by_id, provider_id, tool, effect,
    schema_hash, arguments,
    sealed, proposed_arguments, arguments_hash, digest, edited, idempotency_key, status, status_at,
    proposed_at, settled_at,
    attempt, failures, in_doubt, postponements, reconcile, retries, note, error_code, error)
SELECT id, id, 1, id, 'c', 'send', 'external', '', '{}', '', '', '', '', false, '',
    CASE WHEN status = 'completed' THEN 'succeeded' ELSE 'awaiting_approval' END, now(),
    now() - interval '1 s' * (('x' || right(id::text, 6))::bit(24)::int),
    CASE WHEN status = 'completed' THEN now() END, 1, 0, false, 0, false, 0, '', '',
    '' FROM agents_app_agentcontext;
INSERT INTO agents_app_approvalrequest (id, context_id, call_id, status, status_at, created_at, reason,
    rule, summary, digest,
    permission)
SELECT id, context_id, id, CASE WHEN status = 'succeeded' THEN 'rejected' ELSE 'pending' END, now(),
    now(), '', '', '', '', ''
FROM agents_app_toolcall;
"""


@pytest.fixture
def grown() -> Any:
    """Many runs of one superuser; gives the client."""
    user = get_user_model().objects.create_superuser("root", password="pw")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL random_page_cost = 1.1")  # of disks without arms, and what lies in memory
        cursor.execute(FILL, {"user": user.pk, "runs": RUNS})
        for table in GROWING:
            cursor.execute(f"ANALYZE {table}")
    client = Client()
    client.force_login(user)
    return client


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def table_scans(work: Callable[[], Any], growing: Sequence[str] = GROWING) -> list[str]:
    """The statements of this work that read a whole growing table, or sort one, each with the table."""
    with CaptureQueriesContext(connection) as captured:
        work()
    statements = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    assert statements, "nothing was asked"
    found = []
    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (FORMAT JSON) " + statement.replace("%", "%%"))
            (answer,) = cursor.fetchone()
        plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
        for node in nodes(plan):
            whole = node["Node Type"] == "Seq Scan" and node["Relation Name"] in growing
            if whole or (node["Node Type"] == "Sort" and node["Plan Rows"] > RUNS / 4):
                found.append(f"{node['Node Type']} {node.get('Relation Name')}: {statement}")
    return found


def test_the_plan_of_a_bad_query_is_recognised(grown: Client) -> None:
    assert table_scans(lambda: AgentContext.objects.filter(max_steps=3).count())
    assert table_scans(lambda: list(AgentContext.objects.order_by("status_at", "agent")))


def test_what_workers_ask_is_read_by_index(grown: Client) -> None:
    some: list[UUID] = list(AgentContext.objects.values_list("pk", flat=True)[100:120])
    asked: dict[str, Callable[[], Any]] = {
        "due": lambda: claims.due_run_ids(20),
        "due soon": lambda: claims.due_within(5),
        "oldest due": runs.oldest_due,
        "how many are due": lambda: runs.at_most(AgentContext.objects.claimable(), runs.MOST_COUNTED),
        "stale leases": claims.stale_leases,
        "claim": lambda: claims.claim(some[0]),
        "sweep": lambda: recovery.sweep(dry_run=True),
        "wake": recovery.wake,
        "events after a number": lambda: runs.events_after(some[0], 1),
        "versions": lambda: runs.versions_of(some),
        "inbox": inbox.waiting,
        "what may be archived": lambda: archiving.archive_runs(days=200, limit=10, dry_run=True),
    }
    assert {name: found for name, work in asked.items() if (found := table_scans(work))} == {}


def test_pages_are_read_by_index_and_count_nothing(grown: Client) -> None:
    run = AgentContext.objects.order_by("pk")[RUNS // 2]
    following = grown.get("/api/runs/").json()["next"]
    addresses = [
        "/api/runs/",
        following,
        f"/api/runs/{run.pk}/",
        f"/api/runs/{run.pk}/steps/",
        f"/api/runs/{run.pk}/tool-calls/",
        f"/api/runs/{run.pk}/events/?after=1",
        "/api/approvals/?status=pending",
        "/api/approvals/",
        "/api/tool-calls/?status=unknown",
        "/api/input-requests/?status=pending",
        *(list_of(name) for name in ("agentcontext", "approvalrequest", "toolcall", "agentevent")),
        list_of("agentcontext") + "?p=3",
        *(list_of("approvalrequest") + query for query in ("?tab=all&p=9", "?tab=mine", "?tab=groups")),
        list_of("agentcontext") + f"?q={run.pk}",
        list_of("agentevent") + f"?context__id__exact={run.pk}",
    ]
    wrong: dict[str, Any] = {}
    for address in addresses:
        with CaptureQueriesContext(connection) as captured:
            found = table_scans(lambda address=address: wrong_status(grown, address))
        counting = [query["sql"] for query in captured if counts_all(query["sql"])]
        if found or counting:
            wrong[address] = [*found, *counting]
    assert wrong == {}


def counts_all(sql: str) -> bool:
    """Whether it counts rows without an end: a count of the first so many takes no longer as a table grows."""
    return "COUNT(" in sql.upper() and not re.search(r"LIMIT \d+\) subquery$", sql)


SPREAD = """
UPDATE agents_app_approvalrequest SET permission = 'auth.view_group', "group" = 'group-' || (random() * 40)::int,
    expires_at = now() + random() * interval '7 days', requester_key = (random() * 100)::int::text;
INSERT INTO agents_app_decision (id, call_id, request_id, verdict, user_name, door, reason, digest_shown, digest,
    arguments, arguments_before, decided_at)
SELECT id, call_id, id, 'rejected', 'ann', 'rest', 'no', '', '', '', '', now() FROM agents_app_approvalrequest
WHERE status = 'rejected'
"""


@pytest.mark.parametrize("tab", ["mine", "groups", "all"])
def test_the_inbox_of_an_approver_is_read_by_index(grown: Client, tab: str) -> None:
    """Of two groups, with a colleague's delegation, among many who decide for other groups."""
    names = ("agents_app.decide_approvalrequest", "auth.view_group")
    people = office.persons({"ann": names, "ben": names}, is_staff=True)
    for person, group in (("ann", "group-1"), ("ann", "group-2"), ("ben", "group-3")):
        people[person].groups.add(Group.objects.get_or_create(name=group)[0])
    delegate(to=people["ann"], by=people["ben"], until=database_now() + timedelta(days=1))
    tables = [ApprovalRequest._meta.db_table, Decision._meta.db_table]
    with connection.cursor() as cursor:
        cursor.execute(SPREAD)
        for table in tables:
            cursor.execute(f"ANALYZE {table}")
    client = Client()
    client.force_login(people["ann"])
    address = f"{list_of('approvalrequest')}?tab={tab}"
    assert table_scans(lambda: wrong_status(client, address), [*GROWING, *tables]) == []


def wrong_status(client: Client, address: str) -> None:
    assert client.get(address).status_code == 200, address
