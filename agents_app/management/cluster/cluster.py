"""One cluster of django-q2: a process group of its own, started and ended as a whole."""

import contextlib
import os
import signal
import subprocess
import sys
import time

from agents_app.management.cluster.leash import Leash

MAIN = "agents_app.management.cluster.queue_process"
GONE_SECONDS = 5.0
LEASH_SECONDS = 5.0
"""More than the grace: killing is the supervisor's, and the workers' own only if it died."""
LOOK_SECONDS = 0.05


class Cluster:
    """Started when made. grace: seconds that its workers are given to come to an end.

    Only its main process is ever asked to end: when all get the signal, django-q2 hangs.
    """

    def __init__(self, grace: float) -> None:
        self._leash = Leash.new()
        sign, held = self._leash.given
        command = [sys.executable, "-m", MAIN, str(sign), str(held), str(os.getpid()), str(grace + LEASH_SECONDS)]
        self._process = subprocess.Popen(  # noqa: S603 (our own module)
            command,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            pass_fds=self._leash.given,
            start_new_session=True,
        )
        self._leash.handed_over()
        self.pid = self._process.pid

    def ended(self) -> int | None:
        """The exit code of its main process; None while it runs."""
        code = self._process.poll()
        if os.getpid() == 1:
            self._reap_orphans()
        return code

    def signs_came(self) -> bool:
        """Whether a worker gave a sign of life since the last look."""
        return self._leash.signs_came()

    def ask_to_end(self) -> None:
        """Fetch nothing more, let open calls end, and leave."""
        self._leash.let_go()
        if self.ended() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """The whole group, at once, orphans too; returns when all are gone. Last call."""
        until = time.monotonic() + GONE_SECONDS
        while self._signal_group() and time.monotonic() < until:
            self.ended()
            time.sleep(LOOK_SECONDS)
        self._leash.close()

    def _reap_orphans(self) -> None:
        """In a container we are the first process, and whoever loses its parent becomes our child."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                if found.si_pid == self.pid:
                    return  # `poll` wants it
                os.waitpid(found.si_pid, 0)

    def _signal_group(self) -> bool:
        """False if there is no such group any more."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # macOS says that it is not permitted where only dead ones are left.
            return False
        return True
