"""Who may do what: for every operation, what each person is answered."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model

from agents_app.models import (
    AgentContext,
    ApprovalRequest,
    Delegation,
    InputRequest,
    Notification,
    ToolCall,
    database_now,
)
from agents_app.services import claim_request, delegate
from tests import office
from tests.models import rows

PEOPLE = ("", "customer", "stranger", "viewer", "approver", "admin")
CONTROL = (401, 403, 404, 403, 200, 200)
ADMIN = (401, 403, 403, 403, 403, 200)
UNSEEN = (401, 404, 404, 404, 404, 200)
OWN = (401, 200, 404, 404, 404, 200)

# method, path, plan of the run, body, and the statuses in the order of PEOPLE
MATRIX: dict[str, tuple[str, str, str, dict[str, Any] | None, tuple[int, ...]]] = {
    "agents_list": ("get", "agents/", "", None, (401, 200, 200, 200, 200, 200)),
    "agents_read": ("get", "agents/desk/", "", None, (401, 200, 200, 200, 200, 200)),
    "runs_list": ("get", "runs/", "answer", None, (401, 200, 200, 200, 200, 200)),
    "runs_start": ("post", "runs/", "", {"agent": "desk", "input": "answer"}, (401, 201, 201, 403, 403, 201)),
    "runs_read": ("get", "runs/{run}/", "answer", None, (401, 200, 404, 200, 200, 200)),
    "runs_cancel": ("post", "runs/{run}/cancel/", "refund", {}, (401, 200, 404, 403, 200, 200)),
    "runs_pause": ("post", "runs/{run}/pause/", "refund", {"reason": "wait"}, CONTROL),
    "runs_resume": ("post", "runs/{run}/resume/", "paused", {}, CONTROL),
    "runs_code_change": ("get", "runs/{run}/code-change/", "refund", None, CONTROL),
    "runs_budgets": ("get", "runs/{run}/budgets/", "look", None, (401, 200, 404, 200, 200, 200)),
    "runs_retry": ("post", "runs/{run}/retry/", "fail", {}, CONTROL),
    "runs_hide": ("post", "runs/{run}/hide/", "answer", {"reason": "old"}, (401, 403, 404, 403, 403, 200)),
    "runs_reveal": ("post", "runs/{run}/reveal/", "hidden", {}, (401, 404, 404, 404, 404, 200)),
    "runs_steps": ("get", "runs/{run}/steps/", "look", None, (401, 200, 404, 200, 200, 200)),
    "runs_sent": ("get", "runs/{run}/steps/{number}/sent/", "look", None, (401, 200, 404, 403, 200, 200)),
    "runs_tool_calls": ("get", "runs/{run}/tool-calls/", "look", None, (401, 200, 404, 200, 200, 200)),
    "runs_events": ("get", "runs/{run}/events/", "look", None, (401, 200, 404, 200, 200, 200)),
    "runs_transcript": ("get", "runs/{run}/transcript/", "look", None, (401, 200, 404, 403, 200, 200)),
    "tool_calls_list": ("get", "tool-calls/", "look", None, (401, 200, 200, 200, 200, 200)),
    "tool_calls_read": ("get", "tool-calls/{call}/", "look", None, (401, 200, 404, 200, 200, 200)),
    "tool_calls_settle": (
        "post",
        "tool-calls/{call}/settle/",
        "pay",
        {"verdict": "happened", "result": "R-1"},
        (401, 403, 404, 403, 200, 200),
    ),
    "approvals_list": ("get", "approvals/", "refund", None, (401, 200, 200, 200, 200, 200)),
    "approvals_read": ("get", "approvals/{approval}/", "refund", None, (401, 200, 404, 200, 200, 200)),
    "approvals_approve": (
        "post",
        "approvals/{approval}/approve/",
        "refund",
        {"digest": "{digest}"},
        (401, 403, 404, 403, 200, 200),
    ),
    "approvals_reject": (
        "post",
        "approvals/{approval}/reject/",
        "refund",
        {"reason": "no"},
        (401, 403, 404, 403, 200, 200),
    ),
    "approvals_send_back": (
        "post",
        "approvals/{approval}/send-back/",
        "refund",
        {"instructions": "repair it"},
        (401, 403, 404, 403, 200, 200),
    ),
    "approvals_claim": ("post", "approvals/{approval}/claim/", "refund", {}, (401, 403, 404, 403, 200, 200)),
    "approvals_release": ("post", "approvals/{approval}/release/", "claimed", {}, (401, 403, 404, 403, 200, 200)),
    "approvals_reassign": (
        "post",
        "approvals/{approval}/reassign/",
        "refund",
        {"to": "approver"},
        (401, 403, 404, 403, 200, 200),
    ),
    "delegations_list": ("get", "delegations/", "", None, (401, 200, 200, 200, 200, 200)),
    "delegations_make": (
        "post",
        "delegations/",
        "colleague",
        {"to": "decider", "until": "{soon}"},
        (401, 403, 403, 403, 201, 201),
    ),
    "delegations_read": ("get", "delegations/{delegation}/", "delegation", None, (*UNSEEN[:4], 200, 200)),
    "delegations_revoke": ("post", "delegations/{delegation}/revoke/", "delegation", {}, (*UNSEEN[:4], 200, 200)),
    "approvals_bulk": (
        "post",
        "approvals/bulk/",
        "refund",
        {"verdict": "approve", "requests": [{"id": "x", "digest": "y"}]},
        (401, 200, 200, 200, 200, 200),
    ),
    "audit_decisions": ("get", "audit/decisions/", "", None, ADMIN),
    "audit_anchors": ("get", "audit/anchors/", "", None, ADMIN),
    "approvals_grant": (
        "post",
        "approvals/{approval}/grant/",
        "refund",
        {"scope": "session", "conditions": "any", "expires_at": "never"},
        (401, 403, 404, 403, 403, 201),
    ),
    "grants_list": ("get", "grants/", "", None, (401, 200, 200, 200, 200, 200)),
    "grants_read": ("get", "grants/{grant}/", "grant", None, (401, 404, 404, 404, 200, 200)),
    "grants_revoke": ("post", "grants/{grant}/revoke/", "grant", {"reason": "r"}, (401, 404, 404, 404, 403, 200)),
    "facts_list": ("get", "memory/facts/", "", None, (401, 200, 200, 200, 200, 200)),
    "facts_read": ("get", "memory/facts/{fact}/", "fact", None, OWN),
    "facts_correct": ("post", "memory/facts/{fact}/correct/", "fact", {"text": "y"}, OWN),
    "facts_forget": ("post", "memory/facts/{fact}/forget/", "fact", {}, OWN),
    "facts_add": ("post", "memory/facts/", "", {"text": "Likes tea."}, (401, 201, 201, 201, 201, 201)),
    "entities_add": ("post", "memory/entities/", "", {"type": "pet", "name": "Rex"}, (401, 201, 201, 201, 201, 201)),
    "facts_history": ("get", "memory/facts/{fact}/history/", "fact", None, OWN),
    "entities_list": ("get", "memory/entities/", "", None, (401, 200, 200, 200, 200, 200)),
    "entities_read": ("get", "memory/entities/{entity}/", "entity", None, OWN),
    "entities_correct": ("post", "memory/entities/{entity}/correct/", "entity", {"aliases": ["Old Rex"]}, OWN),
    "entities_merge": ("post", "memory/entities/{entity}/merge/", "entity", {"into": "{other_entity}"}, OWN),
    "entities_forget": ("post", "memory/entities/{entity}/forget/", "entity", {}, OWN),
    "entities_history": ("get", "memory/entities/{entity}/history/", "entity", None, OWN),
    "working_list": ("get", "memory/working/", "working", None, (401, 200, 200, 200, 200, 200)),
    "working_read": ("get", "memory/working/{session}/", "working", None, OWN),
    "working_update": (
        "post",
        "memory/working/{session}/update/",
        "working",
        {"document": {"city": "Bern"}, "version": 1},
        (401, 200, 404, 403, 404, 200),
    ),
    "working_forget": ("post", "memory/working/{session}/forget/", "working", {}, OWN),
    "working_history": ("get", "memory/working/{session}/history/", "working", None, OWN),
    "memory_export": ("get", "memory/export/", "", None, (401, 200, 200, 200, 200, 200)),
    "policies_list": ("get", "policies/", "", None, ADMIN),
    "policies_add": ("post", "policies/", "", {"name": "p", "agent": "desk", "answer": "ask"}, (*ADMIN[:5], 201)),
    "policies_check": (
        "post",
        "policies/check/",
        "",
        {"agent": "desk", "tool": "refund", "arguments": {"number": "A-1", "amount": "5"}},
        (401, 403, 403, 403, 200, 200),
    ),
    "policies_read": ("get", "policies/{policy}/", "policy", None, UNSEEN),
    "policies_change": ("post", "policies/{policy}/change/", "policy", {"reason": "r"}, ADMIN),
    "policies_remove": ("post", "policies/{policy}/remove/", "policy", {}, UNSEEN),
    "switches_list": ("get", "switches/", "", None, (401, 403, 403, 200, 200, 200)),
    "switches_off": ("post", "switches/", "", {"agent": "desk", "reason": "r"}, (*ADMIN[:5], 201)),
    "switches_on": ("post", "switches/{switch}/on/", "switch", {"reason": "r"}, ADMIN),
    "input_requests_list": ("get", "input-requests/", "ask", None, (401, 200, 200, 200, 200, 200)),
    "input_requests_read": ("get", "input-requests/{input}/", "ask", None, (401, 200, 404, 200, 200, 200)),
    "input_requests_answer": (
        "post",
        "input-requests/{input}/answer/",
        "ask",
        {"answer": "blue"},
        (401, 200, 404, 403, 200, 200),
    ),
    "runs_priority": ("post", "runs/{run}/priority/", "refund", {"priority": "high"}, CONTROL),
    "budgets_list": ("get", "budgets/", "", None, (401, 200, 200, 200, 200, 200)),
    "budgets_set": ("post", "budgets/", "refund", {"run": "{run}", "money": "2.50"}, (401, 403, 403, 403, 403, 200)),
    "archived_runs_list": ("get", "archived-runs/", "archived", None, (401, 200, 200, 200, 200, 200)),
    "archived_runs_restore": ("post", "archived-runs/{run}/restore/", "archived", {}, CONTROL),
    "users_erase": ("post", "erasures/", "", {"user": "customer", "dry_run": True}, ADMIN),
    "llms_list": ("get", "llms/", "", None, (401, 403, 403, 403, 403, 200)),
    "llms_close": ("post", "llms/close/", "", {"name": "far"}, (401, 403, 403, 403, 403, 200)),
    "notification_preferences_list": ("get", "notification-preferences/", "", None, (401, 200, 200, 200, 200, 200)),
    "notification_preferences_set": (
        "post",
        "notification-preferences/",
        "",
        {"channel": "post", "mode": "off"},  # which these settings do not have
        (401, 400, 400, 400, 400, 400),
    ),
    "notifications_list": ("get", "notifications/", "", None, ADMIN),
    "notifications_release": ("post", "notifications/{notification}/release/", "parked", {}, UNSEEN),
    "sessions_list": ("get", "sessions/", "answer", None, (401, 200, 200, 200, 200, 200)),
    "sessions_read": ("get", "sessions/{session}/", "answer", None, (401, 200, 404, 200, 404, 200)),
    "tickets_issue": ("post", "tickets/", "", {}, (401, 201, 201, 201, 201, 201)),
}


RUNS = {
    "paused": "refund",
    "claimed": "refund",
    "hidden": "answer",
    "policy": "answer",
    "switch": "answer",
    "grant": "answer",
    "fact": "answer",
    "entity": "answer",
    "working": "answer",
    "archived": "answer",
    "delegation": "answer",
    "colleague": "answer",
    "parked": "refund",
}
"""Plans that begin with a run of another plan."""


def ids_of(run_id: UUID, plan: str = "") -> dict[str, Any]:
    """Everything that a path or a body may name of a run; and a new policy or switch, if that is the plan."""
    run = AgentContext.objects.get(pk=run_id)
    request = ApprovalRequest.objects.filter(context=run).first()
    question = InputRequest.objects.filter(context=run).first()
    if plan == "archived":  # and back already
        rows.archived(id=run.pk, agent=run.agent, user=run.user, archive=rows.archive(name=str(run.pk)))
    if plan == "claimed" and request is not None:
        claim_request(request.pk, by=get_user_model().objects.get(username="approver"))
    if plan == "colleague" and not get_user_model().objects.filter(username="decider").exists():
        office.person("decider", "agents_app.decide_approvalrequest")
    if plan == "working":
        rows.working_memory(session_id=run.session_id, user_key=str(run.user_id))
    theirs = {"place": f"user:{run.user_id}", "user_key": str(run.user_id)}
    names = (f"Rex {run_id}", f"Dog {run_id}")
    known = [rows.entity(**theirs, name=name, normal_name=name).pk for name in names if plan == "entity"]
    call = ToolCall.objects.filter(context=run).first()
    return {
        "soon": (database_now() + timedelta(days=1)).isoformat(),
        "run": run.pk,
        "number": 1,
        "session": run.session_id,
        "approval": request and request.pk,
        "digest": request.digest if request else "",
        "input": question and question.pk,
        "call": call and call.pk,
        "policy": rows.policy(name=f"of {run_id}").pk if plan == "policy" else None,
        "notification": parked(run).pk if plan == "parked" else None,
        "delegation": delegated().pk if plan == "delegation" else None,
        "fact": rows.fact(**theirs).pk if plan == "fact" else None,
        "entity": known[0] if known else None,
        "other_entity": known[1] if known else None,
        "grant": rows.grant(run_key=run.pk).pk if plan == "grant" else None,
        "switch": rows.switch(agent=f"agent-{run_id}").pk if plan == "switch" else None,
    }


def parked(run: AgentContext) -> Notification:
    """One of the run's request that failed too often."""
    now = database_now()
    return Notification.objects.create(
        context=run,
        request=ApprovalRequest.objects.get(context=run),
        channel="email",
        sequence=run.version,
        kind="approval.requested",
        state="parked",
        state_at=now,
        created_at=now,
        due_at=now,
        error="no route",
    )


