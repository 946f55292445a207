"""The words that rows hold. Rows outlive code: a name may be added, never renamed or taken away."""

from enum import StrEnum

import pytest

from agents_app.core import status

STORED = {
    status.RunStatus: (
        "idle thinking using_tool waiting_for_approval waiting_for_input scheduled paused completed cancelled failed"
    ),
    status.StepKind: "think use_tool ask_user respond wait complete",
    status.StepStatus: "started completed failed",
    status.ToolCallStatus: ("proposed awaiting_approval ready started unknown succeeded failed rejected cancelled"),
    status.ApprovalStatus: "pending approved rejected expired sent_back withdrawn",
    status.InputStatus: "pending answered expired withdrawn",
    status.Effect: "read idempotent atomic external",
    status.Verdict: "approved edited rejected sent_back happened try_again give_up",
}


@pytest.mark.parametrize("names", STORED, ids=lambda names: names.__name__)
def test_stored_names_stay(names: type[StrEnum]) -> None:
    assert set(STORED[names].split()) <= {str(each) for each in names}


def test_groups() -> None:
    assert {"completed", "cancelled", "failed"} == status.ENDED
    assert {"succeeded", "failed", "rejected", "cancelled"} == status.SETTLED
    assert {"waiting_for_approval", "waiting_for_input", "paused"} == status.WAITING_FOR_PEOPLE
    assert {"think", "use_tool"} == status.COUNTED_STEPS
