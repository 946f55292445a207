"""Commands on what is kept: delegations."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from agents_app.models import Delegation, database_now
from agents_app.services import Origin
from agents_app.ws.calling import Caller
from agents_app.ws.commands import perform
from tests import office

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
        ({"to": "ben", "until": "9999-12-31T23:59:59+00:00"}, "period"),
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
