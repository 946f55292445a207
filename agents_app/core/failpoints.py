"""Named moments at which tests do harm: around each commit, and around each call of an LLM or a tool.

Nobody listens in production, and a failpoint then costs one comparison. Tests that listen may let the process die,
stop or lose its database right there (`tests/chaos/`, which also holds that each one is reached).
"""

from collections.abc import Callable
from typing import Any

Listener = Callable[[str, Any], None]

_listener: Listener | None = None


def listen(listener: Listener | None) -> None:
    """Have `listener(name, about)` called at each failpoint of this process; None: nobody any more. For tests."""
    global _listener
    _listener = listener


def failpoint(name: str, about: Any = None) -> None:
    """This moment has come. name: a literal, `noun.past_participle`. about: what the listener may want to look at."""
    if _listener is not None:
        _listener(name, about)
