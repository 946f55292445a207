"""Commands on what people are told: when they want to be told, and what was parked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.exceptions import InvalidInput, NotPermitted, WrongState
from agents_app.models import DatabaseNow, Mode, Notification, NotificationPreference
from agents_app.notify import queue
from agents_app.notify.preferences import personal_channels, preferences_of
from agents_app.selectors.notifications import (
    RELEASE_NOTIFICATION,
    may_release_notifications,
    visible_notifications,
)
from agents_app.selectors.people import lacking
from agents_app.selectors.runs import one_of
from agents_app.transitions.hints import send_hint


@dataclass(frozen=True, kw_only=True, slots=True)
class Preference:
    """When a person is told on a channel, and what they may choose from."""

    channel: str
    mode: Mode
    modes: tuple[Mode, ...]


def own_preferences(user: Any) -> list[Preference]:
    """Those of this person, by channel; what they have not chosen is the channel's default."""
    known = personal_channels()
    return [Preference(channel=name, mode=mode, modes=known[name].modes) for name, mode in preferences_of(user).items()]


def set_preferences(modes: Mapping[str, Any], *, by: Any) -> dict[str, Mode]:
    """Say when one wants to be told, by channel: `at_once`, `digest` or `off`; all of one's own afterwards.

    Raises InvalidInput for what there is not, NotPermitted where no person asks.
    """
    if by is None or by.pk is None or not by.is_active:
        raise NotPermitted(gettext("Only a person is told of anything."), rule="person")
    wanted = {name: _checked(name, mode) for name, mode in modes.items()}
    with transaction.atomic(using=conf.DATABASE):
        for name, mode in wanted.items():
            NotificationPreference.objects.update_or_create(
                user_id=by.pk, channel=name, defaults={"mode": mode, "changed_at": DatabaseNow()}
            )
    return preferences_of(by)


def release_notification(notification_id: Any, *, by: Any) -> Notification:
    """Let a parked notification be sent again, at once. Raises NotFound, NotPermitted, and WrongState if not parked."""
    row: Notification = one_of(visible_notifications(by), notification_id)
    if not may_release_notifications(by):
        raise lacking(RELEASE_NOTIFICATION)
    with transaction.atomic(using=conf.DATABASE):
        if not queue.release([row.pk]):
            raise WrongState(gettext("This notification is not parked (any more)."), code="not_parked")
        queue.open_channel(row.channel)
        transaction.on_commit(lambda: send_hint(row.context_id) and None, using=conf.DATABASE, robust=True)
    row.refresh_from_db()
    return row


def _checked(name: str, mode: Any) -> Mode:
    channel = personal_channels().get(name)
    if channel is None:
        known = ", ".join(personal_channels()) or "none"
        raise InvalidInput(
            gettext("There is no channel “%(name)s” on which you could be told. There are: %(known)s.")
            % {"name": name, "known": known}
        )
    if mode not in list(channel.modes):
        raise InvalidInput(
            gettext("On “%(name)s” one is told: %(names)s.") % {"name": name, "names": ", ".join(channel.modes)}
        )
    return Mode(mode)
