"""Deciding over REST."""

from typing import Any

from agents_app.models import ApprovalRequest, Decision


def pending(client: Any) -> Any:
    [request] = client.get("/api/approvals/?status=pending").json()["results"]
    return client.get(f"/api/approvals/{request['id']}/").json()


def decide(client: Any, request: Any, verb: str, **body: Any) -> Any:
    return client.post(f"/api/approvals/{request['id']}/{verb}/", body, format="json")


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_request_shows_exactly_what_is_decided(client_of: Any, run_of: Any) -> None:
    run = run_of("refund")
    request = pending(client_of("approver"))
    assert request["run"] == str(run.id)
    assert (request["tool"], request["effect"], request["permission"]) == ("refund", "atomic", "auth.change_user")
    assert request["arguments"] == {"amount": "120", "number": "A-1"}
    assert request["reason"] == "more than 50 EUR"
    assert len(request["digest"]) == 64
    assert set(request["arguments_schema"]["properties"]) == {"number", "amount"}
    assert request["decisions"] == []
    assert request["nobody_because"] is None


def test_it_is_said_that_nobody_may_approve(client_of: Any, run_of: Any) -> None:
    run_of("refund")
    ApprovalRequest.objects.update(group="Nowhere")
    client = client_of("approver")
    request = pending(client)
    assert "There is no group “Nowhere”" in request["nobody_because"]
    answer = decide(client, request, "approve", digest=request["digest"])
    error = answer.json()["error"]
    assert (answer.status_code, error["details"]) == (403, {"rule": "group"})
    assert "There is no group “Nowhere”" in error["message"]


def test_an_approved_call_is_made(client_of: Any, run_of: Any, desk: Any) -> None:
    run, client = run_of("refund"), client_of("approver")
    request = pending(client)
    answer = decide(client, request, "approve", digest=request["digest"], reason="fine")
    assert answer.status_code == 200
    decided = answer.json()
    assert (decided["status"], decided["valid_until"] is not None) == ("approved", True)
    [decision] = decided["decisions"]
    assert (decision["verdict"], decision["user_name"], decision["door"]) == ("approved", "approver", "rest")
    stored = Decision.objects.get()
    assert (stored.address, stored.reason) == ("127.0.0.1", "fine")
    desk.run_until_idle()
    [call] = client.get(f"/api/runs/{run.id}/tool-calls/").json()["results"]
    assert (call["status"], call["result"]) == ("succeeded", "paid 120")
    assert client.get(f"/api/runs/{run.id}/").json()["status"] == "completed"


def test_arguments_are_edited_with_an_approval(client_of: Any, run_of: Any, desk: Any) -> None:
    run_of("refund")
    client = client_of("approver")
    request = pending(client)
    edited = {"number": "A-1", "amount": "100.50"}
    decided = decide(client, request, "approve", digest=request["digest"], arguments=edited).json()
    assert decided["arguments"] == {"amount": "100.5", "number": "A-1"}
    assert decided["digest"] != request["digest"]
    assert decided["decisions"][0]["digest_shown"] == request["digest"]
    desk.run_until_idle()
    [call] = client.get("/api/tool-calls/").json()["results"]
    assert (call["edited"], call["result"]) == (True, "paid 100.5")


def test_a_rejection_needs_a_reason_and_the_agent_reads_it(client_of: Any, run_of: Any, desk: Any) -> None:
    run, client = run_of("refund"), client_of("approver")
    request = pending(client)
    assert code_of(decide(client, request, "reject")) == (400, "invalid_input")
    assert code_of(decide(client, request, "reject", reason="  ")) == (400, "reason_required")
    assert decide(client, request, "reject", reason="out of warranty").json()["status"] == "rejected"
    desk.run_until_idle()
    transcript = client.get(f"/api/runs/{run.id}/transcript/").json()["messages"]
    assert "out of warranty" in transcript[2]["text"]


