"""Many runs of W1 at once in one worker process, which waits for the LLM most of the time.

Arguments: how many runs. BENCH_LLM_SECONDS says how long each turn of the LLM takes.
"""

import os
import threading
import time

import psutil

from agents_app.conf import conf
from agents_app.models import AgentContext
from agents_app.services import start_run
from agents_app.tasks import continue_run
from benchmarks.cases.setup import check_rows, number, told
from benchmarks.clerk.agents import INPUT, SECONDS, Clerk


class Memory:
    """The most memory that this process had, over what it had at the beginning, in bytes."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = self.most = self._process.memory_info().rss
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def added(self) -> int:
        """Ends the looking."""
        self._over.set()
        self._thread.join()
        return self.most - self._before

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self.most = max(self.most, self._process.memory_info().rss)


def main(runs: int) -> None:
    """Print seconds for all of them, the seconds that the LLM takes anyway, and the bytes of memory added."""
    warm = [start_run(Clerk, INPUT).id for _ in range(20)]
    drive_all(warm)
    ids = [start_run(Clerk, INPUT).id for _ in range(runs)]
    memory, begun, spent = Memory(), time.perf_counter(), time.process_time()
    drive_all(ids)
    seconds, processor = time.perf_counter() - begun, time.process_time() - spent
    added = memory.added()
    check_rows(ids, events=14)
    told(seconds=seconds, processor=processor, ideal=3 * SECONDS, memory=added)


def drive_all(ids: list[object]) -> None:
    """What a queue's worker does: take one, and what is due beside it, slice after slice."""
    assert int(os.environ.get("BENCH_RUNS_PER_WORKER", "100")) <= conf.RUNS_PER_WORKER
    while (left := AgentContext.objects.live().filter(pk__in=ids).values_list("pk", flat=True).first()) is not None:
        continue_run(str(left))


if __name__ == "__main__":
    main(number(1, 200))
