"""W1: a run of three LLM turns and two tools, in one process.

    python -m benchmarks.w1 RUNS      (DJANGO_SETTINGS_MODULE=benchmarks.settings, BENCH_DATABASE=…)

Prints one JSON line: seconds, processor seconds, commits and bytes of WAL per run.
"""

import json
import sys
import time

import django

django.setup()

from django.db import connection  # noqa: E402  after setup

from agents_app.models import AgentEvent, AgentStep, ToolCall  # noqa: E402
from agents_app.services import start_run  # noqa: E402
from benchmarks.clerk.agents import ANSWER, INPUT, Clerk  # noqa: E402


def counters() -> tuple[int, int]:
    """Commits of this database, and the WAL position."""
    if connection.vendor != "postgresql":
        return 0, 0
    with connection.cursor() as cursor:
        time.sleep(1.2)  # the server collects its statistics once a second
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT xact_commit, pg_current_wal_lsn() - '0/0' FROM pg_stat_database WHERE datname = current_database()"
        )
        commits, wal = cursor.fetchone()
    return commits, int(wal)


def main(runs: int) -> None:
    """Some runs to warm up, then `runs` one after the other."""
    for _ in range(20):
        start_run(Clerk, INPUT)
    commits, wal = counters()
    begun, spent = time.perf_counter(), time.process_time()
    done = [start_run(Clerk, INPUT) for _ in range(runs)]
    seconds, processor = (time.perf_counter() - begun) / runs, (time.process_time() - spent) / runs
    last_commits, last_wal = counters()
    for run in done:
        assert run.again().output == ANSWER, run.again()
    ids = [run.id for run in done]
    rows = {
        "events": AgentEvent.objects.filter(context__in=ids).count(),
        "steps": AgentStep.objects.filter(context__in=ids).count(),
        "calls": ToolCall.objects.filter(context__in=ids).count(),
    }
    print(
        json.dumps(
            {
                "seconds": seconds,
                "processor": processor,
                "commits": (last_commits - commits) / runs,
                "wal": (last_wal - wal) / runs,
                "rows": {name: count / runs for name, count in rows.items()},
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
