"""The publisher: one background thread per process that batches news and sends it."""

import logging
import threading
import time
from dataclasses import dataclass
from uuid import UUID

from agents_app.live.news import Changed, Delta
from agents_app.live.senders import Sender, open_sender
from agents_app.live.way import Way, way

logger = logging.getLogger("agents_app.live")

BATCH_SECONDS = 0.02
"""News that comes within it is sent together."""
UNHEARD_SECONDS = 0.1
"""The same while nobody listens: who begins to reads the rows as they are then, and to look for listeners costs each
time."""
DELTA_SECONDS = 0.25
"""At most one piece of text per run in this time."""
GIVE_WAY_SECONDS = 0.00002
"""The shortest rest in which another thread gets to run."""
LINGER_SECONDS = 2.0
"""After so long without news the thread ends and its connection is closed; PostgreSQL waits 5 seconds for connections
to go before it refuses to drop a test's database."""
BACK_OFF_SECONDS = 1.0
"""After a failure news is dropped for so long."""
PIECE_CHARACTERS = 1000
"""At most 6 bytes each in JSON, and PostgreSQL takes less than 8000."""
PIECES = 16
RUNS = 1000


@dataclass(slots=True)
class _Said:
    """What an LLM has said in one attempt: `length` characters in all, `waiting` of them not sent yet."""

    step: int
    attempt: int
    length: int = 0
    waiting: str = ""
    due: float = 0.0

    def take(self, run_id: UUID, now: float) -> list[Delta]:
        start, text = self.length - len(self.waiting), self.waiting[: PIECE_CHARACTERS * PIECES]
        self.waiting, self.due = "", now + DELTA_SECONDS
        return [
            Delta(
                run_id=run_id,
                step=self.step,
                attempt=self.attempt,
                index=start + offset,
                text=text[offset : offset + PIECE_CHARACTERS],
            )
            for offset in range(0, len(text), PIECE_CHARACTERS)
        ]


class Publisher:
    """Takes news from any thread. Its own thread is started by the first news and ends when there is none."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._versions: dict[UUID, int] = {}
        self._said: dict[UUID, _Said] = {}
        self._thread: threading.Thread | None = None
        self._busy = False
        self._stopping = False
        self._hurry = False
        self._heard = False
        self._urgent = threading.Event()

    # From any thread.

    def knows(self, run_id: UUID) -> bool:
        """Whether pieces of this run's text were published here."""
        return run_id in self._said

    def changed(self, run_id: UUID, version: int) -> None:
        """The run has events up to `version`. Text that is not sent yet is late: the record has it, or drops it."""
        with self._condition:
            self._said.pop(run_id, None)
            self._versions[run_id] = max(version, self._versions.get(run_id, 0))
            self._wake()
            awaited = self._heard
        if awaited:
            give_way()

    def said(self, run_id: UUID, step: int, attempt: int, text: str, *, first: bool) -> None:
        """The LLM went on with `text`; first: nothing came before it in this attempt."""
        with self._condition:
            said = self._said.get(run_id)
            if said is None or first or (said.step, said.attempt) != (step, attempt):
                due = said.due if said is not None else 0.0
                said = _Said(step=step, attempt=attempt, due=due)
                self._said.pop(run_id, None)
                self._said[run_id] = said
                if len(self._said) > RUNS:
                    del self._said[next(iter(self._said))]
            said.length += len(text)
            said.waiting += text
            self._wake()

    def flush(self, timeout: float) -> bool:
        """Wait until all is sent; says whether it was."""
        with self._condition:
            if self._thread is None:
                return True
            self._hurry = True
            self._urgent.set()
            self._condition.notify_all()
            done = self._condition.wait_for(self._rests, timeout)
            self._hurry = False
            self._urgent.clear()
            return done

    def shutdown(self, timeout: float) -> None:
        """Send what is left and end the thread."""
        with self._condition:
            thread = self._thread
            self._stopping = True
            self._urgent.set()
            self._condition.notify_all()
        if thread is not None:
            thread.join(timeout)
        with self._condition:
            self._stopping = False
            self._urgent.clear()

    def _wake(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="agents_app.live", daemon=True)
            thread.start()
            self._thread = thread
        self._condition.notify_all()

    def _rests(self) -> bool:
        return not self._busy and not self._versions and not any(said.waiting for said in self._said.values())

    # In its own thread.

    def _work(self) -> None:
        outlet = _Outlet()
        rests = 0.0
        try:
            while self._wait_for_news():
                # The first news goes at once; what follows it closely goes together.
                self._urgent.wait(max(rests - time.monotonic(), 0.0))
                begun = time.monotonic()
                heard = outlet.send(self._take())
                rests = begun + (BATCH_SECONDS if heard else UNHEARD_SECONDS)
                with self._condition:
                    self._heard = heard
                    self._busy = False
                    self._condition.notify_all()
        finally:
            outlet.close()

    def _wait_for_news(self) -> bool:
        """False when the thread shall end; decided under the lock, so that no news falls between."""
        ends = time.monotonic() + LINGER_SECONDS
        with self._condition:
            while True:
                now = time.monotonic()
                due = min((said.due for said in self._said.values() if said.waiting), default=None)
                if self._versions or (due is not None and (due <= now or self._hurry or self._stopping)):
                    self._busy = True
                    return True
                if due is None and (self._stopping or now >= ends):
                    self._thread = None
                    return False
                self._condition.wait((ends if due is None else due) - now)

    def _take(self) -> list[Changed | Delta]:
        now = time.monotonic()
        with self._condition:
            # Changes first: what has been said before them was dropped, so all text here came later.
            batch: list[Changed | Delta] = [
                Changed(run_id=run_id, version=version) for run_id, version in self._versions.items()
            ]
            for run_id, said in self._said.items():
                if said.waiting and (said.due <= now or self._hurry or self._stopping):
                    batch.extend(said.take(run_id, now))
            self._versions.clear()
            return batch


def give_way() -> None:
    """Let the publisher's thread run now: the interpreter is the caller's until it waits for something, and somebody
    who watches would wait as long. Measured: it costs the caller 0.09 ms, and saves the reader a millisecond."""
    time.sleep(GIVE_WAY_SECONDS)


class _Outlet:
    """The sender of the way that news travels now; opened when needed, closed on failure."""

    def __init__(self) -> None:
        self._way: Way | None = None
        self._sender: Sender | None = None
        self._down_until = 0.0

    def send(self, batch: list[Changed | Delta]) -> bool:
        """Send, or drop: never raises. Says whether somebody may have heard it."""
        if time.monotonic() < self._down_until:
            return False
        try:
            return self._opened().send(batch)
        except Exception:
            # A busy SQLite has better things to do than to take pieces of text.
            level = logging.DEBUG if self._way is Way.POLL else logging.WARNING
            logger.log(level, "Live news is dropped; readers will look by themselves.", exc_info=True)
            self._down_until = time.monotonic() + BACK_OFF_SECONDS
            self.close()
            return False

    def close(self) -> None:
        """Let go of the connection."""
        sender, self._sender = self._sender, None
        if sender is None:
            return
        try:
            sender.close()
        except Exception:
            logger.debug("A broken connection could not be closed.", exc_info=True)

    def _opened(self) -> Sender:
        wanted = way()
        if self._sender is None or self._way is not wanted:
            self.close()
            self._way, self._sender = wanted, open_sender(wanted)
        return self._sender
