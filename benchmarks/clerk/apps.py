"""Tells the measuring side of a run's end, if there is one."""

import os

from django.apps import AppConfig

from agents_app.signals import RecordedEvent, receive
from benchmarks.tasks import tell


class ClerkConfig(AppConfig):
    name = "benchmarks.clerk"

    def ready(self) -> None:
        if "BENCH_REDIS" in os.environ:
            receive("run.completed")(_tell)


def _tell(event: RecordedEvent) -> None:
    tell(f"run-{event.run_id}")
