"""Deciding in somebody's place, over REST."""

from datetime import timedelta
from typing import Any

from agents_app.models import Decision, Delegation, database_now
from tests.api.test_approvals import code_of, decide, pending
from tests.office import DECIDES, person


def later(days: float = 2) -> str:
    return (database_now() + timedelta(days=days)).isoformat()


def make(client: Any, **body: Any) -> Any:
    return client.post("/api/delegations/", {"until": later(), **body}, format="json")


def test_a_colleague_decides_until_it_is_revoked(client_of: Any, run_of: Any, people: Any, desk: Any) -> None:
    people["ben"] = person("ben", "agents_app.decide_approvalrequest")
    mine, bens = client_of("approver"), client_of("ben")
    run_of("refund")
    request = pending(bens)
    assert code_of(decide(bens, request, "approve", digest=request["digest"])) == (403, "not_permitted")
    made = make(mine, to="ben", reason="On holiday.")
    assert made.status_code == 201
    shown = made.json()
    assert (shown["giver"], shown["receiver"], shown["state"]) == ("approver", "ben", "active")
    assert decide(bens, request, "approve", digest=request["digest"]).status_code == 200
    assert Decision.objects.get().on_behalf_of_name == "approver"
    assert code_of(bens.post(f"/api/delegations/{shown['id']}/revoke/", {}, format="json")) == (403, "not_permitted")
    ended = mine.post(f"/api/delegations/{shown['id']}/revoke/", {}, format="json").json()
    assert (ended["state"], ended["revoked_by"]) == ("revoked", "approver")
    assert bens.get(f"/api/delegations/{shown['id']}/").json() == ended
    desk.run_until_idle()
    again = pending(bens)
    assert again["supersedes"] == request["id"], "asked anew before the call is made"
    assert code_of(decide(bens, again, "approve", digest=again["digest"])) == (403, "not_permitted")


def test_one_sees_ones_own_and_managers_see_all(client_of: Any, people: Any) -> None:
    people["ben"], people["eve"] = person("ben", *DECIDES), person("eve", *DECIDES)
    people["boss"] = person("boss", "agents_app.manage_delegation")
    first = make(client_of("approver"), to="ben").json()["id"]
    second = make(client_of("boss"), giver="ben", to="eve", since=later(0.5), until=later(1)).json()["id"]
    seen = {
        name: [row["id"] for row in client_of(name).get("/api/delegations/").json()["results"]]
        for name in ("approver", "ben", "eve", "boss", "viewer")
    }
    both = [second, first]
    assert seen == {"approver": [first], "ben": both, "eve": [second], "boss": both, "viewer": []}
    listed = client_of("boss").get("/api/delegations/?active=true").json()["results"]
    assert [(row["id"], row["state"]) for row in listed] == [(first, "active")]
    listed = client_of("boss").get("/api/delegations/?active=false").json()["results"]
    assert [(row["id"], row["state"]) for row in listed] == [(second, "planned")]
    assert client_of("viewer").get(f"/api/delegations/{first}/").status_code == 404
    assert client_of("boss").post(f"/api/delegations/{second}/revoke/", {}, format="json").status_code == 200


def test_what_cannot_be_delegated_says_why(client_of: Any, people: Any) -> None:
    mine = client_of("approver")
    assert code_of(make(mine, to="viewer")) == (400, "cannot_decide")
    assert code_of(make(mine, to="approver")) == (400, "same_person")
    assert code_of(make(mine, to="nobody")) == (400, "unknown_user")
    assert code_of(make(mine, to="admin", until=later(500))) == (400, "period")
    assert code_of(make(mine, to="admin", since=later(3), until=later(1))) == (400, "period")
    assert code_of(make(mine, to="admin", until="9999-12-31T23:59:59+00:00")) == (400, "invalid_input")
    assert code_of(make(mine, to="admin", until="2026-01-01")) == (400, "invalid_input")
    assert code_of(make(client_of("viewer"), to="admin")) == (403, "not_permitted")
    for name in ("admin", "nobody"):
        assert code_of(make(mine, to="admin", giver=name)) == (403, "not_permitted"), "no names are learned"
    assert not Delegation.objects.exists()


def test_it_does_not_begin_in_the_past(client_of: Any, people: Any) -> None:
    before = database_now()
    make(client_of("approver"), to="admin", since=later(-3))
    assert Delegation.objects.get().begins_at >= before
