"""Runs iterations in the submitting process, for scripts and tests."""

import threading
from collections import deque
from datetime import datetime
from uuid import UUID

from django.utils.module_loading import import_string

TASK = "agents_app.tasks.continue_run"


class ImmediateExecutor:
    """Drives the run before `submit` returns. A submission from within loops after the present one: no recursion."""

    delays = False

    def __init__(self) -> None:
        self._local = threading.local()

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        """Drive now; with `run_at` nothing happens until somebody drives what is due."""
        if run_at is not None:
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
