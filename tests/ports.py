"""A port for a server that a test starts."""

import os

from project.demo.ports import free_port

FIRST, LAST = 10_000, 30_000
EACH = 10


def own_port() -> int:
    """Below those that the system gives to whoever asks for any, and not where the other processes of the tests begin
    to look: nobody takes it between now and the moment when the server does."""
    return free_port(FIRST + os.getpid() * EACH % (LAST - FIRST))
