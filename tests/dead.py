"""Whether processes are gone. A killed one is gone a moment after the signal, and stays a zombie until it is buried."""

import time
from collections.abc import Iterable

import psutil


def alive(pid: int) -> bool:
    """Whether this process runs; a dead one that nobody has buried does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_gone(pids: Iterable[int], seconds: float = 30) -> bool:
    """Whether they all end within that time."""
    left, until = set(pids), time.monotonic() + seconds
    while left := {pid for pid in left if alive(pid)}:
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
