"""What a million stored runs cost: approving one run (it goes on to its end), and a page of the inbox.

Arguments: how many runs are stored; one in a hundred of them waits for an approval, but never less than fill a page.
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection, models
from django.test import Client
from django.urls import reverse

from agents_app.api.pagination import PAGE_SIZE
from agents_app.models import AgentContext, AgentStep, ApprovalRequest, RunDetails, ToolCall
from agents_app.services import approve, start_run
from benchmarks.cases.setup import check_rows, number, told
from benchmarks.clerk.agents import INPUT, Clerk, GatedClerk

TIMES = int(os.environ.get("BENCH_TIMES", "40"))
WAITING = 100
"""One in so many waits."""


def main(stored: int) -> None:
    """Print the median seconds of both."""
    user = get_user_model().objects.create_superuser("bench", password="bench")
    waiting = max(stored // WAITING, PAGE_SIZE)
    fill(AgentContext.objects.get(pk=start_run(Clerk, INPUT).id), stored - waiting)
    fill(AgentContext.objects.get(pk=start_run(GatedClerk, INPUT).id), waiting)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    told(resume=resume(user), inbox=inbox(user), stored=AgentContext.objects.count())


def resume(user: Any) -> float:
    """From a person's yes to the end of the run, in one process."""
    waiting = [start_run(GatedClerk, INPUT).id for _ in range(TIMES + 5)]
    asked = [ApprovalRequest.objects.get(context_id=run_id) for run_id in waiting]
    requests = iter(asked)

    def one() -> None:
        request = next(requests)
        approve(request.pk, by=user, digest=request.digest)

    for _ in range(5):
        one()
    seconds = median(one)
    check_rows(waiting, events=GATED_EVENTS, steps=7)
    return seconds


GATED_EVENTS = 17


def inbox(user: Any) -> float:
    """The first page of what waits for this person, over REST."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    address = reverse("agents_app:approvals") + "?status=pending"

    def one() -> None:
        response = client.get(address)
        assert response.status_code == 200, response.content
        assert len(response.json()["results"]) == PAGE_SIZE

    one()
    return median(one)


def median(act: Callable[[], None]) -> float:
    """Seconds that it takes, the middle of TIMES."""
    taken = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def fill(like: AgentContext, times: int) -> None:
    """Store so many copies of this run, with all of its rows but the events."""
    steps = list(AgentStep.objects.filter(context=like))
    calls = list(ToolCall.objects.filter(context=like))
    requests = list(ApprovalRequest.objects.filter(context=like))
    copy([like, RunDetails.objects.get(pk=like.pk), *steps, *calls, *requests], times)


def copy(rows: Sequence[models.Model], times: int) -> None:
    """Store so many copies of these rows, which refer to each other as these do, and to others as these do."""
    if times <= 0:
        return
    keys = {row.pk: f"k{place}" for place, row in enumerate(rows) if not isinstance(row, RunDetails)}
    with connection.cursor() as cursor:
        columns = ", ".join(f"{_ordered_key(name)} AS {name}" for name in keys.values())
        cursor.execute(f"CREATE TEMP TABLE copies AS SELECT {columns} FROM generate_series(1, {int(times)}) AS place")
        cursor.execute("SET session_replication_role = replica")  # the copies refer to each other: nothing to look up
        cursor.execute("SET synchronous_commit = off")
        for row in rows:
            cursor.execute(_copy(row, keys), [row.pk])
        cursor.execute("RESET synchronous_commit")
        cursor.execute("RESET session_replication_role")
        cursor.execute("DROP TABLE copies")


def _ordered_key(name: str) -> str:
    """A key that comes after those before it, as those of `uuid7` do: the milliseconds first, then what is random."""
    past = "extract(epoch FROM now() - interval '30 days')::bigint * 1000"
    return f"(lpad(to_hex({past} + place), 12, '0') || substr(md5('{name}' || random()), 1, 20))::uuid"


def _copy(row: models.Model, keys: dict[Any, str]) -> str:
    """INSERT … SELECT of copies of a row, in which each key of `keys` is replaced by that of the copy."""
    fields = row._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(_copied(row, field, keys) for field in fields)
    table, key = row._meta.db_table, row._meta.pk
    assert key is not None
    return (
        f'INSERT INTO "{table}" ({names}) SELECT {values} FROM "{table}" AS row, copies WHERE row."{key.column}" = %s'
    )


def _copied(row: models.Model, field: Any, keys: dict[Any, str]) -> str:
    new = keys.get(getattr(row, field.attname)) if field.is_relation or field.primary_key else None
    return f"copies.{new}" if new else f'row."{field.column}"'


if __name__ == "__main__":
    main(number(1, 1000))
