"""Who has not decided is reminded, and whom it is passed on to is told: through a channel, at once, and once."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group

from agents_app import Agent, ApprovalTimes, Approvers, tool
from agents_app.definitions.registry import registry
from agents_app.models import Notification, NotificationPreference, database_now
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.notify.conftest import NOTED, Noted, telling

pytestmark = pytest.mark.django_db
TIMES = ApprovalTimes(expires_after=432_000, remind_after=600, escalate_after=1200, escalate_to_group="Leads")


@tool(effect="idempotent", requires_approval=True, times=TIMES, approvers=Approvers(group="Till"))
def ring(number: str) -> str:
    """Ring somebody up."""
    return number


class Ringer(Agent[str]):
    """Rings up people."""

    name = "ringer"
    tools = [ring]


@pytest.fixture
def staff() -> dict[str, Any]:
    """Tilda of the till wants digests; Lea leads."""
    found = {"tilda": office.decider("tilda"), "lea": office.decider("lea"), "eve": office.decider("eve")}
    found["tilda"].groups.add(Group.objects.create(name="Till"))
    found["lea"].groups.add(Group.objects.create(name="Leads"))
    NotificationPreference.objects.create(
        user=found["tilda"], channel="noted", mode="digest", changed_at=database_now()
    )
    return found


@pytest.fixture
def waiting(agents: AgentsKit, staff: dict[str, Any]) -> Iterator[Run[Any]]:
    with registry.override(Ringer), telling(noted={"channel": NOTED}):
        agents.scripted_llm(Ringer, calls("ring", number="112"), "Done.")
        run: Run[Any] = start_run(Ringer, "go")
        agents.run_until_idle()
        yield run


def told(agents: AgentsKit, seconds: float) -> list[tuple[str, str]]:
    """Who was told what since the last time, at this many seconds after the request."""
    Noted.sent.clear()
    with agents.move_time(seconds):
        agents.run_until_idle()
        agents.run_until_idle()
    return sorted((message.recipient.username, item.event) for message in Noted.sent for item in message.items)


def test_each_is_told_when_it_is_their_turn(agents: AgentsKit, waiting: Run[Any]) -> None:
    assert Noted.sent == [], "the one who may decide wants a digest"
    assert told(agents, 601) == [("tilda", "approval.reminded")]
    assert told(agents, 602) == []
    assert told(agents, 1201) == [("lea", "approval.escalated"), ("tilda", "approval.escalated")]
    assert {message.subject.partition(",")[0] for message in Noted.sent} == {"Passed on to you"}
    assert told(agents, 1202) == []
    kinds = {"approval.requested", "approval.reminded", "approval.escalated"}
    assert set(Notification.objects.values_list("kind", flat=True)) == kinds
