"""Running the demo's processes in the foreground, and leaving none behind."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

GRACE_SECONDS = 8.0
"""How long processes may take to end by themselves; what they work on is taken up again at the next start."""
LOOK_SECONDS = 0.1


class Died(Exception):
    """A process ended that should not have."""


class Processes:
    """Child processes, each the leader of a process group of its own, so that the terminal's Ctrl-C reaches us alone.

    Only the leaders are asked to end: a django-q2 cluster whose workers get the signal too hangs. After GRACE_SECONDS,
    or at a second Ctrl-C, the groups are killed.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._children: dict[str, subprocess.Popen[str]] = {}
        self._readers: list[threading.Thread] = []
        self._signals = 0

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start one; its output is written line by line behind its name."""
        child = subprocess.Popen(  # noqa: S603 (our own commands)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._children[name] = child
        reader = threading.Thread(target=self._read, args=(name, child), daemon=True)
        reader.start()
        self._readers.append(reader)

    @contextlib.contextmanager
    def ended_with_us(self) -> Iterator[None]:
        """Inside, Ctrl-C, SIGTERM and a closed terminal only set `asked_to_stop`; at the end all processes end."""
        kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {kind: signal.signal(kind, self._note) for kind in kinds}
        try:
            yield
        finally:
            self._stop()
            for kind, handler in before.items():
                signal.signal(kind, handler)

    @property
    def asked_to_stop(self) -> bool:
        """Whether a signal to stop has come."""
        return self._signals > 0

    def watch(self) -> None:
        """Return when asked to stop. Raises Died when a process has ended."""
        while not self.asked_to_stop:
            self.check()
            time.sleep(LOOK_SECONDS)

    def check(self) -> None:
        """Raises Died when a process has ended."""
        for name, child in self._children.items():
            if child.poll() is not None:
                raise Died(f"The process “{name}” ended with code {child.returncode}.")

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _stop(self) -> None:
        signals = self._signals
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        until = time.monotonic() + GRACE_SECONDS
        while self._any_alive() and time.monotonic() < until and self._signals <= max(signals, 1):
            time.sleep(LOOK_SECONDS)
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        for reader in self._readers:
            reader.join(timeout=1)

    def _any_alive(self) -> bool:
        return any(child.poll() is None for child in self._children.values())

    def _read(self, name: str, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        with child.stdout:
            for line in child.stdout:
                if line.strip():
                    # Where nobody reads us any more the process must still get rid of its output.
                    with contextlib.suppress(OSError):
                        self._write(f"{name:<5} | {line.rstrip()}")