def delegated() -> Delegation:
    """The approver's, to the admin."""
    users = get_user_model().objects
    until = database_now() + timedelta(days=1)
    return delegate(by=users.get(username="approver"), to=users.get(username="admin"), until=until)


def filled_in(body: dict[str, Any], ids: dict[str, Any]) -> dict[str, Any]:
    """A body with the ids in it."""
    return {name: value.format(**ids) if isinstance(value, str) else value for name, value in body.items()}


@pytest.mark.parametrize("operation", MATRIX)
def test_each_person_is_answered_by_the_rules(operation: str, client_of: Any, run_of: Any) -> None:
    method, path, plan, body, statuses = MATRIX[operation]
    found = []
    for person in PEOPLE:
        ids: dict[str, Any] = {}
        if plan:
            run = run_of(RUNS.get(plan, plan), session=f"mail-{person}")
            if verb := {"paused": "pause", "hidden": "hide"}.get(plan):
                client_of("admin").post(f"/api/runs/{run.id}/{verb}/", {}, format="json")
            ids = ids_of(run.id, plan)
        filled = body and filled_in(body, ids)
        answer = getattr(client_of(person), method)(f"/api/{path.format(**ids)}", filled, format="json")
        found.append(answer.status_code)
        if answer.status_code >= 400:
            assert set(answer.json()) == {"error"}
            assert set(answer.json()["error"]) == {"code", "message", "details"}
    assert tuple(found) == statuses


