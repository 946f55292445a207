"""One answer to many requests: each with its own check and its own outcome."""

from typing import Any

import pytest

from agents_app.core.bulk import MOST_AT_ONCE, Choice, Outcome, Report
from agents_app.core.status import ToolCallStatus, Verdict
from agents_app.exceptions import InvalidInput
from agents_app.models import ApprovalRequest, Decision
from agents_app.services import approve, bulk, reject, start_run
from agents_app.services.bulk import decide_many
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db


def waiting(agents: AgentsKit, number: int, **options: Any) -> list[ApprovalRequest]:
    agents.scripted_llm(Clerk, calls("pay", to="Ada", amount="90"), "Done.")
    runs = [start_run(Clerk, "x", **options) for _ in range(number)]
    agents.run_until_idle()
    return [office.request_of(run) for run in runs]


def choices(requests: list[ApprovalRequest], **digests: str) -> list[Choice]:
    return [
        Choice(request_id=str(row.pk), digest=digests.get(f"of_{place}", row.digest))
        for place, row in enumerate(requests)
    ]


def outcomes(reports: list[Report]) -> list[Outcome]:
    return [report.outcome for report in reports]


@pytest.mark.parametrize(
    ("verdict", "recorded", "status"),
    [
        ("approve", Verdict.APPROVED, ToolCallStatus.SUCCEEDED),
        ("reject", Verdict.REJECTED, ToolCallStatus.REJECTED),
        ("send_back", Verdict.SENT_BACK, ToolCallStatus.REJECTED),
    ],
)
def test_all_are_decided_each_by_a_decision_of_its_own(
    agents: AgentsKit, verdict: str, recorded: Verdict, status: ToolCallStatus
) -> None:
    requests, dora = waiting(agents, 3), office.decider()
    reports = decide_many(choices(requests), verdict, by=dora, reason="All alike.")
    assert outcomes(reports) == [Outcome.DECIDED] * 3
    assert all(report.done and report.status for report in reports)
    made = list(Decision.objects.order_by("pk").values_list("request_id", "verdict", "reason", "user_name"))
    assert made == [(row.pk, recorded, "All alike.", "dora") for row in requests]
    agents.run_until_idle()
    assert {office.call_of(row.context).status for row in requests} == {status}


def test_what_cannot_be_done_to_one_does_not_hinder_the_others(
    agents: AgentsKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests, dora = waiting(agents, 6), office.decider()
    stale, lost, forbidden, broken, *fine = requests
    reject(lost.pk, by=office.decider("emil"), reason="No.")
    ApprovalRequest.objects.filter(pk=forbidden.pk).update(group="Finance")

    def approve_or_break(request_id: str, **options: Any) -> ApprovalRequest:
        if request_id == str(broken.pk):
            raise RuntimeError("broken")
        return approve(request_id, **options)

    monkeypatch.setattr(bulk, "approve", approve_or_break)
    chosen = choices(requests, of_0="0" * 64)
    reports = decide_many([*chosen, Choice(request_id="nothing", digest="")], "approve", by=dora)
    expected = [Outcome.CHANGED, Outcome.LOST, Outcome.REFUSED, Outcome.FAILED, Outcome.DECIDED, Outcome.DECIDED]
    assert outcomes(reports) == [*expected, Outcome.FAILED]
    assert [report.code for report in reports] == [
        *("stale_digest", "already_decided", "not_permitted", "internal_error", "", "", "not_found")
    ]
    assert reports[1].details["by"] == "emil"
    assert reports[2].details["rule"] == "group"
    pending = ApprovalRequest.objects.filter(status="pending").values_list("pk", flat=True)
    assert set(pending) == {stale.pk, forbidden.pk, broken.pk}
    assert len(fine) == 2


def test_a_second_click_tells_the_same_and_decides_nothing(agents: AgentsKit) -> None:
    requests, dora = waiting(agents, 2), office.decider()
    first = decide_many(choices(requests), "approve", by=dora)
    agents.run_until_idle()
    done = list(office.done)
    assert decide_many(choices(requests), "approve", by=dora) == first
    agents.run_until_idle()
    assert (Decision.objects.count(), office.done) == (2, done)
    others = decide_many(choices(requests), "reject", by=dora, reason="No.")
    assert outcomes(others) == [Outcome.LOST] * 2


def test_a_yes_that_others_have_to_join_says_so(agents: AgentsKit) -> None:
    (request,) = waiting(agents, 1)
    ApprovalRequest.objects.update(approvers={"quorum": 2, "four_eyes": False}, quorum=2)
    (report,) = decide_many(choices([request]), "approve", by=office.decider())
    assert (report.outcome, report.status, report.done) == (Outcome.ENDORSED, "pending", True)


def test_the_same_one_twice_is_decided_once(agents: AgentsKit) -> None:
    (request,) = waiting(agents, 1)
    assert outcomes(decide_many(choices([request]) * 2, "approve", by=office.decider())) == [Outcome.DECIDED]


def test_bad_input(agents: AgentsKit) -> None:
    requests, dora = waiting(agents, 1), office.decider()
    many = [Choice(request_id=str(number), digest="") for number in range(MOST_AT_ONCE + 1)]
    for chosen, verdict, code in (
        ([], "approve", "none_chosen"),
        (many, "approve", "too_many"),
        (choices(requests), "allow", "unknown_verdict"),
        (choices(requests), "reject", "reason_required"),
    ):
        with pytest.raises(InvalidInput) as raised:
            decide_many(chosen, verdict, by=dora)
        assert raised.value.code == code
    assert not Decision.objects.exists()
