"""What every case needs."""

import json
import sys
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from agents_app.models import AgentContext, AgentEvent, AgentStep, ToolCall


def number(place: int, default: int) -> int:
    """A number from the command line."""
    return int(sys.argv[place]) if len(sys.argv) > place else default


def told(**figures: Any) -> None:
    """The case's result."""
    print(json.dumps(figures), flush=True)


def check_rows(run_ids: Sequence[UUID], *, events: int, steps: int = 6, calls: int = 2) -> None:
    """Every row and event of these runs is there, and all have completed. Raises AssertionError."""
    runs = AgentContext.objects.filter(pk__in=run_ids, status="completed").count()
    assert runs == len(run_ids), f"{runs} of {len(run_ids)} runs have completed"
    for model, each in ((AgentEvent, events), (AgentStep, steps), (ToolCall, calls)):
        found = model._default_manager.filter(context__in=run_ids).count()
        assert found == each * len(run_ids), f"{found} rows of {model.__name__}, not {each} a run"


def analyzed() -> None:
    """What the database does by itself some time after many rows were written."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def commits_and_wal() -> tuple[int, int]:
    """Transactions that wrote (each takes one number), and the position in the WAL; zeros on SQLite."""
    if connection.vendor != "postgresql":
        return 0, 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        wal = int(cursor.fetchone()[0])
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        return cursor.fetchone()[0], wal
