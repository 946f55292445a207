"""Processes that end with their parent: on Linux, which kills them by itself."""

import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1


class _Parent:
    """Who forks, noted right before."""

    pid = 0
    on_main = True


def die_with(parent: int) -> None:
    """Have this process killed when its parent `parent` has died; at once if it has died already.

    Nothing happens where the system cannot do it.
    """
    if not sys.platform.startswith("linux"):
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        return
    if os.getppid() != parent:
        os._exit(1)


def let_children_die_with_us() -> None:
    """From now on: every process that this one forks, and theirs.

    Not those forked by a thread beside the main one: for Linux the *thread* that forked is the parent.
    """
    os.register_at_fork(before=_note_parent, after_in_child=_die_with_parent)


def _note_parent() -> None:
    _Parent.pid = os.getpid()
    _Parent.on_main = threading.current_thread() is threading.main_thread()


def _die_with_parent() -> None:
    if _Parent.on_main:
        die_with(_Parent.pid)
