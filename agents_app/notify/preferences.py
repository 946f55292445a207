"""Who wants to be told when."""

from collections.abc import Iterable
from typing import Any

from agents_app.models import Mode, NotificationPreference
from agents_app.notify.channels import Channel, channels


def personal_channels() -> dict[str, Channel]:
    """The channels on which each person has a say."""
    return {name: channel for name, channel in channels().items() if channel.personal}


def preferences_of(user: Any) -> dict[str, Mode]:
    """By channel, when this person is told."""
    found = dict(NotificationPreference.objects.filter(user_id=user.pk).values_list("channel", "mode"))
    return {name: _mode(channel, found.get(name)) for name, channel in personal_channels().items()}


def modes_on(name: str, channel: Channel, users: Iterable[Any]) -> dict[Any, Mode]:
    """By primary key, when these people are told on this channel."""
    pks = [user.pk for user in users]
    chosen = NotificationPreference.objects.filter(channel=name, user_id__in=pks).values_list("user_id", "mode")
    found = dict(chosen)
    return {pk: _mode(channel, found.get(pk)) for pk in pks}


def _mode(channel: Channel, chosen: str | None) -> Mode:
    mode = Mode(chosen) if chosen else channel.default
    return mode if mode in channel.modes else channel.default