def test_the_matrix_knows_every_operation(description: Any) -> None:
    operations = {each["operationId"] for methods in description["paths"].values() for each in methods.values()}
    assert operations == set(MATRIX)


def test_people_without_any_permission_see_no_agents_and_start_nothing(client_of: Any, people: Any, desk: Any) -> None:
    for person in ("customer", "viewer"):
        people[person].user_permissions.clear()
        client = client_of(person)
        assert client.get("/api/agents/").json()["error"]["code"] == "not_permitted"
        start = client.post("/api/runs/", {"agent": "desk", "input": "answer"}, format="json")
        assert start.status_code == 403
        assert not AgentContext.objects.exists()


def test_lists_hold_what_one_may_see_and_nothing_else(client_of: Any, run_of: Any, people: Any) -> None:
    mine, other = run_of("refund", session="a"), run_of("ask", user=people["stranger"], session="b")
    both = {str(mine.id), str(other.id)}
    seen = {
        person: {run["id"] for run in client_of(person).get("/api/runs/").json()["results"]}
        for person in PEOPLE
        if person
    }
    assert seen == {
        "customer": {str(mine.id)},
        "stranger": {str(other.id)},
        "viewer": both,
        "approver": both,
        "admin": both,
    }
    for path in ("approvals", "tool-calls"):
        assert len(client_of("customer").get(f"/api/{path}/").json()["results"]) == 1
        assert client_of("stranger").get(f"/api/{path}/").json()["results"] == []
    assert client_of("customer").get("/api/input-requests/").json()["results"] == []
    assert len(client_of("stranger").get("/api/input-requests/").json()["results"]) == 1
    assert [row["key"] for row in client_of("stranger").get("/api/sessions/").json()["results"]] == ["b"]


