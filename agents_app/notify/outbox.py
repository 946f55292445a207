"""From an event to rows: one for each channel and reader, made once however often the event is heard."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from agents_app.conf import conf
from agents_app.core.events import EventType, RecordedEvent
from agents_app.core.status import ApprovalStatus, ToolCallStatus
from agents_app.definitions.handlers import handlers, on
from agents_app.models import ApprovalRequest, Mode, Notification, ToolCall, database_now
from agents_app.notify.channels import Channel, channels
from agents_app.notify.messages import ENDORSED, TOLD, UNKNOWN
from agents_app.notify.preferences import modes_on
from agents_app.notify.recipients import approvers_of, settlers_of

HANDLER = "agents_app.notify"


def listen() -> None:
    """Hear of what people are told of, where NOTIFY names a channel. Where it names none this costs nothing."""
    if conf.NOTIFY and handlers.get(HANDLER) is None:
        on(*(each for each in TOLD if each in list(EventType)), name=HANDLER)(note)


def note(event: RecordedEvent) -> None:
    """Write down who is to be told of this event."""
    known = {name: channel for name, channel in channels().items() if channel.sends}
    about = _call(event) if event.type == UNKNOWN else _request(event)
    if about is None or not known:
        return
    now = database_now()
    personal = any(channel.personal for channel in known.values())
    people = [] if not personal else settlers_of(about) if isinstance(about, ToolCall) else approvers_of(about)
    if event.type == ENDORSED:
        people = _not_told_of(about, people)
    rows = [row for name, channel in known.items() for row in _rows(name, channel, about, event, people, now)]
    Notification.objects.bulk_create(rows, ignore_conflicts=True, batch_size=100)


def _not_told_of(request: Any, people: list[Any]) -> list[Any]:
    """Without those who know of the request: another yes at the same stage is no news for them."""
    known = set(
        Notification.objects.filter(request=request, recipient__in=people).values_list("recipient_id", flat=True)
    )
    return [user for user in people if user.pk not in known]


def _request(event: RecordedEvent) -> ApprovalRequest | None:
    return (
        ApprovalRequest.objects.select_related("call", "context", "context__details")
        .filter(pk=UUID(event.data["request"]), status=ApprovalStatus.PENDING)
        .first()
    )


def _call(event: RecordedEvent) -> ToolCall | None:
    """The call, if people must settle it; the tool's own `reconcile` is asked first, and says so if it cannot tell."""
    return (
        ToolCall.objects.select_related("context", "context__details")
        .filter(pk=UUID(event.data["call"]), status=ToolCallStatus.UNKNOWN, not_before=None)
        .first()
    )


def _rows(
    name: str,
    channel: Channel,
    about: ApprovalRequest | ToolCall,
    event: RecordedEvent,
    people: list[Any],
    now: datetime,
) -> Iterator[Notification]:
    common: dict[str, Any] = {
        "context_id": about.context_id,
        "call" if isinstance(about, ToolCall) else "request": about,
        "channel": name,
        "sequence": event.sequence,
        "kind": event.type,
        "state_at": now,
        "created_at": now,
    }
    if not channel.personal:
        yield Notification(due_at=now, **common)
        return
    modes = modes_on(name, channel, people)
    for user in people:
        if modes[user.pk] is Mode.OFF:
            continue
        at_once = modes[user.pk] is Mode.AT_ONCE or TOLD[event.type].urgent
        later = None if at_once or isinstance(about, ToolCall) else _digest_at(name, user, about, now)
        yield Notification(recipient=user, to=str(user.pk), digest=later is not None, due_at=later or now, **common)


def _digest_at(name: str, user: Any, request: ApprovalRequest, now: datetime) -> datetime | None:
    """When this person's next digest is sent; None if that is too late."""
    begun = Notification.objects.filter(
        channel=name, to=str(user.pk), digest=True, state="waiting", attempts=0, due_at__gt=now
    )
    first = begun.order_by("due_at").values_list("due_at", flat=True).first()
    at = first or now + timedelta(seconds=conf.DIGEST_SECONDS)
    too_late = request.expires_at is not None and request.expires_at <= at
    return None if too_late else at
