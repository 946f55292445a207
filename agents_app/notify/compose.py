"""The words of a message, from the rows as they are when it is sent."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext, ngettext

from agents_app.core.deceptive import spelled_out
from agents_app.definitions.registry import tool_now
from agents_app.models import ApprovalRequest, Notification, ToolCall
from agents_app.notify.channels import Channel
from agents_app.notify.links import call_url, decide_url, preferences_url, request_url
from agents_app.notify.messages import TOLD, Item, Message
from agents_app.notify.recipients import approvers_of, settlers_of
from agents_app.selectors.people import name_of

SUBJECT_LENGTH = 150
MOST_NAMES = 100


def may_decide_by_link(request: ApprovalRequest) -> bool:
    """Whether the tool, as the code declares it now, lets approvers decide by a link."""
    tool = tool_now(request.context.agent, request.call.tool)
    return tool is not None and tool.decide_by_link


def compose(channel: Channel, rows: Iterable[Notification], user: Any = None) -> Message:
    """One message about these notifications, which are one reader's. user: None for a channel with one place."""
    told = list(rows)
    with translation.override(settings.LANGUAGE_CODE):
        items = tuple(_item(channel, row, user) for row in told)
        subject = _subject(told, items)
        context = {"items": items, "subject": subject, "user": user, "preferences_url": preferences_url()}
        return Message(
            key=f"{told[0].context_id}:{told[0].sequence}:{told[0].channel}:{told[0].to}",
            subject=subject,
            text=render_to_string("agents_app/notify/message.txt", context),
            html=render_to_string("agents_app/notify/message.html", context),
            items=items,
            recipient=user,
            approvers=() if channel.personal else _names(told[0]),
        )


def _item(channel: Channel, row: Notification, user: Any) -> Item:
    if row.call is not None:
        return _item_of_call(row, row.call)
    request = row.request
    assert request is not None
    by_link = user is not None and channel.secret and may_decide_by_link(request)
    return Item(
        request_id=request.pk,
        run_id=request.context_id,
        event=row.kind,
        agent=request.context.agent,
        tool=request.call.tool,
        summary=spelled_out(" ".join(request.summary.split())),
        reason=spelled_out(request.why),
        requester=request.context.details.user_name,
        asked_at=request.created_at,
        expires_at=request.expires_at,
        url=request_url(request),
        decide_url=decide_url(row, user, request.call.digest) if by_link else "",
    )


def _item_of_call(row: Notification, call: ToolCall) -> Item:
    """Without arguments and errors: who settles it looks at its page."""
    return Item(
        request_id=None,
        call_id=call.pk,
        run_id=call.context_id,
        event=row.kind,
        agent=call.context.agent,
        tool=call.tool,
        summary="",
        reason=gettext("The call was started, and nobody knows whether it happened."),
        requester=call.context.details.user_name,
        asked_at=call.status_at,
        expires_at=None,
        url=call_url(call),
    )


def _subject(rows: list[Notification], items: tuple[Item, ...]) -> str:
    if rows[0].digest:
        text = ngettext("%(count)d request waits for you", "%(count)d requests wait for you", len(items))
        return text % {"count": len(items)}
    told = TOLD.get(rows[0].kind)
    subject = gettext(told.subject) if told else "{what}"
    return _one_line(subject.replace("{what}", items[0].what))


def _one_line(text: str) -> str:
    """A subject without control characters, which headers of mail must not have, and not too long."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= SUBJECT_LENGTH else f"{line[: SUBJECT_LENGTH - 1]}…"


def _names(row: Notification) -> tuple[str, ...]:
    if row.call is not None:
        people = settlers_of(row.call)
    else:
        people = [] if row.request is None else approvers_of(row.request)
    return tuple(name_of(user) for user in people[:MOST_NAMES])
