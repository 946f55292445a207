"""Runs a cluster, and replaces it when it died or does nothing."""

import contextlib
import logging
import signal
import time
from collections.abc import Iterator
from types import FrameType

from agents_app.conf import conf
from agents_app.core.back_off import doubled
from agents_app.management.cluster.cluster import Cluster
from agents_app.management.cluster.progress import Progress, Verdict
from agents_app.management.cluster.rounds import Rounds

logger = logging.getLogger("agents_app.cluster")

LOOK_SECONDS = 0.1
SOUND_SECONDS = 60.0
"""A cluster that worked, or lived so long, is started again at once when it dies; else later and later."""
FIRST_PAUSE, MOST_PAUSE = 1.0, 60.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Supervisor:
    """grace: seconds that the workers are given to come to an end, before all are killed."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._progress = Progress(patience=conf.STALL_SECONDS)
        self._cluster: Cluster | None = None
        self._started_at = 0.0
        self._deaths = 0
        self._start_at = time.monotonic()
        self._asked = 0
        self._rounds = Rounds()

    def run(self) -> bool:
        """Until SIGTERM, SIGINT or SIGHUP, then end the cluster. Whether all of it ended by itself."""
        with self._signals():
            self._rounds.start()
            try:
                while not self._asked:
                    self._look_after_the_cluster()
                    self._judge()
                    time.sleep(LOOK_SECONDS)
                return self._drain()
            finally:
                self._kill()
                self._rounds.stop()

    def _look_after_the_cluster(self) -> None:
        now = time.monotonic()
        if self._cluster is None:
            if now >= self._start_at:
                self._start(now)
            return
        if self._cluster.signs_came():
            self._progress.sign(now)
        code = self._cluster.ended()
        if code is not None:
            self._has_died(code, now)

    def _start(self, now: float) -> None:
        self._cluster = Cluster(self._grace)
        self._started_at = now
        self._progress.started(now)
        logger.info("Started the cluster (process group %s).", self._cluster.pid)

    def _has_died(self, code: int, now: float) -> None:
        sound = self._progress.worked or now - self._started_at >= SOUND_SECONDS
        self._deaths = 0 if sound else self._deaths + 1
        pause = doubled(FIRST_PAUSE, self._deaths - 2, MOST_PAUSE) if self._deaths > 1 else 0.0
        logger.error("The cluster ended unasked with code %s. It is started again in %.0f s.", code, pause)
        self._kill()
        self._start_at = now + pause

    def _judge(self) -> None:
        seen, now = self._rounds.last, time.monotonic()
        verdict = self._progress.judge(seen, now)
        self._rounds.suspect = verdict is Verdict.SUSPECT
        if self._cluster is None or verdict is not Verdict.STALLED:
            return
        text = "Runs have been due for %.0f s and no worker of this cluster did anything: it is replaced."
        if self._progress.replaced:
            text += " That did not help before: the queue itself may be dead (manage.py agents_doctor)."
        level = logging.CRITICAL if self._progress.replaced else logging.ERROR
        logger.log(level, text, self._progress.silent_for(seen, now))
        self._progress.replace()
        self._kill()
        self._start_at = now

    def _drain(self) -> bool:
        if self._cluster is None:
            return True
        logger.info("Stopping: what is open is given %.0f s.", self._grace)
        asked, until = self._asked, time.monotonic() + self._grace
        self._cluster.ask_to_end()
        while self._cluster.ended() is None:
            if time.monotonic() >= until or self._asked > asked:
                logger.warning("The cluster did not end in time: it is killed. Others take up what it held.")
                return False
            time.sleep(LOOK_SECONDS)
        code = self._cluster.ended()
        logger.log(logging.WARNING if code else logging.INFO, "Stopped%s.", f" with code {code}" if code else "")
        return code == 0

    def _kill(self) -> None:
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.kill()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        before = {kind: signal.signal(kind, self._note) for kind in SIGNALS}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked += 1
