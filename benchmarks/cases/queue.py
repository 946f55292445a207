"""From submit to done through a real queue: W1, and W2 from a person's yes, beside bare tasks of django-q2 on Redis.

One does nothing, one commits as often as W1 does. The cluster runs beside this; BENCH_REDIS is its broker.
Arguments: how often.
"""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.db import connection
from django_q.tasks import async_task
from redis import Redis

from agents_app.models import AgentContext, ApprovalRequest
from agents_app.services import approve, start_run
from benchmarks.cases.setup import check_rows, number, told
from benchmarks.clerk.agents import INPUT, Clerk, GatedClerk
from benchmarks.floors import COMMITS

SECONDS = 60
"""Nothing takes so long."""
WARM_UP = 5

redis = Redis.from_url(os.environ["BENCH_REDIS"])


def main(times: int) -> None:
    """Print the median seconds of each; they take turns, so that what else the machine does hits all alike."""
    user = get_user_model().objects.create_superuser("bench", password="bench")
    taken: dict[str, list[float]] = {"bare": [], "commits": [], "w1": [], "w2": []}
    done: list[Any] = []
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE floor (id bigserial PRIMARY KEY, text text)")
    for turn in range(times + WARM_UP):
        bare = timed(lambda: _bare())
        commits = timed(lambda: _bare(COMMITS))
        w1 = timed(lambda: _start(done))
        request = _waiting(done)
        w2 = timed(lambda request=request: _approve(request, user))  # type: ignore[misc]
        if turn >= WARM_UP:
            for name, seconds in (("bare", bare), ("commits", commits), ("w1", w1), ("w2", w2)):
                taken[name].append(seconds)
    check_rows(done[0::2], events=14)
    told(**{name: statistics.median(seconds) for name, seconds in taken.items()})


def timed(act: Callable[[], str]) -> float:
    """Seconds from the beginning of the act to the word that it is done."""
    begun = time.perf_counter()
    key = act()
    assert redis.blpop(key, timeout=SECONDS), f"{key} was not done within {SECONDS} s"
    return time.perf_counter() - begun


def _bare(commits: int = 0) -> str:
    key = f"bare-{uuid4()}"
    if commits:
        async_task("benchmarks.tasks.commit_and_tell", key, commits, save=False)
    else:
        async_task("benchmarks.tasks.tell", key, save=False)
    return key


def _start(done: list[Any]) -> str:
    run = start_run(Clerk, INPUT)
    done.append(run.id)
    return f"run-{run.id}"


def _waiting(done: list[Any]) -> ApprovalRequest:
    run = start_run(GatedClerk, INPUT)
    done.append(run.id)
    until = time.monotonic() + SECONDS
    while AgentContext.objects.get(pk=run.id).status != "waiting_for_approval":
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(0.05)  # until the worker has given its run back and rests
    return ApprovalRequest.objects.get(context_id=run.id)


def _approve(request: ApprovalRequest, user: Any) -> str:
    approve(request.pk, by=user, digest=request.digest)
    return f"run-{request.context_id}"


if __name__ == "__main__":
    main(number(1, 20))