def test_the_agent_reads_what_to_do_instead(client_of: Any, run_of: Any, desk: Any) -> None:
    run, client = run_of("refund"), client_of("approver")
    request = pending(client)
    assert code_of(decide(client, request, "send-back", reason="x")) == (400, "invalid_input")
    assert code_of(decide(client, request, "send-back", instructions=" ")) == (400, "reason_required")
    assert decide(client, request, "send-back", instructions="Offer a repair.").json()["status"] == "sent_back"
    desk.run_until_idle()
    transcript = client.get(f"/api/runs/{run.id}/transcript/").json()["messages"]
    assert "Their instructions: Offer a repair." in transcript[2]["text"]


def test_what_was_not_shown_is_not_approved(client_of: Any, run_of: Any) -> None:
    run_of("refund")
    client = client_of("approver")
    request = pending(client)
    assert code_of(decide(client, request, "approve", digest="0" * 64)) == (409, "stale_digest")
    assert code_of(decide(client, request, "approve")) == (400, "invalid_input")
    broken = decide(client, request, "approve", digest=request["digest"], arguments={"number": 7, "amount": "-1"})
    assert code_of(broken) == (400, "invalid_arguments")
    assert {tuple(each["path"]) for each in broken.json()["error"]["details"]["errors"]} >= {("amount",)}
    assert pending(client)["status"] == "pending"


def test_the_second_of_two_approvers_is_told_who_was_first(client_of: Any, run_of: Any) -> None:
    run_of("refund")
    request = pending(client_of("approver"))
    decide(client_of("approver"), request, "approve", digest=request["digest"])
    late = decide(client_of("admin"), request, "reject", reason="no")
    assert code_of(late) == (409, "already_decided")
    details = late.json()["error"]["details"]
    assert (details["by"], details["verdict"]) == ("approver", "approved")


def test_a_decision_that_comes_too_late_is_gone(client_of: Any, run_of: Any, desk: Any, settings: Any) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "APPROVAL_EXPIRES_SECONDS": 60}
    run_of("refund")
    client = client_of("approver")
    request = pending(client)
    with desk.move_time(61):
        assert code_of(decide(client, request, "approve", digest=request["digest"])) == (410, "expired")


def test_who_lacks_the_tools_own_permission_is_refused(client_of: Any, run_of: Any, people: Any) -> None:
    run_of("refund")
    request = pending(client_of("approver"))
    people["approver"].user_permissions.remove(people["approver"].user_permissions.get(codename="change_user"))
    answer = decide(client_of("approver"), request, "approve", digest=request["digest"])
    assert code_of(answer) == (403, "not_permitted")
    assert answer.json()["error"]["details"] == {"rule": "auth.change_user"}


def test_requests_are_filtered(client_of: Any, run_of: Any) -> None:
    run = run_of("refund")
    client = client_of("approver")
    for query, expected in (
        ("status=pending", 1),
        ("status=rejected", 0),
        (f"run={run.id}", 1),
        ("agent=desk", 1),
        ("tool=pay", 0),
        ("risk=medium", 1),
        ("risk=high", 0),
        ("requester=nobody", 0),
        ("tab=mine", 1),
        ("tab=groups", 0),
        ("tab=all", 1),
    ):
        assert len(client.get(f"/api/approvals/?{query}").json()["results"]) == expected, query
    for wrong in ("run=x", "tab=yours", "risk=huge"):
        assert client.get(f"/api/approvals/?{wrong}").status_code == 400
    request = ApprovalRequest.objects.get()
    ApprovalRequest.objects.update(claimed_by_key="0", risk="high")
    assert client.get("/api/approvals/?tab=mine").json()["results"] == [], "somebody else has taken it on"
    assert [row["id"] for row in client.get("/api/approvals/?risk=high").json()["results"]] == [str(request.pk)]


def test_a_request_of_an_agent_that_is_gone_is_still_shown(client_of: Any, run_of: Any) -> None:
    from agents_app.definitions.registry import registry

    run_of("refund")
    with registry.override():
        request = pending(client_of("approver"))
        assert request["arguments_schema"] is None
        assert request["arguments"] == {"amount": "120", "number": "A-1"}
