"""Starting, reading and commanding runs."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from agents_app.executors.django_q2 import DjangoQ2Executor
from agents_app.models import AgentContext
from tests.api.desk import Desk


def start(client: Any, query: str = "", **body: Any) -> Any:
    return client.post(f"/api/runs/{query}", {"agent": "desk", "input": "answer", **body}, format="json")


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_customer_starts_a_run_and_reads_its_answer(client_of: Any, desk: Any, people: Any) -> None:
    client = client_of("customer")
    answer = start(client, session="mail-1", metadata={"ticket": 7})
    assert answer.status_code == 201
    accepted = answer.json()
    assert accepted["status"] == "idle"
    assert accepted["user"] == str(people["customer"].pk)
    assert accepted["started_by"] == "customer"
    assert accepted["session"] == "mail-1"
    assert accepted["metadata"] == {"team": "support", "ticket": 7}
    assert accepted["output"] is None
    desk.run_until_idle()
    run = client.get(f"/api/runs/{accepted['id']}/").json()
    assert run["status"] == "completed"
    assert run["output"] == {"text": "Done.", "amount": "1.50"}
    assert run["waits_for"] == {"approvals": [], "inputs": [], "outcomes": []}
    assert run["due_at"] is None
    assert run["ended_at"] is not None


def test_a_run_says_what_it_waits_for(run_of: Any, client_of: Any) -> None:
    client = client_of("customer")
    refund, ask, pay = run_of("refund"), run_of("ask"), run_of("pay")
    waits = {run.id: client.get(f"/api/runs/{run.id}/").json() for run in (refund, ask, pay)}
    assert waits[refund.id]["status"] == "waiting_for_approval"
    assert len(waits[refund.id]["waits_for"]["approvals"]) == 1
    assert waits[ask.id]["status"] == "waiting_for_input"
    assert len(waits[ask.id]["waits_for"]["inputs"]) == 1
    assert len(waits[pay.id]["waits_for"]["outcomes"]) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"agent": "nobody"}, "unknown_agent"),
        ({"agent": 7}, "invalid_input"),
        ({"input": ""}, "invalid_input"),
        ({"input": "   "}, "invalid_input"),
        ({"input": None}, "invalid_input"),
        ({"input": ["a"]}, "invalid_input"),
        ({"input": "x" * 1_000_001}, "invalid_input"),
        ({"session": ""}, "invalid_input"),
        ({"session": "x" * 201}, "invalid_input"),
        ({"metadata": ["a"]}, "invalid_input"),
        ({"run_at": "tomorrow"}, "invalid_input"),
        ({"run_at": "2026-01-01T00:00:00"}, "invalid_input"),
        ({"run_at": "9999-12-31T23:59:59-12:00"}, "invalid_input"),
        ({"run_at": 5}, "invalid_input"),
        ({"subject": "order"}, "unknown_subject"),
        ({"subject": "auth.nothing:1"}, "unknown_subject"),
        ({"colour": "blue"}, "invalid_input"),
    ],
)
def test_what_cannot_be_started_is_refused_with_the_reason(client_of: Any, desk: Any, body: Any, code: str) -> None:
    assert code_of(start(client_of("admin"), **body)) == (400, code)
    assert not AgentContext.objects.exists()


def test_errors_of_a_body_name_the_field(client_of: Any, desk: Any) -> None:
    error = start(client_of("customer"), agent=7, colour="blue").json()["error"]
    assert {tuple(each["path"]) for each in error["details"]["errors"]} == {("agent",), ("colour",)}
    assert all(each["message"] for each in error["details"]["errors"])


def test_a_run_may_start_later(client_of: Any, desk: Any) -> None:
    later = timezone.now() + timedelta(hours=1)
    run = start(client_of("customer"), run_at=later.isoformat()).json()
    desk.run_until_idle()
    assert AgentContext.objects.get(pk=run["id"]).status == "scheduled"
    with desk.move_time(3700):
        desk.run_until_idle()
    assert AgentContext.objects.get(pk=run["id"]).status == "completed"


def test_a_run_is_about_an_object_that_one_may_view(client_of: Any, desk: Any, people: Any) -> None:
    group = Group.objects.create(name="Order 17")
    subject = f"auth.group:{group.pk}"
    assert code_of(start(client_of("customer"), subject=subject)) == (400, "unknown_subject")
    assert code_of(start(client_of("admin"), subject="auth.group:nan")) == (400, "unknown_subject")
    assert code_of(start(client_of("admin"), subject=f"auth.group:{10**40}")) == (400, "unknown_subject")
    people["customer"].user_permissions.add(Permission.objects.get(codename="view_group"))
    client = client_of("customer")
    run = start(client, subject=subject).json()
    assert run["subject"] == subject
    start(client)
    assert [found["id"] for found in client.get(f"/api/runs/?subject={subject}").json()["results"]] == [run["id"]]


def test_only_who_controls_runs_starts_them_for_others(client_of: Any, desk: Any, people: Any) -> None:
    assert code_of(start(client_of("customer"), user="stranger")) == (403, "not_permitted")
    # Who may not start for others does not learn who there is.
    assert code_of(start(client_of("customer"), user="nobody")) == (403, "not_permitted")
    assert code_of(start(client_of("admin"), user="nobody")) == (400, "unknown_user")
    assert start(client_of("customer"), user="customer").status_code == 201
    run = start(client_of("admin"), user="stranger").json()
    assert (run["user_name"], run["started_by"]) == ("stranger", "admin")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("agent=desk", 3),
        ("agent=other", 0),
        ("status=completed", 1),
        ("status=completed&status=waiting_for_approval", 2),
        ("ended=false", 2),
        ("ended=true", 1),
        ("session=mail", 1),
        ("session=other", 0),
        ("user=customer", 2),
        ("user=stranger", 1),
        ("user=nobody", 0),
    ],
)
def test_runs_are_filtered(client_of: Any, run_of: Any, people: Any, query: str, expected: int) -> None:
    run_of("answer", session="mail")
    run_of("refund")
    run_of("ask", user=people["stranger"])
    assert len(client_of("viewer").get(f"/api/runs/?{query}").json()["results"]) == expected


@pytest.mark.parametrize(
    "query",
    ["status=done", "session_id=1", "subject=x", "subject=a.b:1", "user=%00", "agent=a%00b", "cursor=x", "cursor=cD0x"],
)
def test_a_filter_that_makes_no_sense_is_an_error(client_of: Any, query: str) -> None:
    answer = client_of("viewer").get(f"/api/runs/?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("invalid_input", "unknown_subject", "invalid_cursor")


def test_pages_follow_each_other(client_of: Any, run_of: Any) -> None:
    ids = [str(run_of("answer").id) for _ in range(5)]
    client, url, seen, pages = client_of("customer"), "/api/runs/?limit=2", [], 0
    while url:
        page = client.get(url).json()
        seen += [run["id"] for run in page["results"]]
        url, pages = page["next"], pages + 1
    assert seen == sorted(ids, reverse=True)
    assert pages == 3
    assert page["previous"]
    assert [run["id"] for run in client.get(page["previous"]).json()["results"]] == seen[2:4]


# Commands.


def test_a_run_is_cancelled_with_a_reason(client_of: Any, run_of: Any, desk: Any) -> None:
    run = run_of("refund")
    answer = client_of("customer").post(f"/api/runs/{run.id}/cancel/", {"reason": "changed my mind"}, format="json")
    assert answer.status_code == 200
    assert answer.json()["cancel_requested_at"]
    desk.run_until_idle()
    read = client_of("customer").get(f"/api/runs/{run.id}/").json()
    assert (read["status"], read["cancelled_by"], read["cancelled_why"]) == ("cancelled", "customer", "changed my mind")
    again = client_of("customer").post(f"/api/runs/{run.id}/cancel/")
    assert code_of(again) == (409, "ended")


def test_a_run_is_paused_and_resumed(client_of: Any, run_of: Any) -> None:
    run, client = run_of("refund"), client_of("approver")
    paused = client.post(f"/api/runs/{run.id}/pause/", {"reason": "audit"}, format="json").json()
    assert (paused["status"], paused["held_by"], paused["held_why"]) == ("paused", "approver", "audit")
    resumed = client.post(f"/api/runs/{run.id}/resume/", {}, format="json").json()
    assert (resumed["status"], resumed["paused_at"]) == ("waiting_for_approval", None)
    assert code_of(client.post(f"/api/runs/{run.id}/resume/", {}, format="json")) == (409, "wrong_state")


def test_a_failed_run_is_retried(client_of: Any, run_of: Any) -> None:
    run, client = run_of("fail"), client_of("approver")
    failed = client.get(f"/api/runs/{run.id}/").json()
    assert failed["status"] == "failed"
    assert failed["error_code"]
    assert client.post(f"/api/runs/{run.id}/retry/", {}, format="json").json()["status"] == "thinking"
    other = run_of("answer")
    assert code_of(client.post(f"/api/runs/{other.id}/retry/", {}, format="json")) == (409, "wrong_state")


@pytest.mark.parametrize("key", ["x", "0", "%00", str(UUID(int=7)), "é" * 50, "../agents"])
@pytest.mark.parametrize("path", ["", "steps/", "events/", "transcript/", "tool-calls/"])
def test_a_run_that_is_not_there_is_not_found(client_of: Any, key: str, path: str) -> None:
    answer = client_of("admin").get(f"/api/runs/{key}/{path}")
    assert answer.status_code == 404


@pytest.mark.parametrize("key", ["x", "%00", str(UUID(int=7))])
@pytest.mark.parametrize("noun", ["runs", "approvals", "tool-calls", "input-requests", "sessions", "agents"])
def test_wrong_ids_are_not_found_in_the_one_shape(client_of: Any, desk: Any, noun: str, key: str) -> None:
    assert code_of(client_of("admin").get(f"/api/{noun}/{key}/")) == (404, "not_found")


# Waiting, and a queue that is down.


@pytest.mark.django_db(transaction=True)
def test_wait_answers_with_the_end_of_the_run_in_one_response(client_of: Any, desk: Any, settings: Any) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "EXECUTOR": "immediate"}
    run = start(client_of("customer"), "?wait=30").json()
    assert (run["status"], run["output"]["text"]) == ("completed", "Done.")
    waiting = start(client_of("customer"), "?wait=30", input="refund").json()
    assert waiting["status"] == "waiting_for_approval"
    assert waiting["waits_for"]["approvals"]


def test_wait_is_bounded(client_of: Any, desk: Any) -> None:
    run = start(client_of("customer"), "?wait=0.2")
    assert (run.status_code, run.json()["status"]) == (201, "idle")


@pytest.mark.parametrize("wait", ["-1", "31", "nan", "inf", "soon", ""])
def test_a_wait_that_is_too_long_or_none_starts_nothing(client_of: Any, desk: Any, wait: str) -> None:
    assert code_of(start(client_of("customer"), f"?wait={wait}")) == (400, "invalid_input")
    assert not AgentContext.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_down_does_not_fail_a_start(
    client_of: Any, desk: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: Any) -> None:
        raise ConnectionError("the broker is down")

    settings.AGENTS_APP = {**settings.AGENTS_APP, "EXECUTOR": "django_q2"}
    monkeypatch.setattr(DjangoQ2Executor, "submit", down)
    run = start(client_of("customer"))
    assert run.status_code == 201
    assert AgentContext.objects.get(pk=run.json()["id"]).due_at is not None


@pytest.mark.django_db(transaction=True)
def test_starting_commits_before_it_answers_also_under_atomic_requests(
    client_of: Any, desk: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    settings.AGENTS_APP = {**settings.AGENTS_APP, "EXECUTOR": "immediate"}
    assert start(client_of("customer"), "?wait=5").json()["status"] == "completed"


def test_agents_are_described_with_their_schemas(client_of: Any, desk: Any) -> None:
    client = client_of("customer")
    [agent] = client.get("/api/agents/").json()["results"]
    assert agent == client.get("/api/agents/desk/").json() == client.get("/api/agents/counter/").json()
    assert agent["name"] == Desk.name
    assert agent["description"] == "Answers, refunds and pays."
    assert agent["answer_schema"]["properties"]["text"]["type"] == "string"
    tools = {tool["name"]: tool for tool in agent["tools"]}
    assert {name: tool["needs_approval"] for name, tool in tools.items()} == {
        "lookup": "never",
        "refund": "sometimes",
        "pay": "never",
        "enter": "always",
    }
    assert tools["refund"]["permission"] == "auth.change_user"
    assert tools["refund"]["effect"] == "atomic"
    assert set(tools["refund"]["parameters"]["properties"]) == {"number", "amount"}


def test_who_starts_for_others_is_answered_even_if_they_may_not_look(client_of: Any, desk: Any, people: Any) -> None:
    people["stranger"].user_permissions.add(Permission.objects.get(codename="control_run"))
    client = client_of("stranger")
    answer = start(client, "?wait=0.1", user="customer")
    assert answer.status_code == 201
    run = answer.json()
    assert (run["user_name"], run["content_hidden"], run["input"]) == ("customer", True, None)
    assert client.get(f"/api/runs/{run['id']}/").status_code == 404
    assert answer.headers["Location"] == f"http://testserver/api/runs/{run['id']}/"


def test_a_run_has_a_priority_and_says_that_it_waits_for_a_slot(client_of: Any, desk: Any) -> None:
    client = client_of("customer")
    run = start(client, priority="high").json()
    assert (run["priority"], run["waits_for_slot"], run["waits_for_code_since"]) == ("high", "", None)
    assert start(client).json()["priority"] == "normal"
    assert code_of(start(client, priority="urgent")) == (400, "invalid_input")
    AgentContext.objects.filter(pk=run["id"]).update(at_limit="agent:desk")
    assert client.get(f"/api/runs/{run['id']}/").json()["waits_for_slot"] == "agent"


def test_a_run_says_that_no_worker_knows_its_code(client_of: Any, desk: Any) -> None:
    run = start(client_of("customer")).json()
    AgentContext.objects.filter(pk=run["id"]).update(unknown_since="2026-01-02T03:04:05Z")
    read = client_of("customer").get(f"/api/runs/{run['id']}/").json()
    assert read["waits_for_code_since"] == "2026-01-02T03:04:05Z"


def test_the_priority_is_changed(client_of: Any, run_of: Any) -> None:
    run = run_of("refund")
    answer = client_of("approver").post(f"/api/runs/{run.id}/priority/", {"priority": "low"}, format="json")
    assert (answer.status_code, answer.json()["priority"]) == (200, "low")
    wrong = client_of("approver").post(f"/api/runs/{run.id}/priority/", {"priority": "urgent"}, format="json")
    assert wrong.status_code == 400


def test_those_that_wait_for_a_slot_are_found(client_of: Any, desk: Any, people: Any) -> None:
    waiting, going = (start(client_of("customer")).json()["id"] for _ in range(2))
    AgentContext.objects.filter(pk=waiting).update(at_limit="agent:desk", at_limit_since=timezone.now())
    for value, found in (("true", [waiting]), ("false", [going])):
        answer = client_of("customer").get("/api/runs/", {"waits_for_slot": value}).json()
        assert [row["id"] for row in answer["results"]] == found
