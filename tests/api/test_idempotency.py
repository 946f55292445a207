"""A POST with an Idempotency-Key acts once."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents_app.api import idempotency
from agents_app.api.views import runs
from agents_app.core.status import ToolCallStatus
from agents_app.models import AgentContext, ApprovalRequest, Decision, StoredResponse, ToolCall


def start(client: Any, key: str, query: str = "", **body: Any) -> Any:
    content = {"agent": "desk", "input": "answer", **body}
    return client.post(f"/api/runs/{query}", content, format="json", headers={"idempotency-key": key})


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_repeated_request_is_answered_alike_and_acts_once(client_of: Any, desk: Any) -> None:
    client = client_of("customer")
    first = start(client, "k1")
    desk.run_until_idle()
    second = start(client, "k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert AgentContext.objects.count() == 1


def test_a_repeated_request_that_waits_gets_the_run_as_of_now(client_of: Any, desk: Any) -> None:
    client = client_of("customer")
    accepted = start(client, "k1", "?wait=0.1").json()
    desk.run_until_idle()
    again = start(client, "k1", "?wait=5").json()
    assert (accepted["status"], again["status"], again["id"]) == ("idle", "completed", accepted["id"])


def test_the_same_key_with_other_content_is_a_conflict(client_of: Any, desk: Any) -> None:
    client = client_of("customer")
    run = start(client, "k1").json()
    assert code_of(start(client, "k1", input="look")) == (400, "idempotency_conflict")
    other = client.post(f"/api/runs/{run['id']}/cancel/", {}, format="json", headers={"idempotency-key": "k1"})
    assert code_of(other) == (400, "idempotency_conflict")
    assert AgentContext.objects.count() == 1


def test_keys_are_everybodys_own(client_of: Any, desk: Any) -> None:
    ids = {start(client_of(person), "k1").json()["id"] for person in ("customer", "stranger")}
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
def test_a_key_is_short_and_printable(client_of: Any, desk: Any, key: str) -> None:
    assert code_of(start(client_of("customer"), key)) == (400, "invalid_input")


def test_what_failed_may_be_sent_again_with_its_key(client_of: Any, run_of: Any, desk: Any) -> None:
    run, client = run_of("refund"), client_of("approver")
    header = {"idempotency-key": "k1"}
    assert client.post(f"/api/runs/{run.id}/resume/", {}, format="json", headers=header).status_code == 409
    assert not StoredResponse.objects.exists()
    client.post(f"/api/runs/{run.id}/pause/", {}, format="json")
    assert client.post(f"/api/runs/{run.id}/resume/", {}, format="json", headers=header).status_code == 200


def test_a_decision_is_made_once(client_of: Any, run_of: Any, desk: Any) -> None:
    run_of("refund")
    client = client_of("approver")
    [request] = client.get("/api/approvals/").json()["results"]
    body, header = {"digest": request["digest"]}, {"idempotency-key": "k1"}
    path = f"/api/approvals/{request['id']}/approve/"
    first = client.post(path, body, format="json", headers=header)
    desk.run_until_idle()
    second = client.post(path, body, format="json", headers=header)
    assert (first.status_code, second.json()) == (200, first.json())
    assert Decision.objects.count() == 1


def test_a_reservation_of_a_process_that_died_is_taken_over(client_of: Any, desk: Any, monkeypatch: Any) -> None:
    client = client_of("customer")
    start(client, "k1")
    AgentContext.objects.all().delete()
    StoredResponse.objects.update(http_status=None, body=None)
    assert code_of(start(client, "k1")) == (409, "idempotency_in_progress")
    StoredResponse.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    assert start(client, "k1").status_code == 201
    assert AgentContext.objects.count() == 1


def test_of_two_who_take_over_one_does(client_of: Any, desk: Any, monkeypatch: Any) -> None:
    client = client_of("customer")
    start(client, "k1")
    AgentContext.objects.all().delete()
    StoredResponse.objects.update(http_status=None, body=None, created_at=timezone.now() - timedelta(seconds=61))
    monkeypatch.setattr(idempotency, "_open", lambda place: StoredResponse.objects.none())
    assert code_of(start(client, "k1")) == (409, "idempotency_in_progress")
    assert not AgentContext.objects.exists()


def test_who_was_taken_over_does_not_act(client_of: Any, desk: Any, monkeypatch: Any) -> None:
    real = runs.start_run

    def slow(*args: Any, **options: Any) -> Any:
        run = real(*args, **options)
        StoredResponse.objects.update(created_at=timezone.now() + timedelta(seconds=61))
        return run

    monkeypatch.setattr(runs, "start_run", slow)
    assert code_of(start(client_of("customer"), "k1")) == (409, "idempotency_in_progress")
    assert not AgentContext.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_answer_and_command_are_one_transaction(client_of: Any, desk: Any, monkeypatch: Any) -> None:
    client = client_of("customer")
    client.raise_request_exception = False

    def lost(*args: Any) -> None:
        raise RuntimeError("the process dies after the command")

    with monkeypatch.context() as patch:
        patch.setattr(runs.Runs, "started", lost)
        assert start(client, "k1").status_code == 500
    assert not AgentContext.objects.exists()
    assert start(client, "k1").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_second_request_during_the_first_is_told_so(client_of: Any, desk: Any, monkeypatch: Any) -> None:
    entered, go_on = threading.Event(), threading.Event()
    real, answers = runs.Runs.start, []

    def slow(view: Any, body: Any) -> Any:
        if connection.vendor != "sqlite":
            entered.set()
            assert go_on.wait(20)
        return real(view, body)

    def first() -> None:
        answers.append(start(client_of("customer"), "k1"))
        connection.close()

    monkeypatch.setattr(runs.Runs, "start", slow)
    if connection.vendor == "sqlite":
        # The command's transaction is SQLite's only writer: what the second request meets is the reservation alone.
        reserve_only(monkeypatch, entered, go_on)
    worker = threading.Thread(target=first)
    worker.start()
    assert entered.wait(20)
    second = start(client_of("customer"), "k1")
    go_on.set()
    worker.join(20)
    assert code_of(second) == (409, "idempotency_in_progress")
    assert answers[0].status_code == 201
    assert start(client_of("customer"), "k1").json() == answers[0].json()
    assert AgentContext.objects.count() == 1


def reserve_only(monkeypatch: Any, entered: threading.Event, go_on: threading.Event) -> None:
    """Let the request stop between its reservation and its command."""
    real = idempotency._reserve

    def reserve(*args: Any) -> Any:
        place = real(*args)
        entered.set()
        assert go_on.wait(20)
        return place

    monkeypatch.setattr(idempotency, "_reserve", reserve)


def test_stored_answers_hold_no_sensitive_arguments(client_of: Any, run_of: Any, people: Any) -> None:
    request = ApprovalRequest.objects.select_related("call").get(context_id=run_of("secret").id)
    client, path = client_of("admin"), f"/api/approvals/{request.pk}/approve/"

    def approve() -> Any:
        body = {"digest": request.call.digest}
        return client.post(path, body, format="json", headers={"idempotency-key": "k1"}).json()

    assert approve()["arguments"] == {"password": "hunter2"}
    assert "hunter2" not in json.dumps(StoredResponse.objects.get().body)
    again = approve()
    assert (again["arguments"], again["sensitive_hidden"], again["status"]) == ({"password": "***"}, True, "approved")


def test_stored_answers_about_settled_calls_hold_no_sensitive_arguments(
    client_of: Any, run_of: Any, people: Any
) -> None:
    call = ToolCall.objects.get(context_id=run_of("secret").id)
    ToolCall.objects.filter(pk=call.pk).update(status=ToolCallStatus.UNKNOWN)
    body = {"verdict": "give_up", "reason": "lost"}
    path, header = f"/api/tool-calls/{call.pk}/settle/", {"idempotency-key": "k1"}
    answer = client_of("admin").post(path, body, format="json", headers=header).json()
    assert answer["arguments"] == {"password": "hunter2"}
    assert "hunter2" not in json.dumps(StoredResponse.objects.get().body)
