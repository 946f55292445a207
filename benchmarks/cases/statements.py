"""Runs of W1 whose statements are kept as they were sent, so that they can be sent again by nobody but the driver.

Arguments: how many runs, and the file that they are written to: a JSON list of texts, COMMIT among them.
"""

import json
import sys
from pathlib import Path
from typing import Any

from django.db import connection, connections
from django.db.backends.signals import connection_created

from agents_app.services import start_run
from benchmarks.cases.setup import check_rows, number, told
from benchmarks.clerk.agents import INPUT, Clerk

WARM_UP = 20

_sent: list[str] = []


def main(runs: int, path: Path) -> None:
    """Print how many statements and commits a run has."""
    connection_created.connect(_keep)
    connection.close()  # each is kept from its beginning
    for _ in range(WARM_UP):
        start_run(Clerk, INPUT)
    _sent.clear()
    done = [start_run(Clerk, INPUT) for _ in range(runs)]
    sent = [*_sent]
    check_rows([run.id for run in done], events=14)
    path.write_text(json.dumps(sent))
    commits = sent.count("COMMIT")
    told(statements=(len(sent) - commits) / runs, commits=commits / runs)


def _keep(connection: Any, **kwargs: Any) -> None:
    connection.execute_wrappers.append(_wrapper)


def _wrapper(execute: Any, sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
    here = connections[context["connection"].alias]
    if here.in_atomic_block and _committed not in [entry[1] for entry in here.run_on_commit]:
        here.on_commit(_committed)
    _sent.append(sql if parameters is None else context["cursor"].mogrify(sql, parameters))
    return execute(sql, parameters, many, context)


def _committed() -> None:
    _sent.append("COMMIT")


if __name__ == "__main__":
    main(number(1, 50), Path(sys.argv[2]))
