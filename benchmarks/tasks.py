"""The bare round trip through django-q2."""

import os

from redis import Redis

_redis: list[Redis] = []


def tell(key: str) -> None:
    """Push a word to a list of this name, where the other side waits for it."""
    if not _redis:
        _redis.append(Redis.from_url(os.environ["BENCH_REDIS"]))
    _redis[0].rpush(key, "done")
