"""Sending notifications beside the work: each channel in a thread of its own, so that one that hangs delays nobody."""

import atexit
import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connections

from agents_app.conf import conf
from agents_app.notify import queue
from agents_app.notify.channels import channels
from agents_app.notify.send import due, send_on
from agents_app.runtime.shutdown import closing
from agents_app.transitions.hints import send_hint

logger = logging.getLogger("agents_app.notify")

THREAD = "agents-notify"
LINGER_SECONDS = 2.0
"""So long a task waits at its end for what is being sent; what takes longer goes on beside the next task."""
MARGIN_SECONDS = 5.0


def never() -> bool:
    """Nobody wants it stopped."""
    return False


def send_due(stopped: Callable[[], bool] = never) -> int:
    """Send here and now what is due, channel by channel; how many tries that took. Raises what the database raises."""
    return sum(send_on(name, stopped) for name in due())


class Senders:
    """The threads of this process, one per channel at the most."""

    def __init__(self) -> None:
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def look(self) -> bool:
        """Begin to send on the channels where something is due; whether any sends."""
        names = due()
        with self._lock:
            self._threads = {name: each for name, each in self._threads.items() if each.is_alive()}
            for name in names:
                if name not in self._threads:
                    self._threads[name] = threading.Thread(target=_send, args=(name,), name=THREAD, daemon=True)
                    self._threads[name].start()
            return bool(self._threads)

    def join(self, seconds: float) -> None:
        """Wait for those that send now, at most so long together."""
        until = time.monotonic() + seconds
        with self._lock:
            threads = list(self._threads.values())
        for each in threads:
            each.join(max(until - time.monotonic(), 0.0))


senders = Senders()


def leave() -> None:
    """At the end of a process: what is being sent is given its time. What is cut off is sent again later."""
    senders.join(conf.NOTIFY_SECONDS + MARGIN_SECONDS)


atexit.register(leave)


def hint_at_due() -> bool:
    """Send a wake-up for each channel on which something can be sent now. Says whether the queue took them."""
    known = [name for name, channel in channels().items() if channel.sends]
    return all(send_hint(run_id) for run_id in queue.due_run_ids(known)) if known else True


def _send(name: str) -> None:
    try:
        send_on(name, closing.is_set)
    except (DatabaseError, InterfaceError):
        logger.warning("Notifications cannot be sent now; the sweep will see to it.", exc_info=True)
    except Exception:
        logger.exception("Sending notifications failed; the sweep will see to it.")
    finally:
        connections.close_all()
