"""Commands on what is kept: delegations, policies, parked notifications."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agents_app.models import Delegation, Notification, database_now
from agents_app.services import Origin
from agents_app.ws.calling import Caller
from agents_app.ws.commands import perform
from tests import office
from tests.models import rows

pytestmark = pytest.mark.django_db

Send = Callable[..., dict[str, Any]]
DECIDES = "agents_app.decide_approvalrequest"


def sender(user: Any) -> Send:
    """Sends commands as this person, and gives the replies."""

    def send(name: str, **fields: Any) -> dict[str, Any]:
        text = json.dumps({"type": "command", "id": "c", "name": name, **fields})
        reply = perform(text, Caller(user=user, origin=Origin(door="websocket"), run_id=None))
        answer: dict[str, Any] = json.loads(reply.encoded())
        return answer

    return send


def test_delegations_are_made_listed_and_revoked() -> None:
    ann, ben = office.person("ann", DECIDES), office.person("ben", DECIDES)
    send = sender(ann)
    until = (database_now() + timedelta(days=3)).isoformat()
    made = send("delegate", to="ben", until=until, reason="On holiday.")
    assert made["ok"], made
    assert (made["result"]["giver"], made["result"]["receiver"], made["result"]["state"]) == ("ann", "ben", "active")
    assert [each["id"] for each in sender(ben)("list_delegations")["result"]] == [made["result"]["id"]]
    assert sender(office.person("eve", DECIDES))("list_delegations")["result"] == []
    refused = sender(ben)("revoke_delegation", delegation=made["result"]["id"])
    assert refused["error"]["code"] == "not_permitted"
    ended = send("revoke_delegation", delegation=made["result"]["id"])
    assert (ended["result"]["state"], ended["result"]["revoked_by"]) == ("revoked", "ann")
    assert not Delegation.objects.active().exists()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": "nobody"}, "unknown_user"),
        ({"to": "ann"}, "same_person"),
        ({"to": "carl"}, "cannot_decide"),
        ({"to": "ben", "until": "2001-01-01T00:00:00Z"}, "period"),
        ({"to": "ben", "until": "9998-12-31T23:59:59+00:00"}, "period"),
        ({"to": "ben", "until": "9999-12-31T23:59:59+00:00"}, "invalid_input"),
        ({"to": "ben", "until": "tomorrow"}, "invalid_input"),
        ({"to": "ben", "giver": "carl"}, "not_permitted"),
        ({"to": "ben", "giver": "nobody"}, "not_permitted"),
    ],
)
def test_what_cannot_be_delegated(fields: dict[str, Any], code: str) -> None:
    ann = office.person("ann", DECIDES)
    office.persons({"ben": [DECIDES], "carl": []})
    until = (database_now() + timedelta(days=3)).isoformat()
    assert sender(ann)("delegate", **{"until": until, **fields})["error"]["code"] == code
    assert not Delegation.objects.exists()


def test_policies_are_made_changed_read_asked_and_removed() -> None:
    names = ("add", "change", "delete", "view")
    boss = sender(office.person("boss", *(f"agents_app.{name}_approvalpolicy" for name in names)))
    with office.open_office():
        large = {"path": "amount", "operator": "more_than", "value": 100}
        made = boss("save_policy", values={"name": "large", "tool": "pay", "answer": "deny", "conditions": [large]})
        assert made["ok"], made
        key = made["result"]["id"]
        asked = {"agent": "clerk", "tool": "pay", "arguments": {"to": "Ann", "amount": "120"}}
        assert boss("check_policy", **asked)["result"]["answer"] == "deny"
        off = boss("save_policy", policy=key, values={"active": False})["result"]
        assert (off["active"], off["name"], off["answer"], len(off["conditions"])) == (False, "large", "deny", 1)
        assert boss("check_policy", **asked)["result"]["answer"] == "ask", "the tool's own rule is left"
        assert boss("read_policy", policy=key)["result"] == off
        assert boss("list_policies")["result"] == [off]
        wrong = boss("save_policy", values={"name": "odd", "tool": "pey", "answer": "deny"})["error"]
        assert (wrong["code"], wrong["details"]["errors"][0]["path"]) == ("invalid_input", ["tool"])
        assert boss("remove_policy", policy=key)["result"]["name"] == "large"
        assert boss("read_policy", policy=key)["error"]["code"] == "not_found"


def test_policies_are_for_those_who_may() -> None:
    send = sender(office.person("ann", DECIDES))
    row = rows.policy()
    for name, fields, code in (
        ("list_policies", {}, "not_permitted"),
        ("read_policy", {"policy": str(row.pk)}, "not_found"),
        ("save_policy", {"values": {"name": "x", "answer": "deny"}}, "not_permitted"),
        ("save_policy", {"policy": str(row.pk), "values": {"active": False}}, "not_permitted"),
        ("remove_policy", {"policy": str(row.pk)}, "not_found"),
    ):
        assert send(name, **fields)["error"]["code"] == code, name
    row.refresh_from_db()
    assert row.active


def test_a_parked_notification_is_released() -> None:
    request = rows.request()
    now = database_now()
    times = {"state_at": now, "created_at": now, "due_at": now}
    about: dict[str, Any] = {"channel": "email", "sequence": 1, "kind": "approval.requested", "error": "no route"}
    row = Notification.objects.create(context=request.context, request=request, state="parked", **times, **about)
    assert (
        sender(office.person("ann"))("release_notification", notification=str(row.pk))["error"]["code"] == "not_found"
    )
    viewer = sender(office.person("vic", "agents_app.view_notification"))
    assert viewer("release_notification", notification=str(row.pk))["error"]["code"] == "not_permitted"
    send = sender(office.person("ops", "agents_app.release_notification"))
    assert send("release_notification", notification=str(row.pk))["result"]["state"] == "waiting"
    assert send("release_notification", notification=str(row.pk))["error"]["code"] == "not_parked"