def test_content_is_for_those_who_may_read_the_transcript(client_of: Any, run_of: Any) -> None:
    run = run_of("look")
    shown, hidden = (client_of(person).get(f"/api/runs/{run.id}/").json() for person in ("approver", "viewer"))
    assert (shown["input"], shown["content_hidden"]) == ("look", False)
    assert hidden["content_hidden"]
    assert [hidden[name] for name in ("input", "output", "error", "metadata")] == [None] * 4
    step = client_of("viewer").get(f"/api/runs/{run.id}/steps/").json()["results"][0]
    assert (step["text"], step["error"], step["content_hidden"]) == (None, None, True)
    [call] = client_of("viewer").get(f"/api/runs/{run.id}/tool-calls/").json()["results"]
    assert [call[name] for name in ("arguments", "result", "note", "error")] == [None] * 4
    assert client_of("viewer").get("/api/tool-calls/").json()["results"] == [call], "one rule at every address"
    assert client_of("viewer").get(f"/api/tool-calls/{call['id']}/").json() == call
    [read] = client_of("approver").get("/api/tool-calls/").json()["results"]
    assert (read["id"], read["content_hidden"]) == (call["id"], False)
    waiting = run_of("refund")
    [request] = client_of("viewer").get(f"/api/approvals/?run={waiting.id}").json()["results"]
    assert [request[name] for name in ("arguments", "summary", "reason")] == [None] * 3
    [question] = client_of("viewer").get(f"/api/input-requests/?run={run_of('ask').id}").json()["results"]
    assert (question["question"], question["content_hidden"]) == (None, True)


def test_sensitive_arguments_are_for_those_who_may_see_them(client_of: Any, run_of: Any) -> None:
    run = run_of("secret")
    for person, password, hidden in (("customer", "***", True), ("approver", "***", True), ("admin", "hunter2", False)):
        client = client_of(person)
        [request] = client.get("/api/approvals/").json()["results"]
        assert (request["arguments"], request["sensitive_hidden"]) == ({"password": password}, hidden)
        [call] = client.get(f"/api/runs/{run.id}/tool-calls/").json()["results"]
        assert (call["arguments"], call["sensitive_hidden"]) == ({"password": password}, hidden)
        transcript = client.get(f"/api/runs/{run.id}/transcript/").content.decode()
        assert ("hunter2" in transcript) is not hidden
