"""What all websockets share: origin, login, sending with a limit, commands, and a regular look at the permissions."""

import asyncio
import logging
from contextlib import suppress
from enum import IntEnum
from typing import Any
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error as DatabaseError

from agents_app.exceptions import NotFound, NotPermitted
from agents_app.live.database import Threads
from agents_app.live.ending import end
from agents_app.live.frames import Frame
from agents_app.services import Origin
from agents_app.ws.calling import Caller
from agents_app.ws.commands import perform, unavailable
from agents_app.ws.frames import ReplyFrame
from agents_app.ws.language import language_of
from agents_app.ws.login import address_of, who_is, who_is_still
from agents_app.ws.origin import origin_allowed

logger = logging.getLogger("agents_app.ws")

RECHECK_SECONDS = 30.0
"""So often a connected user's login and permissions are checked again."""
SEND_SECONDS = 60.0
"""A client that does not take one frame for so long is cut off."""


in_command = Threads("agents_app.ws.command", 8).call
"""Commands run code of agents' authors, which may be slow: not where events are read."""


class CloseCode(IntEnum):
    """Why the server closed a websocket."""

    GOING_AWAY = 1001
    SERVER_ERROR = 1011
    BAD_REQUEST = 4400
    NO_LOGIN = 4401
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    TOO_SLOW = 4408


class Close(Exception):
    """Ends the websocket with this code."""

    def __init__(self, code: CloseCode) -> None:
        self.code = code
        super().__init__(code.name)


class Socket(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Base. A websocket is accepted before it is refused: otherwise browsers cannot read the code."""

    # None of Channels' own: the tail hears for all sockets of this process.
    channel_layer_alias = "agents_app.none"
    user: Any = None
    run_id: UUID | None = None

    async def enter(self) -> None:
        """Check that the user may come in. Raises Close, NotFound, NotPermitted."""
        raise NotImplementedError

    async def check(self) -> None:
        """Check that the user (read again) may stay. Raises NotFound, NotPermitted."""
        raise NotImplementedError

    async def tell(self) -> None:
        """Send what is new, for ever."""
        raise NotImplementedError

    async def wait_until_slow(self) -> None:
        """Return when the client has fallen too far behind."""
        await asyncio.Event().wait()

    # The life of a websocket.

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._serving: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._stop()

    async def connect(self) -> None:
        """Accept, then check; from then on a task of its own sends."""
        await self.accept()
        try:
            if not origin_allowed(self.scope):
                raise Close(CloseCode.FORBIDDEN)
            user = await who_is(self.scope)
            if user is None:
                raise Close(CloseCode.NO_LOGIN)
            self.user = user
            await self.enter()
        except Exception as error:
            self.user = None
            await self.close(_code_of(error))
            return
        self._serving = asyncio.create_task(self._serve())

    async def disconnect(self, code: int) -> None:
        """The client has gone."""
        await self._stop()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A command; events go on while it is done."""
        if self.user is None:
            return
        reply = await self._obey(text_data)
        if reply is None:
            self.user = None
            await self._stop()
            await self.close(int(CloseCode.NO_LOGIN))
            return
        with suppress(Close):  # the task that sends is about to close for the same reason
            await self.say(reply)

    async def _obey(self, text: str | None) -> ReplyFrame | None:
        """The reply to a command; None if the login is over: acting asks anew, watching only now and then."""
        try:
            user = await who_is_still(self.scope, self.user)
        except DatabaseError:
            return unavailable(language=language_of(self.scope))
        if user is None:
            return None
        origin = Origin(door="websocket", address=address_of(self.scope))
        caller = Caller(user=user, origin=origin, run_id=self.run_id, language=language_of(self.scope))
        return await in_command(perform, text, caller)

    async def say(self, frame: Frame) -> None:
        """Send one frame. Raises Close if the client does not take it."""
        try:
            async with asyncio.timeout(SEND_SECONDS), self._sending:
                await self.send(text_data=frame.encoded())
        except TimeoutError:
            raise Close(CloseCode.TOO_SLOW) from None

    async def _serve(self) -> None:
        """Send and watch until one of both ends it."""
        tasks = [asyncio.create_task(one) for one in (self.tell(), self._watch_pace(), self._watch_login())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(*tasks)
        error = next(iter(done)).exception()
        self.user = None
        with suppress(OSError, RuntimeError):  # the client may be gone already
            # Without a limit: who does not read learns the reason whenever it does, and waiting holds nothing more
            # than the connection itself does. Its end ends this.
            await self.close(_code_of(error))

    async def _watch_pace(self) -> None:
        await self.wait_until_slow()
        raise Close(CloseCode.TOO_SLOW)

    async def _watch_login(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            with suppress(DatabaseError):  # a database that is away says nothing about permissions
                user = await who_is_still(self.scope, self.user)
                if user is None:
                    raise Close(CloseCode.NO_LOGIN)
                self.user = user
                await self.check()

    async def _stop(self) -> None:
        task, self._serving = self._serving, None
        if task is not None:
            await end(task)


def _code_of(error: BaseException | None) -> int:
    return int(_reason_of(error))  # daphne takes no subclass of int


def _reason_of(error: BaseException | None) -> CloseCode:
    match error:
        case Close():
            return error.code
        case NotFound():
            return CloseCode.NOT_FOUND
        case NotPermitted():
            return CloseCode.FORBIDDEN
        case OSError():  # the connection broke while we were sending
            return CloseCode.GOING_AWAY
        case _:
            logger.error("A websocket failed.", exc_info=error)
            return CloseCode.SERVER_ERROR
