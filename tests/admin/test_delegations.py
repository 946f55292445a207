"""The pages on which people delegate their decisions."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from agents_app.models import Delegation
from agents_app.services import delegate
from tests.admin.conftest import list_of, page_of, told
from tests.office import person

MAKE = "admin:agents_app_delegation_make"


def moment(days: float) -> str:
    """As a browser's field sends it."""
    return timezone.localtime(timezone.now() + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


def handed(giver: Any, to: Any, days: float = 2) -> Delegation:
    return delegate(to=to, by=giver, until=timezone.now() + timedelta(days=days))


def test_one_delegates_sees_it_and_revokes_it(as_: Any, people: Any) -> None:
    client = as_("approver")
    page = client.get(reverse(MAKE)).content.decode()
    assert '<option value="second"></option>' in page
    assert 'name="giver"' not in page
    sent = {"to": " second ", "until": moment(3), "since": "", "reason": "On holiday."}
    assert "second decides for you" in told(client.post(reverse(MAKE), sent))
    row = Delegation.objects.get()
    assert (row.giver_name, row.receiver_name, row.reason) == ("approver", "second", "On holiday.")
    listed = client.get(list_of("delegation")).content.decode()
    assert ("My delegations" in listed, "second decides for you" in listed, "In force" in listed) == (True,) * 3
    theirs = as_("second").get(list_of("delegation")).content.decode()
    assert "You decide for approver" in theirs
    shown = as_("second").get(page_of(row)).content.decode()
    assert ("On holiday." in shown, "Revoke" in shown) == (True, False)
    revoke = reverse("admin:agents_app_delegation_revoke", args=[row.pk])
    assert "may revoke this" in told(as_("second").post(revoke))
    assert client.get(revoke).status_code == 302
    assert Delegation.objects.active().exists(), "nothing happens on GET"
    assert "It has ended." in told(client.post(revoke))
    assert not Delegation.objects.active().exists()
    assert "Revoked" in client.get(page_of(row)).content.decode()
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == ["delegated", "revoked"]


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"to": "viewer"}, "to", "viewer cannot decide at all"),
        ({"to": "approver"}, "to", "needs no delegation"),
        ({"to": "nobodys"}, None, "There is no user"),
        ({"to": ""}, "to", "This field is required."),
        ({"until": ""}, "until", "This field is required."),
        ({"until": "soon"}, "until", "Enter a valid date/time."),
        ({"until": "2001-01-01T10:00"}, "until", "A delegation ends after it has begun"),
        ({"until": "9999-12-31T23:59"}, "until", "A delegation ends after it has begun"),
        ({"since": "2999-01-01T10:00"}, "until", "A delegation ends after it has begun"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(
    as_: Any, people: Any, typed: dict[str, str], field: str | None, words: str
) -> None:
    sent = {"to": "second", "until": moment(2), "since": "", "reason": "Off.", **typed}
    answer = as_("approver").post(reverse(MAKE), sent)
    assert answer.status_code in (200, 400)
    form = answer.context["form"]
    errors = form.non_field_errors() if field is None else form.errors[field]
    assert words in " ".join(errors)
    assert "Off." in answer.content.decode(), "what was typed is kept"
    assert not Delegation.objects.exists()


def test_who_manages_them_sees_all_and_delegates_for_others(as_: Any, people: Any) -> None:
    people["boss"] = person("boss", "agents_app.manage_delegation", is_staff=True)
    handed(people["approver"], people["second"])
    boss = as_("boss")
    assert "second decides for approver" in boss.get(list_of("delegation")).content.decode()
    assert 'name="giver"' in boss.get(reverse(MAKE)).content.decode()
    sent = {"giver": "second", "to": "decider", "until": moment(2), "since": moment(1), "reason": ""}
    assert "decider decides for second" in told(boss.post(reverse(MAKE), sent))
    assert "Planned" in boss.get(list_of("delegation")).content.decode()
    row = Delegation.objects.latest("pk")
    assert (row.giver_name, row.made_by_name) == ("second", "boss")
    boss.post(reverse("admin:agents_app_delegation_revoke", args=[row.pk]))
    row.refresh_from_db()
    assert row.revoked_by_name == "boss"


def test_others_see_nothing_of_it(as_: Any, people: Any) -> None:
    row = handed(people["approver"], people["second"])
    assert as_("decider").get(page_of(row)).status_code == 404
    assert "approver" not in as_("decider").get(list_of("delegation")).content.decode()
    assert as_("viewer").get(list_of("delegation")).status_code == 403
    assert as_("viewer").get(reverse(MAKE)).status_code == 403
    assert as_("viewer").post(reverse(MAKE), {"to": "second", "until": moment(1)}).status_code == 403


def test_the_list_reads_by_the_same_statements(as_: Any, people: Any) -> None:
    client, counts = as_("approver"), []
    for name in ("second", "decider"):
        handed(people["approver"], people[name])
        with CaptureQueriesContext(connection) as captured:
            client.get(list_of("delegation"))
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12
