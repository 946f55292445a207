"""Policies and kill switches over REST and the websocket."""

import json
from typing import Any

import pytest

from agents_app.models import ApprovalPolicy, KillSwitch
from agents_app.services import Origin
from agents_app.ws.calling import Caller
from agents_app.ws.commands import perform
from tests import office

RIGHTS = [f"agents_app.{act}_approvalpolicy" for act in ("add", "change", "delete", "view")]


@pytest.fixture
def boss(client_of: Any, desk: Any) -> Any:
    client = client_of("viewer")
    client.force_authenticate(office.person("boss", *RIGHTS, "agents_app.stop_agents"))
    return client


def post(client: Any, path: str, **body: Any) -> Any:
    return client.post(f"/api/{path}", body, format="json")


def test_a_policy_lives(boss: Any) -> None:
    made = post(boss, "policies/", name="all", answer="ask", reason="New year.")
    assert made.status_code == 201, made.json()
    key = made.json()["id"]
    assert [row["id"] for row in boss.get("/api/policies/").json()["results"]] == [key]
    changed = post(boss, f"policies/{key}/change/", answer="deny").json()
    assert (changed["answer"], changed["name"], changed["reason"]) == ("deny", "all", "New year.")
    assert boss.get(f"/api/policies/{key}/").json() == changed
    assert post(boss, f"policies/{key}/remove/").json()["id"] == key
    assert boss.get(f"/api/policies/{key}/").status_code == 404


def test_what_is_wrong_with_a_policy_is_said(boss: Any) -> None:
    answer = post(boss, "policies/", name="x", agent="nobody")
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["errors"][0]["path"] == ["agent"]
    assert not ApprovalPolicy.objects.exists()


def test_an_offset_that_no_database_knows_is_refused(boss: Any) -> None:
    moment = "2030-01-01T00:00:00+20:00"
    answer = post(boss, "policies/", name="x", answer="ask", valid_from=moment)
    assert (answer.status_code, answer.json()["error"]["details"]["errors"][0]["path"]) == (400, ["valid_from"])
    caller = Caller(user=office.person("keeper", *RIGHTS), origin=Origin(door="websocket"), run_id=None)
    command = {"type": "command", "id": "c", "name": "save_policy"}
    frame = {**command, "values": {"name": "x", "answer": "ask", "valid_until": moment}}
    reply = perform(json.dumps(frame), caller).model_dump(mode="json")
    assert (reply["ok"], reply["error"]["code"]) == (False, "invalid_input")
    assert "offset" in json.dumps(reply)
    assert not ApprovalPolicy.objects.exists()


def test_a_call_is_explained(boss: Any) -> None:
    post(boss, "policies/", name="all", answer="deny")
    answer = post(boss, "policies/check/", agent="desk", tool="nothing")
    assert answer.status_code == 400


def test_a_switch_is_thrown_and_ended(boss: Any) -> None:
    off = post(boss, "switches/", reason="Fire.", agent="desk")
    assert (off.status_code, off.json()["off"], off.json()["off_by"]) == (201, True, "boss")
    on = post(boss, f"switches/{off.json()['id']}/on/", reason="Out.").json()
    assert (on["off"], on["on_by"], on["on_reason"]) == (False, "boss", "Out.")
    assert [row["off"] for row in boss.get("/api/switches/").json()["results"]] == [False]
    assert post(boss, "switches/", reason="x", agent="nobody").status_code == 400


def test_others_may_not(client_of: Any, desk: Any) -> None:
    customer = client_of("customer")
    for path, body in (("policies/", {"name": "x"}), ("switches/", {"reason": "x"})):
        assert post(customer, path, **body).status_code == 403
        assert customer.get(f"/api/{path}").status_code == 403
    assert post(customer, "policies/check/", agent="desk", tool="x").status_code == 403


def test_the_websocket_throws_and_ends_it(boss: Any, desk: Any) -> None:
    sam = office.person("sam", "agents_app.stop_agents")
    caller = Caller(user=sam, origin=Origin(door="websocket"), run_id=None)
    assert perform('{"type": "command", "id": "1", "name": "switch_off", "reason": "Fire."}', caller).ok
    switch = KillSwitch.objects.get()
    assert perform(f'{{"type": "command", "id": "2", "name": "switch_on", "switch": "{switch.pk}"}}', caller).ok
    switch.refresh_from_db()
    assert switch.on_by == "sam"
    nobody = Caller(user=office.person("nobody"), origin=Origin(door="websocket"), run_id=None)
    reply = perform('{"type": "command", "id": "3", "name": "switch_off", "reason": "x"}', nobody)
    assert (reply.ok, reply.error and reply.error.code) == (False, "not_permitted")
