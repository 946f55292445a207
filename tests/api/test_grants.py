"""Standing grants over REST."""

from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from agents_app.services import start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db

UP_TO_100 = [{"path": "amount", "operator": "at_most", "value": 100}]


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


def client(user: Any) -> APIClient:
    made = APIClient()
    made.force_authenticate(user)
    return made


@pytest.fixture
def olga() -> Any:
    return office.person("olga", *office.DECIDES, "agents_app.add_standinggrant", "agents_app.view_agentcontext")


def paying(agents: AgentsKit, amount: int) -> Any:
    agents.scripted_llm(Clerk, calls("pay", to="Ann", amount=amount), "Done.")
    run = start_run(Clerk, "go", session="s")
    agents.run_until_idle()
    return run


def test_a_grant_from_its_making_to_its_end(agents: AgentsKit, olga: Any) -> None:
    request = office.request_of(paying(agents, 80))
    body = {"scope": "session", "conditions": UP_TO_100, "expires_at": "never", "uses": 3, "reason": "Postage."}
    made = client(olga).post(f"/api/approvals/{request.pk}/grant/", body, format="json", HTTP_IDEMPOTENCY_KEY="k")
    assert made.status_code == 201, made.content
    again = client(olga).post(f"/api/approvals/{request.pk}/grant/", body, format="json", HTTP_IDEMPOTENCY_KEY="k")
    grant = made.json()
    assert again.json() == grant
    assert (grant["state"], grant["uses_left"], grant["owner"], grant["request"]) == (
        "live",
        3,
        "olga",
        str(request.pk),
    )

    run = paying(agents, 60)
    (call,) = client(olga).get(f"/api/runs/{run.id}/tool-calls/").json()["results"]
    assert (call["status"], call["grant"]) == ("succeeded", grant["id"])
    events = client(olga).get(f"/api/runs/{run.id}/events/").json()["results"]
    assert [event["data"]["grant"] for event in events if event["type"] == "tool_call.started"] == [grant["id"]]
    read = client(olga).get(f"/api/grants/{grant['id']}/").json()
    assert (read["uses"], read["uses_left"], read["last_used_at"] is not None) == (1, 2, True)

    ended = client(olga).post(f"/api/grants/{grant['id']}/revoke/", {"reason": "Enough."}, format="json").json()
    assert (ended["state"], ended["revoked_by"], ended["revoked_reason"]) == ("revoked", "olga", "Enough.")
    (listed,) = client(olga).get("/api/grants/").json()["results"]
    assert listed == ended
    assert office.call_of(paying(agents, 60)).status == "awaiting_approval"


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"scope": "world"}, ["scope"]),
        ({"conditions": []}, ["conditions"]),
        ({"conditions": [{"path": "gone", "operator": "equals", "value": 1}]}, ["conditions", 0, "path"]),
        ({"expires_at": "2001-01-01T00:00:00Z"}, ["expires_at"]),
        ({"scope": "user"}, ["scope"]),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_at_its_place(
    agents: AgentsKit, olga: Any, wrong: dict[str, Any], path: list[Any]
) -> None:
    request = office.request_of(paying(agents, 80))
    body = {"scope": "session", "conditions": UP_TO_100, "expires_at": "never", **wrong}
    answer = client(olga).post(f"/api/approvals/{request.pk}/grant/", body, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["errors"][0]["path"] == path
