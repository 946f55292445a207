"""Standing grants over the websocket."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from agents_app.models import StandingGrant
from agents_app.services import Origin, start_run
from agents_app.testing import AgentsKit, calls
from agents_app.ws.commands import Caller, perform
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


def done(user: Any, **fields: Any) -> dict[str, Any]:
    caller = Caller(user=user, origin=Origin(door="websocket"), run_id=None)
    return perform(json.dumps({"type": "command", "id": "c", **fields}), caller).model_dump(mode="json")


def test_a_grant_is_made_and_revoked(agents: AgentsKit) -> None:
    olga = office.person("olga", *office.DECIDES, "agents_app.add_standinggrant")
    agents.scripted_llm(Clerk, calls("pay", to="Ann", amount=80), "Done.")
    run = start_run(Clerk, "go", user=olga)
    agents.run_until_idle()
    up_to_100 = [{"path": "amount", "operator": "at_most", "value": 100}]
    make = {"name": "make_grant", "request": str(office.request_of(run).pk), "scope": "user", "conditions": up_to_100}
    assert done(olga, **make)["error"]["code"] == "invalid_input"  # until when?
    assert done(olga, **make, expires_at="2001-01-01T00:00:00Z")["error"]["code"] == "invalid_input"
    assert done(office.decider(), **make, expires_at="never")["error"]["code"] == "not_permitted"
    assert done(olga, **make, expires_at="never", uses=2)["ok"]
    row = StandingGrant.objects.get()
    assert (row.door, row.uses_left, row.user_name, row.conditions) == ("websocket", 2, "olga", up_to_100)
    assert done(olga, name="revoke_grant", grant=str(row.pk), reason="Enough.")["ok"]
    row.refresh_from_db()
    assert (row.revoked_by_name, row.revoked_reason) == ("olga", "Enough.")
