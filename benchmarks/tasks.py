"""Bare round trips through django-q2: tasks that do nothing, or only commit."""

import os

import psycopg
from redis import Redis

_redis: list[Redis] = []
_postgres: list[psycopg.Connection] = []


def tell(key: str) -> None:
    """Push a word to a list of this name, where the other side waits for it."""
    if not _redis:
        _redis.append(Redis.from_url(os.environ["BENCH_REDIS"]))
    _redis[0].rpush(key, "done")


def commit_and_tell(key: str, commits: int) -> None:
    """The same after so many commits of one small row."""
    if not _postgres:
        _postgres.append(psycopg.connect(os.environ["BENCH_DATABASE"]))
    for _ in range(commits):
        _postgres[0].execute("INSERT INTO floor (text) VALUES (%s)", ["x" * 100])
        _postgres[0].commit()
    tell(key)
