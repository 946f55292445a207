"""Signs of life: one thread per process, with its own connection, holds the leases of all runs held here.

It ends when nothing is held, and starts again with the next run. A beat is a few statements, however many are held.
"""

import logging
import math
import threading
import time
from collections.abc import Sequence

from django.db import connections

from agents_app.conf import conf
from agents_app.runtime.held import Held
from agents_app.transitions import claims

logger = logging.getLogger("agents_app.runtime")


class Heartbeat:
    """Keeps the leases of the runs it is given, and tells their holders of news."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[Held, int] = {}
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def add(self, held: Held) -> None:
        """Hold this run's lease from now on."""
        with self._lock:
            self._held[held] = 0
            if self._thread is None or not self._thread.is_alive():
                self._wake.clear()
                self._thread = threading.Thread(target=self._beat, name="agents-heartbeat", daemon=True)
                self._thread.start()

    def remove(self, held: Held) -> None:
        """No longer."""
        with self._lock:
            self._held.pop(held, None)
            if not self._held:
                self._wake.set()

    def join(self) -> None:
        """Wait until the thread has ended (tests)."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _beat(self) -> None:
        try:
            while not self._done():
                # Woken means that the last was given back: what was taken since has a lease of full length.
                if not self._wake.wait(conf.HEARTBEAT_SECONDS):
                    renew_all(self._now_held())
        finally:
            connections.close_all()

    def _done(self) -> bool:
        with self._lock:
            if not self._held:
                self._thread = None
                return True
            self._wake.clear()
            return False

    def _now_held(self) -> list[Held]:
        with self._lock:
            return list(self._held)


def renew(held: Held) -> bool:
    """Give a sign of life now; says whether the lease runs from it. Whoever lost the claim is told."""
    renew_all([held])
    return held.lease_holds()


def renew_all(every: Sequence[Held]) -> None:
    """Give signs of life for all of these now."""
    moment, lengths = time.monotonic(), {(held.run_id, held.claim.number): _length(held) for held in every}
    try:
        signs = claims.heartbeats(lengths)
    except Exception:
        # The leases run out by themselves if this goes on, and the holders notice by `lease_holds`.
        logger.exception("No sign of life could be given for %s runs.", len(every))
        connections.close_all()
        return
    for held in every:
        of = (held.run_id, held.claim.number)
        _learn(held, signs[of], moment, lengths[of])


def _length(held: Held) -> float:
    """In halves of a second where it is cut short: then many end at the same time, and one expression says it."""
    seconds = held.lease_seconds()
    return seconds if seconds == conf.LEASE_SECONDS else math.floor(seconds * 2) / 2


def _learn(held: Held, sign: claims.Sign | None, moment: float, seconds: float) -> None:
    if sign is None:
        held.lost = True
        _tell(held)
        return
    if sign.renewed:
        held.renewed, held.granted = moment, seconds
    # Told even if the rows that came with a cancellation are known: they were read for other news, a moment earlier.
    cancelled = sign.cancel_requested and not held.cancel_requested
    held.cancel_requested = sign.cancel_requested
    if cancelled or (held.rows is not None and sign.version != held.rows.version):
        _tell(held)


def _tell(held: Held) -> None:
    """A holder that is gone hears nothing; the others must not lose their leases for it."""
    try:
        held.on_news()
    except RuntimeError:
        logger.debug("A holder's event loop has ended.", extra={"run_id": held.run_id})


heartbeat = Heartbeat()
