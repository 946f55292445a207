"""agents_notify: channels, what is parked, and one's own preferences."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents_app.models import ChannelState, Notification, NotificationPreference
from tests.models import rows
from tests.notify.conftest import NOTED, telling
from tests.office import person

pytestmark = pytest.mark.django_db


def test_it_lists_and_releases(capsys: Any) -> None:
    row = rows.notification(state="parked", channel="noted", error="down")
    ChannelState.objects.create(name="noted", failures=2, error="down")
    call_command("agents_notify", "--json")
    told = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in told["parked"]] == [str(row.pk)]
    assert told["channels"][0]["failures"] == 2
    call_command("agents_notify")
    assert str(row.pk) in capsys.readouterr().out
    call_command("agents_notify", "--release", str(row.pk))
    row.refresh_from_db()
    assert row.state == "waiting"
    Notification.objects.update(state="parked")
    call_command("agents_notify", "--release-all", "noted")
    row.refresh_from_db()
    assert row.state == "waiting"
    with pytest.raises(CommandError, match="not parked"):
        call_command("agents_notify", "--release", str(row.pk))


def test_it_sets_a_persons_preference(capsys: Any) -> None:
    person("anna")
    with telling(noted={"channel": NOTED}):
        call_command("agents_notify", "--as", "anna", "--set", "noted", "digest")
        assert "noted: digest" in capsys.readouterr().out
        assert NotificationPreference.objects.get().mode == "digest"
        with pytest.raises(CommandError, match="no channel"):
            call_command("agents_notify", "--as", "anna", "--set", "pigeon", "off")
        with pytest.raises(CommandError):
            call_command("agents_notify", "--set", "noted", "off")
