"""Deciding many requests over REST."""

from typing import Any

from agents_app.models import ApprovalRequest, Decision


def bulk(client: Any, verdict: str, *requests: Any, **body: Any) -> Any:
    chosen = [{"id": str(row.pk), "digest": row.digest} for row in requests]
    return client.post("/api/approvals/bulk/", {"verdict": verdict, "requests": chosen, **body}, format="json")


def test_each_has_its_own_outcome(client_of: Any, run_of: Any) -> None:
    run_of("refund")
    run_of("refund")
    first, second = ApprovalRequest.objects.order_by("pk")
    second.digest = "0" * 64
    for _ in range(2):
        answer = bulk(client_of("approver"), "approve", first, second)
        assert answer.status_code == 200
        done, changed = answer.json()["results"]
        assert done == {"id": str(first.pk), "outcome": "decided", "status": "approved", "error": None}
        assert (changed["outcome"], changed["status"], changed["error"]["code"]) == ("changed", None, "stale_digest")
    assert Decision.objects.get().door == "rest"
    assert bulk(client_of("approver"), "reject", first, second).json()["error"]["code"] == "reason_required"
    second.refresh_from_db()
    answer = bulk(client_of("approver"), "reject", first, second, reason="No.")
    assert [each["outcome"] for each in answer.json()["results"]] == ["lost", "decided"]
    assert answer.json()["results"][0]["error"]["details"]["by"] == "approver"


def test_bad_input(client_of: Any, run_of: Any) -> None:
    run_of("refund")
    request = ApprovalRequest.objects.get()
    client = client_of("approver")
    assert bulk(client, "approve").status_code == 400
    assert bulk(client, "allow", request).status_code == 400
    assert bulk(client, "approve", *[request] * 101).status_code == 400
    assert not Decision.objects.exists()
