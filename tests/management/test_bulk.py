"""agents_decide."""

from typing import Any

from agents_app.models import ApprovalRequest, Decision
from agents_app.testing import AgentsKit
from tests.management.desk import manage, resting
from tests.management.test_look import REFUND


def test_many_at_once(agents: AgentsKit, people: dict[str, Any]) -> None:
    for _ in range(2):
        resting(agents, [REFUND])
    first, second = ApprovalRequest.objects.order_by("pk")
    stale = f"{second.pk}:{'0' * 64}"
    found = manage("agents_decide", "approve", f"{first.pk}:{first.digest}", stale, "--as", "lead")
    assert found.code == 5
    assert f"{first.pk} decided" in found.out
    assert f"{second.pk} changed" in found.out
    found = manage("agents_decide", "reject", second.pk, "--reason", "No.", "--as", "lead", "--json")
    assert (found.code, found.json[0]["outcome"], found.json[0]["status"]) == (0, "decided", "rejected")
    assert {made.door for made in Decision.objects.all()} == {"command"}
    assert manage("agents_decide", "reject", second.pk, "--as", "lead").code == 2
    assert manage("agents_decide", "approve", "ffff0000", "--as", "lead").code == 3
