"""Taking requests on, giving them back and handing them over, over REST."""

from typing import Any

from agents_app.models import AgentEvent
from tests.api.test_approvals import code_of, decide, pending
from tests.office import DECIDES, person

LEAD = (*DECIDES, "auth.change_user", "agents_app.reassign_approvalrequest")


def test_a_claim_is_told_and_bars_nobody(client_of: Any, run_of: Any, people: Any) -> None:
    run_of("refund")
    client, other = client_of("approver"), client_of("admin")
    request = pending(client)
    claimed = decide(client, request, "claim").json()
    assert (claimed["claimed_by"], claimed["claimed_at"] is not None) == ("approver", True)
    assert decide(client, request, "claim").status_code == 200, "a second click"
    refused = decide(other, request, "claim")
    assert code_of(refused) == (409, "claimed")
    assert refused.json()["error"]["details"] == {"by": "approver"}
    decided = decide(other, request, "approve", digest=request["digest"])
    assert decided.json()["status"] == "approved"
    assert code_of(decide(client, request, "claim")) == (409, "already_decided")
    assert code_of(decide(client, request, "release")) == (409, "already_decided")


def test_it_is_given_back_and_handed_over(client_of: Any, run_of: Any, people: Any) -> None:
    people["lead"] = person("lead", *LEAD)
    people["ben"] = person("ben", *DECIDES, "auth.change_user")
    run = run_of("refund")
    client, lead = client_of("approver"), client_of("lead")
    request = pending(client)
    assert decide(client, request, "reassign", to="ben").json()["claimed_by"] == "ben"
    assert code_of(decide(client, request, "release")) == (403, "not_permitted")
    assert code_of(decide(client, request, "reassign", to="approver")) == (403, "not_permitted")
    assert decide(lead, request, "reassign", to="approver").json()["claimed_by"] == "approver"
    assert decide(client, request, "release").json()["claimed_by"] is None
    assert decide(lead, request, "release").status_code == 200, "it is nobody's already"
    events = AgentEvent.objects.filter(context_id=run.id, type__startswith="approval.").order_by("sequence")
    assert [event.type for event in events] == [
        *("approval.requested", "approval.reassigned", "approval.reassigned", "approval.released"),
    ]
    assert events[1].data["to"] == "ben"


def test_it_is_handed_only_to_somebody_who_may_decide(client_of: Any, run_of: Any, people: Any) -> None:
    run_of("refund")
    client = client_of("approver")
    request = pending(client)
    refused = decide(client, request, "reassign", to="viewer")
    assert code_of(refused) == (403, "not_permitted")
    assert refused.json()["error"]["details"]["rule"] == "agents_app.decide_approvalrequest"
    assert code_of(decide(client, request, "reassign", to="nobody-of-this-name")) == (400, "unknown_user")
    assert code_of(decide(client, request, "reassign")) == (400, "invalid_input")
    assert pending(client)["claimed_by"] is None


def test_who_may_not_hand_over_learns_no_names(client_of: Any, run_of: Any, people: Any) -> None:
    run_of("refund")
    request = pending(client_of("approver"))
    for name in ("approver", "nobody-of-this-name"):
        assert code_of(decide(client_of("viewer"), request, "reassign", to=name)) == (403, "not_permitted")


def test_it_is_handed_to_nobody_from_whom_the_run_is_hidden(client_of: Any, run_of: Any, people: Any) -> None:
    from_them = person("ben", *DECIDES, "auth.change_user")
    run = run_of("refund")
    request = pending(client_of("approver"))
    assert client_of("admin").post(f"/api/runs/{run.id}/cancel/", {}, format="json").status_code == 200
    assert client_of("admin").post(f"/api/runs/{run.id}/hide/", {"reason": "r"}, format="json").status_code == 200
    refused = decide(client_of("admin"), request, "reassign", to=from_them.get_username())
    assert refused.status_code == 403
    assert refused.json()["error"]["details"]["rule"] == "hidden"
