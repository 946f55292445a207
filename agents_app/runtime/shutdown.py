"""Being asked to end. A supervised worker learns it here; others work until their slice is over."""

import threading

from agents_app.conf import conf

closing = threading.Event()
"""Set when this process shall come to an end: nothing new is taken, and what is open is given DRAIN_SECONDS."""

replaced = threading.Event()
"""Set in a worker process for which another is started when it ends, where Python cannot know that by itself."""


def slice_and_drain(most: float | None) -> tuple[float, float]:
    """How many seconds a slice takes, and how many its open calls are then given; together at most `most`."""
    if most is None:
        return conf.SLICE_SECONDS, conf.DRAIN_SECONDS
    drain = min(conf.DRAIN_SECONDS, max(most / 2, most - conf.SLICE_SECONDS))
    return min(conf.SLICE_SECONDS, most - drain), drain
