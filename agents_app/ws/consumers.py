"""The websockets: one run, and the inbox of those who decide."""

from typing import Any

from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.exceptions import NotPermitted
from agents_app.live.database import in_database
from agents_app.live.feed import Feed
from agents_app.live.frames import HelloFrame
from agents_app.live.inbox import MOST_COUNTED
from agents_app.live.tail import tail
from agents_app.models import AgentContext
from agents_app.selectors.archives import run_seen_by
from agents_app.selectors.inbox import Tab
from agents_app.selectors.people import may_view_transcript, may_watch_inbox
from agents_app.selectors.runs import at_most
from agents_app.services.inbox import desk_for
from agents_app.ws.login import parameter
from agents_app.ws.sockets import Close, CloseCode, Socket

SEQUENCE_LIMIT = 2**63


class RunSocket(Socket):
    """`ws/runs/<id>/?after=N`: a run's events from N + 1 on, first those that were, then those that come."""

    feed: Feed
    hello: HelloFrame

    async def enter(self) -> None:
        after = _after(parameter(self.scope, "after"))
        context, transcript = await in_database(_look, self.scope["url_route"]["kwargs"]["run_id"], self.user)
        self.run_id = context.pk
        self.feed = Feed(
            context.pk, after=after, version=context.version, deltas=transcript, backlog=conf.SOCKET_BACKLOG
        )
        self.hello = HelloFrame(run=context.pk, status=context.status, version=context.version, after=self.feed.cursor)

    async def check(self) -> None:
        _, self.feed.deltas = await in_database(_look, self.run_id, self.user)

    async def wait_until_slow(self) -> None:
        await self.feed.too_slow.wait()

    async def tell(self) -> None:
        async with tail().reading(self.feed):
            await self.say(self.hello)
            while True:
                for frame in await self.feed.next():
                    await self.say(frame)
                    self.feed.sent(frame)


class ApprovalsSocket(Socket):
    """`ws/approvals/?tab=mine`: hints that what waits for a decision has changed.

    With `tab` the hints say how much waits in that part of this person's inbox.
    """

    tab: Tab | None = None

    async def enter(self) -> None:
        given = parameter(self.scope, "tab")
        if given is not None and given not in list(Tab):
            raise Close(CloseCode.BAD_REQUEST)
        self.tab = None if given is None else Tab(given)
        await self.check()

    async def check(self) -> None:
        if not await in_database(may_watch_inbox, self.user):
            raise NotPermitted(gettext("You may not watch the inbox."))

    async def tell(self) -> None:
        async with tail().watching_inbox() as inbox:
            while True:
                frame = await inbox.next()
                if self.tab is not None:
                    pending = await in_database(_waiting, self.user, self.tab)
                    frame = frame.model_copy(update={"pending": pending})
                await self.say(frame)


def _after(text: str | None) -> int:
    """Raises Close for what is no number of an event."""
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) < SEQUENCE_LIMIT):
        raise Close(CloseCode.BAD_REQUEST)
    return int(text)


def _waiting(user: Any, tab: Tab) -> int:
    return at_most(desk_for(user).rows(tab).select_related(None), MOST_COUNTED)


def _look(run_id: Any, user: Any) -> tuple[AgentContext, bool]:
    """The run, and whether this person may see what the LLM writes. Raises NotFound."""
    context = run_seen_by(user, run_id)
    return context, may_view_transcript(user, context)


__all__ = ["ApprovalsSocket", "RunSocket"]
