"""What one reader of one run is sent: every event once, in order, from its own cursor, however slow it is."""

import asyncio
import logging
from collections import deque
from uuid import UUID

from django.db import Error as DatabaseError

from agents_app.exceptions import NotFound
from agents_app.live.database import in_database
from agents_app.live.frames import DeltaFrame, EventFrame
from agents_app.live.news import Delta
from agents_app.models import AgentEvent, PartialReply
from agents_app.selectors.runs import news_after

logger = logging.getLogger("agents_app.live")

ROWS = 100
DELTAS = 64
RETRY_SECONDS = 1.0
STEP_ENDED = ("step.completed", "step.failed")


class Feed:
    """Reads rows when the tail has told it of news, at its reader's pace.

    after: the number of the last event that the reader knows. version: the run's when the reader came.
    deltas: whether the reader may see what the LLM is writing. backlog: events that may wait while it does not read.
    """

    def __init__(self, run_id: UUID, *, after: int, version: int, deltas: bool, backlog: int = 0) -> None:
        self.run_id = run_id
        self.cursor = min(after, version)
        self.deltas = deltas
        self.too_slow = asyncio.Event()
        self._known = version
        self._sent = version
        self._backlog = backlog
        self._news = asyncio.Event()
        self._unread = True
        self._gone = False
        self._pieces: deque[Delta] = deque(maxlen=DELTAS)
        self._position = (0, 0, 0)
        self._ended = (0, 0)

    # Told by the tail.

    def heard(self, version: int) -> None:
        """The run has events up to `version`."""
        self._known = max(self._known, version)
        if self._known > self.cursor:
            self._unread = True
            self._news.set()
        if self._backlog and self._known - self._sent > self._backlog:
            self.too_slow.set()

    def heard_delta(self, delta: Delta) -> None:
        """The LLM is writing. What a slow reader has not taken is forgotten, the oldest first."""
        if self.deltas:
            self._pieces.append(delta)
            self._news.set()

    def heard_partial(self, row: PartialReply) -> None:
        """The LLM's text so far: what is new of it for this reader."""
        step, attempt, length = self._position
        if (row.step, row.attempt) != (step, attempt):
            length = 0
        if len(row.text) > length:
            self._position = (row.step, row.attempt, len(row.text))
            piece = row.text[length:]
            self.heard_delta(Delta(run_id=self.run_id, step=row.step, attempt=row.attempt, index=length, text=piece))

    def lost(self) -> None:
        """The run is not there any more."""
        self._gone = True
        self._news.set()

    # Used by the reader.

    def sent(self, frame: EventFrame | DeltaFrame) -> None:
        """The reader has taken this frame."""
        if isinstance(frame, EventFrame):
            self._sent = max(self._sent, frame.sequence)

    async def next(self) -> list[EventFrame | DeltaFrame]:
        """The next frames, at least one; waits for them. Raises NotFound when the run is deleted.

        Nothing is lost if the wait is cancelled.
        """
        while True:
            self._news.clear()
            if self._gone:
                raise NotFound("The run is not there any more.")
            frames: list[EventFrame | DeltaFrame] = [*await self._read(), *self._take_deltas()]
            if frames:
                return frames
            if not self._unread:
                await self._news.wait()

    async def _read(self) -> list[EventFrame]:
        if not self._unread:
            return []
        known = self._known
        try:
            rows = await in_database(news_after, self.run_id, self.cursor, ROWS)
        except DatabaseError:
            logger.warning("The events of a run cannot be read now.", extra={"run_id": self.run_id}, exc_info=True)
            await asyncio.sleep(RETRY_SECONDS)
            return []
        frames = []
        for row in rows:
            if row.sequence != self.cursor + 1:
                logger.error("Event %s of a run is missing.", self.cursor + 1, extra={"run_id": self.run_id})
                break
            self.cursor = row.sequence
            self._note_end(row)
            frames.append(EventFrame(sequence=row.sequence, event=row.type, at=row.at, data=row.data))
        self._unread = len(frames) == ROWS or known < self._known
        return frames

    def _note_end(self, row: AgentEvent) -> None:
        if row.type in STEP_ENDED:
            self._ended = max(self._ended, (row.data.get("number", 0), row.data.get("attempt", 0)))

    def _take_deltas(self) -> list[DeltaFrame]:
        """Pieces of a turn whose end the reader has been told are late, and dropped."""
        pieces = [piece for piece in self._pieces if (piece.step, piece.attempt) > self._ended]
        self._pieces.clear()
        return [
            DeltaFrame(step=piece.step, attempt=piece.attempt, index=piece.index, text=piece.text) for piece in pieces
        ]
