"""The two pipes between the supervisor and the workers of its cluster.

Signs of life go up: a byte when a task begins and ends, and every second meanwhile. The other pipe carries nothing:
its end is closed when the workers shall come to an end, and by the system when the supervisor has died.
"""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

SIGN = b"."
SIGN_SECONDS = 1.0


@dataclass(kw_only=True, slots=True)
class Leash:
    """The supervisor's ends, and those it gives to the cluster it starts."""

    signs: int
    hold: int
    given: tuple[int, int]

    @classmethod
    def new(cls) -> "Leash":
        """Both pipes, open."""
        signs, sign = os.pipe()
        held, hold = os.pipe()
        for end in (signs, sign):
            os.set_blocking(end, False)
        return cls(signs=signs, hold=hold, given=(sign, held))

    def handed_over(self) -> None:
        """The cluster has its ends: close ours of them."""
        for end in self.given:
            os.close(end)

    def signs_came(self) -> bool:
        """Whether a worker gave a sign of life since the last look."""
        try:
            return bool(os.read(self.signs, 65536))
        except BlockingIOError:
            return False

    def let_go(self) -> None:
        """Tell the workers to come to an end. Safe twice."""
        if self.hold >= 0:
            os.close(self.hold)
            self.hold = -1

    def close(self) -> None:
        """Let go, and hear no more. Once."""
        self.let_go()
        os.close(self.signs)


def kill_own_group() -> None:
    """This process is one of them."""
    os.killpg(0, signal.SIGKILL)


@dataclass(kw_only=True)
class Worker:
    """The worker's side: gives signs while a task runs, at most for the task's time, and hears when let go.

    grace: seconds from then on after which it kills its whole group, since a supervisor that died cannot.
    """

    sign: int
    held: int
    closing: threading.Event
    grace: float
    timeout: float | None
    kill: Callable[[], None] = kill_own_group
    _busy_since: float | None = field(default=None, init=False)

    def start(self) -> None:
        """Watch from a thread of this process."""
        threading.Thread(target=self._watch, name="agents-leash", daemon=True).start()

    def begin(self) -> None:
        """A task begins."""
        self._busy_since = time.monotonic()
        self.give_sign()

    def end(self) -> None:
        """It has ended, well or not."""
        self._busy_since = None
        self.give_sign()

    def give_sign(self) -> None:
        """Never waits; a full pipe says enough, and a broken one is heard of on the other."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self.sign, SIGN)

    def _watch(self) -> None:
        while not select.select([self.held], [], [], SIGN_SECONDS)[0]:
            if self._busy():
                self.give_sign()
        self.closing.set()
        time.sleep(self.grace)
        self.kill()

    def _busy(self) -> bool:
        since = self._busy_since
        return since is not None and (self.timeout is None or time.monotonic() - since < self.timeout)
