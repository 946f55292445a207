"""Policies and kill switches in the admin."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from agents_app.models import ApprovalPolicy, KillSwitch
from tests import office

pytestmark = pytest.mark.django_db
RIGHTS = [f"agents_app.{act}_approvalpolicy" for act in ("add", "change", "delete", "view")]
PAGES = "/admin/agents_app"


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(office.person("boss", *RIGHTS, "agents_app.stop_agents", is_staff=True))
    return client


def who(*rows: dict[str, str], four_eyes: str = "") -> dict[str, Any]:
    """The rows on who may decide; two empty ones at the end, as on the page."""
    parts = ("permission", "group", "resolver", "quorum", "name")
    columns = {f"approvers-{part}": [row.get(part, "") for row in (*rows, {}, {})] for part in parts}
    return {**columns, "approvers-four_eyes": four_eyes}


def typed(*rows: tuple[str, str, str, str], **more: Any) -> dict[str, Any]:
    columns = {
        f"conditions-{part}": [row[place] for row in rows]
        for place, part in enumerate(("path", "operator", "value", "items"))
    }
    fixed = {"name": "large", "active": "on", "agent": "", "tool": "pay", "answer": "deny", "priority": "0"}
    return {**fixed, **who(), "reason": "", "try_arguments": "", **columns, **more}


LARGE = ("amount", "more_than", "100", "")


def test_a_policy_is_made_by_rows_and_changed(boss: Client) -> None:
    page = boss.get(f"{PAGES}/approvalpolicy/add/").content.decode()
    assert 'value="amount"' in page
    to = ("to", "one_of", "Ann, Ben", "")
    answer = boss.post(f"{PAGES}/approvalpolicy/add/", typed(LARGE, to, ("", "equals", "", "")))
    assert answer.status_code == 302, answer.context["errors"]
    row = ApprovalPolicy.objects.get()
    assert row.conditions == [
        {"path": "amount", "operator": "more_than", "value": "100"},
        {"path": "to", "operator": "one_of", "value": ["Ann", "Ben"]},
    ]
    assert row.made_by == "boss"
    shown = boss.get(f"{PAGES}/approvalpolicy/{row.pk}/change/").content.decode()
    assert "Ann, Ben" in shown
    assert boss.post(f"{PAGES}/approvalpolicy/{row.pk}/change/", typed(LARGE, answer="ask")).status_code == 302
    row.refresh_from_db()
    assert (row.answer, len(row.conditions)) == ("ask", 1)
    assert LogEntry.objects.count() == 2
    assert "large" in boss.get(f"{PAGES}/approvalpolicy/").content.decode()


def test_problems_stand_at_their_row(boss: Client) -> None:
    page = boss.post(f"{PAGES}/approvalpolicy/add/", typed(("amont", "equals", "1", ""), ("amount", "equals", "x", "")))
    text = page.content.decode()
    assert "no field amont" in text
    assert "x is no number" in text
    assert not ApprovalPolicy.objects.exists()


def test_it_can_be_tried(boss: Client) -> None:
    given = typed(LARGE, try_arguments='{"to": "Ann", "amount": 120}')
    page = boss.post(f"{PAGES}/approvalpolicy/try/", given).content.decode()
    assert "Deny" in page
    assert "amount is more than 100" in page
    assert not ApprovalPolicy.objects.exists()
    assert "&quot;amount&quot;: 120" in page, "what was tried is shown beside the answer"
    assert boss.get(f"{PAGES}/approvalpolicy/try/").url == f"{PAGES}/approvalpolicy/", "its address was followed"
    wrong = boss.post(f"{PAGES}/approvalpolicy/try/", typed(LARGE, try_arguments="{")).content.decode()
    assert "not valid JSON" in wrong


def test_who_may_not_does_not(boss: Client) -> None:
    other = Client()
    other.force_login(office.person("other", "agents_app.view_approvalpolicy", is_staff=True))
    assert other.post(f"{PAGES}/approvalpolicy/add/", typed(LARGE)).status_code == 403
    assert other.post(f"{PAGES}/approvalpolicy/try/", typed(LARGE)).status_code == 403
    assert other.get(f"{PAGES}/killswitch/").status_code == 403
    assert other.post(f"{PAGES}/killswitch/off/", {"reason": "x"}).status_code == 403


def test_a_switch_is_thrown_and_ended(boss: Client) -> None:
    assert boss.get(f"{PAGES}/killswitch/off/").status_code == 200
    assert boss.post(f"{PAGES}/killswitch/off/", {"tool": "pay", "reason": ""}).status_code == 200
    assert boss.post(f"{PAGES}/killswitch/off/", {"tool": "pay", "reason": "Robbed."}).status_code == 302
    row = KillSwitch.objects.get()
    assert (row.tool, row.off_by, row.reason) == ("pay", "boss", "Robbed.")
    assert "Switched off: tool pay of all agents." in boss.get(f"{PAGES}/killswitch/").content.decode()
    assert "Switch on" in boss.get(f"{PAGES}/killswitch/{row.pk}/change/").content.decode()
    assert boss.post(f"{PAGES}/killswitch/{row.pk}/on/", {"reason": "Caught."}).status_code == 302
    row.refresh_from_db()
    assert (row.on_by, row.on_reason) == ("boss", "Caught.")
