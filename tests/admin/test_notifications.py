"""The pages of notifications: what is parked and how it is released, one's own preferences, what waits for oneself."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from agents_app.models import ChannelState, Notification, NotificationPreference, database_now
from tests.admin.conftest import list_of, page_of, request_of
from tests.notify.conftest import NOTED, telling
from tests.office import person

RELEASE = "agents_app.release_notification"
WAITING = "admin:agents_app_notificationpreference_waiting"


@pytest.fixture(autouse=True)
def _told() -> Iterator[None]:
    with telling(noted={"channel": NOTED}, browser={}):
        yield


def parked(run_of: Any, **given: Any) -> Notification:
    request = request_of(run_of("refund"))
    now = database_now()
    Notification.objects.filter(request=request).delete()
    fields = {"state": "parked", "error": "<b>down</b>", "channel": "noted", "attempts": 10, **given}
    times = {"state_at": now, "created_at": now, "due_at": now}
    return Notification.objects.create(
        request=request, context_id=request.context_id, sequence=99, kind="approval.requested", **times, **fields
    )


def client_of(*permissions: str) -> Client:
    client = Client()
    client.force_login(person("mary", *permissions, is_staff=True))
    return client


def test_parked_ones_are_seen_and_released(run_of: Any) -> None:
    row = parked(run_of)
    client = client_of(RELEASE)
    text = client.get(list_of("notification")).content.decode()
    assert "Parked</span>" in text
    assert "&lt;b&gt;down" in text
    assert "<b>down" not in text
    page = client.get(page_of(row)).content.decode()
    assert "Send it again" in page
    client.get(reverse("admin:agents_app_notification_release", args=[row.pk]))
    row.refresh_from_db()
    assert row.state == "parked"
    client.post(reverse("admin:agents_app_notification_release", args=[row.pk]))
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("waiting", 0)
    assert LogEntry.objects.filter(object_id=str(row.pk)).count() == 1


def test_many_are_released_at_once(run_of: Any) -> None:
    rows = [parked(run_of), parked(run_of), parked(run_of, state="sent")]
    data = {"action": "release_selected", "_selected_action": [str(row.pk) for row in rows], "index": 0}
    assert client_of(RELEASE).post(list_of("notification"), data).status_code == 302
    assert sorted(Notification.objects.values_list("state", flat=True)) == ["sent", "waiting", "waiting"]


def test_who_may_only_look_releases_nothing(run_of: Any) -> None:
    row = parked(run_of)
    client = client_of("agents_app.view_notification")
    assert "Send it again" not in client.get(page_of(row)).content.decode()
    client.post(reverse("admin:agents_app_notification_release", args=[row.pk]))
    row.refresh_from_db()
    assert row.state == "parked"


@pytest.mark.django_db
def test_others_see_nothing() -> None:
    client = client_of("agents_app.decide_approvalrequest")
    for name in ("notification", "channelstate"):
        assert client.get(list_of(name)).status_code == 403


@pytest.mark.django_db
def test_channels_that_fail_are_seen() -> None:
    ChannelState.objects.create(name="ops", failures=3, error="https://ops.example.com answered 500.")
    client = client_of("agents_app.view_notification")
    text = client.get(list_of("channelstate")).content.decode()
    assert "Failing</span>" in text
    assert "answered 500" in text
    assert client.get(reverse("admin:agents_app_channelstate_change", args=["ops"])).status_code == 200


def test_ones_own_preferences(as_: Any, people: Any) -> None:
    client = as_("approver")
    text = client.get(list_of("notificationpreference")).content.decode()
    assert 'name="mode-noted"' in text
    assert client.post(list_of("notificationpreference"), {"mode-noted": "digest"}).status_code == 302
    assert client.post(list_of("notificationpreference"), {"mode-noted": "often"}).status_code == 400
    assert client.post(list_of("notificationpreference"), {"mode-browser": "digest"}).status_code == 400
    (row,) = NotificationPreference.objects.all()
    assert (row.user, row.channel, row.mode) == (people["approver"], "noted", "digest")
    assert as_("nobody").get(list_of("notificationpreference")).status_code == 403


def test_what_waits_for_oneself(as_: Any, run_of: Any, people: Any) -> None:
    request = request_of(run_of("refund"))
    told = as_("approver").get(reverse(WAITING)).json()
    assert (told["count"], told["newest"]["id"]) == (1, str(request.pk))
    assert told["newest"]["url"] == page_of(request)
    assert as_("unfit").get(reverse(WAITING)).json() == {"count": 0, "more": False, "newest": None}
    assert as_("nobody").get(reverse(WAITING)).status_code == 403
    as_("approver").post(list_of("notificationpreference"), {"mode-browser": "off"})
    told = as_("approver").get(reverse(WAITING)).json()
    assert (told["count"], told["newest"]) == (1, None)


def test_the_list_of_requests_counts_in_its_title(as_: Any, run_of: Any) -> None:
    text = as_("approver").get(list_of("approvalrequest")).content.decode()
    assert f'data-notify="{reverse(WAITING)}"' in text
    assert "agents_app/notify.js" in text
    assert Permission.objects.filter(codename="release_notification").exists()
