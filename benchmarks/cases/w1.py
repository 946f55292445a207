"""W1, one run after the other in one process, only through `start_run`. Arguments: how many runs."""

import time

from agents_app.services import start_run
from benchmarks.cases.setup import check_rows, commits_and_wal, number, told
from benchmarks.clerk.agents import ANSWER, INPUT, Clerk

WARM_UP = 50


def main(runs: int) -> None:
    """Print seconds, processor seconds, commits and bytes of WAL, each per run."""
    for _ in range(WARM_UP):
        start_run(Clerk, INPUT)
    commits, wal = commits_and_wal()
    begun, spent = time.perf_counter(), time.process_time()
    done = [start_run(Clerk, INPUT) for _ in range(runs)]
    seconds, processor = time.perf_counter() - begun, time.process_time() - spent
    last_commits, last_wal = commits_and_wal()
    check_rows([run.id for run in done], events=14)
    assert {run.again().output for run in done} == {ANSWER}
    told(
        seconds=seconds / runs,
        processor=processor / runs,
        commits=(last_commits - commits) / runs,
        wal=(last_wal - wal) / runs,
    )


if __name__ == "__main__":
    main(number(1, 200))
