"""Questions that nobody answers: recalled, escalated, rejected, cancelled, or kept."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import override_settings

from agents_app import Agent, ApprovalTimes, Approvers, tool
from agents_app.core.status import ApprovalStatus, RunStatus, ToolCallStatus
from agents_app.definitions.registry import registry
from agents_app.exceptions import Expired, NotPermitted
from agents_app.models import AgentContext, ApprovalRequest
from agents_app.services import Run, approve, start_run
from agents_app.testing import AgentsKit, calls
from tests import office

pytestmark = pytest.mark.django_db

HOUR = 3600.0
TIMES: dict[str, ApprovalTimes | None] = {
    "usual": None,
    "hour": ApprovalTimes(expires_after=HOUR, remind_after=600, escalate_after=1200, escalate_to_group="Leads"),
    "narrow": ApprovalTimes(escalate_after=600, escalate_to_group="Leads"),
    "ending": ApprovalTimes(expires_after=timedelta(hours=1), on_expiry="cancel"),
    "patient": ApprovalTimes(expires_after=HOUR, on_expiry="keep_waiting"),
    "endless": ApprovalTimes(expires_after="never", valid_for=60),
}
rung: list[str] = []


def _tool(name: str, times: ApprovalTimes | None) -> Any:
    def ring(number: str) -> str:
        rung.append(number)
        return "rung"

    ring.__name__ = name
    approvers = Approvers(group="Till") if name == "narrow" else None
    return tool(effect="idempotent", requires_approval=True, times=times, approvers=approvers)(ring)


class Ringer(Agent[str]):
    """Rings up people."""

    name = "ringer"
    instructions = "Ring."
    tools = [_tool(name, times) for name, times in TIMES.items()]


@pytest.fixture(autouse=True)
def _ringer() -> Iterator[None]:
    with registry.override(Ringer):
        rung.clear()
        yield


Asked = Callable[[str], tuple[Run[str], ApprovalRequest]]


@pytest.fixture
def asked(agents: AgentsKit) -> Asked:
    """A run that waits for approval of the tool of this name."""

    def ask(name: str) -> tuple[Run[str], ApprovalRequest]:
        agents.scripted_llm(Ringer, calls(name, number="112"), "Done.")
        run = start_run(Ringer, "Ring.")
        agents.run_until_idle()
        return run, office.request_of(run)

    return ask


def after(agents: AgentsKit, run: Run[str], seconds: float) -> tuple[Run[str], list[str]]:
    """The run so much later, and the types of its events about approval."""
    with agents.move_time(seconds):
        agents.run_until_idle()
    return run.again(), [name for name in agents.event_types(run) if name.startswith("approval.")][1:]


def due_in(request: ApprovalRequest) -> float | None:
    due = AgentContext.objects.get(pk=request.context_id).due_at
    return None if due is None else (due - request.created_at).total_seconds()


def test_each_thing_happens_once_and_in_time(agents: AgentsKit, asked: Asked) -> None:
    run, request = asked("hour")
    assert due_in(request) == 600
    assert after(agents, run, 599)[1] == []
    assert after(agents, run, 601)[1] == ["approval.reminded"]
    assert due_in(request) == 1200
    assert after(agents, run, 1201)[1] == ["approval.reminded", "approval.escalated"]
    request.refresh_from_db()
    assert request.escalated_at is not None
    assert due_in(request) == HOUR
    assert after(agents, run, 3000)[1] == ["approval.reminded", "approval.escalated"]
    ended, events = after(agents, run, HOUR + 1)
    assert events == ["approval.reminded", "approval.escalated", "approval.expired"]
    assert (ended.status, ended.output, office.call_of(run).error_code) == (
        RunStatus.COMPLETED,
        "Done.",
        "approval_expired",
    )
    assert rung == []


def test_after_the_escalation_others_may_decide_as_well(agents: AgentsKit, asked: Asked) -> None:
    _, request = asked("narrow")
    lead = office.decider("lea")
    lead.groups.add(Group.objects.create(name="Leads"))
    with pytest.raises(NotPermitted) as early:
        approve(request.pk, by=lead, digest=request.digest)
    assert early.value.details["rule"] == "group"
    with agents.move_time(601):
        agents.run_until_idle()
        with pytest.raises(NotPermitted):
            approve(request.pk, by=office.decider("eve"), digest=request.digest)
        approve(request.pk, by=lead, digest=request.digest)
        agents.run_until_idle()
    assert rung == ["112"]


def test_a_late_look_lets_nothing_through(agents: AgentsKit, asked: Asked) -> None:
    run, request = asked("hour")
    dora = office.decider()
    with agents.move_time(HOUR + 1), pytest.raises(Expired):
        approve(request.pk, by=dora, digest=request.digest)
    _, events = after(agents, run, HOUR + 1)
    assert events[-1] == "approval.expired"
    assert rung == []


def test_the_run_is_cancelled_where_the_tool_says_so(agents: AgentsKit, asked: Asked) -> None:
    run, request = asked("ending")
    ended, events = after(agents, run, HOUR + 1)
    assert (ended.status, events) == (RunStatus.CANCELLED, ["approval.expired"])
    details = AgentContext.objects.select_related("details").get(pk=run.id).details
    assert (details.cancelled_by, details.cancelled_why) == ("", "Nobody decided about ending in time.")
    request.refresh_from_db()
    assert (request.status, office.call_of(run).status) == (ApprovalStatus.EXPIRED, ToolCallStatus.REJECTED)


def test_it_keeps_waiting_where_the_tool_says_so(agents: AgentsKit, asked: Asked) -> None:
    run, request = asked("patient")
    waiting, events = after(agents, run, HOUR + 1)
    assert (waiting.status, events) == (RunStatus.WAITING_FOR_APPROVAL, ["approval.overdue"])
    assert due_in(request) is None, "nobody keeps watch any more"
    assert after(agents, run, 9 * HOUR)[1] == ["approval.overdue"]
    dora = office.decider()
    with agents.move_time(9 * HOUR):
        approve(request.pk, by=dora, digest=request.digest)
        agents.run_until_idle()
    assert rung == ["112"]


def test_never_is_never(agents: AgentsKit, asked: Asked) -> None:
    run, request = asked("endless")
    assert (request.expires_at, due_in(request)) == (None, None)
    assert after(agents, run, 1000 * HOUR) == (run.again(), [])


def test_an_approval_is_good_for_as_long_as_the_tool_says(agents: AgentsKit, asked: Asked) -> None:
    run, request = asked("endless")
    dora = office.decider()
    approve(request.pk, by=dora, digest=request.digest)
    _, events = after(agents, run, 61)
    assert events == ["approval.approved", "approval.withdrawn", "approval.requested"]
    assert rung == []


@pytest.mark.parametrize(
    ("own", "expires", "reminds"),
    [
        ({}, 259_200.0, None),
        ({"APPROVAL_EXPIRES_SECONDS": HOUR, "APPROVAL_REMIND_SECONDS": 60}, HOUR, 60.0),
        ({"APPROVAL_EXPIRES_SECONDS": "never"}, None, None),
        ({"APPROVAL_EXPIRES_SECONDS": HOUR, "APPROVAL_REMIND_SECONDS": HOUR}, HOUR, None),
    ],
)
def test_what_the_tool_does_not_say_the_settings_do(
    asked: Asked, own: dict[str, Any], expires: float | None, reminds: float | None
) -> None:
    given = {name: value for name, value in settings.AGENTS_APP.items() if not name.startswith("APPROVAL_")}
    with override_settings(AGENTS_APP={**given, **own}):
        _, request = asked("usual")
    wait, reminder = (
        None if moment is None else (moment - request.created_at).total_seconds()
        for moment in (request.expires_at, request.remind_at)
    )
    assert (wait, reminder) == (expires, reminds)
