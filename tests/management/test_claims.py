"""agents_claim, agents_release, agents_reassign."""

from typing import Any

import pytest

from agents_app.models import ApprovalRequest
from agents_app.testing import AgentsKit
from tests.management.desk import manage
from tests.management.test_decide import request_id

__all__ = ["request_id"]


def holder() -> str:
    return ApprovalRequest.objects.get().claimed_by_name


@pytest.fixture
def lead2(people: dict[str, Any]) -> Any:
    second = type(people["lead"]).objects.create_user("lead2")
    second.user_permissions.set(people["lead"].user_permissions.all())
    return second


def test_it_is_taken_on_handed_over_and_given_back(
    agents: AgentsKit, request_id: str, lead2: Any
) -> None:  # the fixture
    assert manage("agents_claim", request_id[:20], "--as", "lead").out == "Taken on by lead.\n"
    assert "taken on by lead" in " ".join(manage("agents_inbox").out.split())
    assert manage("agents_claim", request_id, "--as", "lead2").code == 5
    assert manage("agents_release", request_id, "--as", "lead2").code == 4
    assert manage("agents_reassign", request_id, "--to", "lead2", "--as", "lead").out == "Handed to lead2.\n"
    assert holder() == "lead2"
    assert manage("agents_release", request_id).code == 0, "the system may take it away"
    assert holder() == ""


def test_who_cannot_have_it(agents: AgentsKit, request_id: str) -> None:  # the fixture
    refused = manage("agents_claim", request_id, "--as", "customer")
    assert (refused.code, "agents_app.decide_approvalrequest" in refused.error) == (4, True)
    refused = manage("agents_reassign", request_id, "--to", "clerk")
    assert (refused.code, "clerk may not approve this" in refused.error) == (4, True)
    assert manage("agents_reassign", request_id, "--to", "nobody").code == 3
    assert manage("agents_claim", "ffff0000", "--as", "lead").code == 3
    assert holder() == ""
