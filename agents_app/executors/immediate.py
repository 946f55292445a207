"""Runs iterations in the submitting process, for scripts and tests."""

import threading
from collections import deque
from datetime import datetime
from uuid import UUID

from django.utils.module_loading import import_string

TASK = "agents_app.tasks.continue_run"

WORKERS_OWN = "agents-db"
"""The names of the threads that a driving worker writes with begin so."""


class ImmediateExecutor:
    """Drives the run before `submit` returns. A submission from within loops after the present one: no recursion.

    Where a worker's own thread submits (it gave a run back that is due), another thread drives: a worker that waited
    there for work to be done would wait for itself.
    """

    delays = False

    def __init__(self) -> None:
        self._local = threading.local()

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        """Drive now; with `run_at` nothing happens until somebody drives what is due."""
        if run_at is not None:
            return
        if threading.current_thread().name.startswith(WORKERS_OWN):
            threading.Thread(target=import_string(TASK), args=(str(run_id),), name="agents-immediate").start()
            return
        queue: deque[UUID] | None = getattr(self._local, "queue", None)
        if queue is not None:
            queue.append(run_id)
            return
        self._local.queue = deque([run_id])
        try:
            self._drain()
        finally:
            self._local.queue = None

    def _drain(self) -> None:
        continue_run = import_string(TASK)
        while self._local.queue:
            continue_run(str(self._local.queue.popleft()))
