"""The side of Celery's workers: the tasks, the sweep for `celery beat`, and a shutdown that ends slices early.

Found by `app.autodiscover_tasks()`, through `agents_app.tasks`.
"""

import os
import threading
from typing import Any

from celery import current_app, shared_task, signals, signature

from agents_app.conf import conf
from agents_app.executors.celery import CONTINUE
from agents_app.runtime import drive, recovery
from agents_app.runtime.shutdown import closing, replaced
from agents_app.services import cleaning

RECOVER = "agents_app.recover"
CLEAN_UP = "agents_app.clean_up"
SWEEP_SECONDS = 5.0
CLEANING_SECONDS = 600.0
SWEEP_EXPIRES = 30.0
"""Sweeps that no worker took do not pile up."""

OTHERS_SWEEP = ("django_q2", "immediate")
"""With these executors the sweep is not Celery's business, even if the project uses Celery for something else."""


def _continue_run(run_id: str) -> None:
    """Drive this run, and others that are due, for one slice. Twice, late or for nothing it does no harm."""
    drive.continue_run(run_id)


def _recover() -> None:
    """The sweep: send a new wake-up for every run that is due and that nobody works on."""
    recovery.sweep()


def _clean_up() -> None:
    """Keep the database small: archive what ended long ago, delete what nobody needs any more."""
    cleaning.clean_up(conf.SLICE_SECONDS)


# Acknowledged when the slice is over, and given back if its process died; whatever the project's defaults are.
LATE = {"ignore_result": True, "acks_late": True, "reject_on_worker_lost": True}
continue_run: Any = shared_task(name=CONTINUE, **LATE)(_continue_run)
recover: Any = shared_task(name=RECOVER, ignore_result=True)(_recover)
clean_up: Any = shared_task(name=CLEAN_UP, ignore_result=True)(_clean_up)


def _let_beat_sweep() -> None:
    if conf.EXECUTOR in OTHERS_SWEEP:
        return
    sweep, clean = signature(RECOVER), signature(CLEAN_UP)
    current_app.add_periodic_task(SWEEP_SECONDS, sweep, name="agents_app: sweep", expires=SWEEP_EXPIRES)
    current_app.add_periodic_task(CLEANING_SECONDS, clean, name="agents_app: clean up", expires=CLEANING_SECONDS)


class Leash:
    """A pipe from the worker's main process to its pool. Nothing is written: the main process closes its end when it
    begins to shut down, and the system does when it has died; then the processes of the pool drain."""

    ends: tuple[int, int] | None = None


def _make_leash(**kwargs: Any) -> None:
    Leash.ends = os.pipe()


def _put_on_leash(**kwargs: Any) -> None:
    replaced.set()
    if Leash.ends is not None:
        held, hold = Leash.ends
        os.close(hold)
        threading.Thread(target=_heed, args=(held,), name="agents-leash", daemon=True).start()


def _heed(held: int) -> None:
    os.read(held, 1)
    closing.set()


def _let_go(**kwargs: Any) -> None:
    closing.set()  # where the pool is threads of this process
    if Leash.ends is not None:
        os.close(Leash.ends[1])
        Leash.ends = None


signals.worker_init.connect(_make_leash)
signals.worker_process_init.connect(_put_on_leash)
signals.worker_shutting_down.connect(_let_go)
_let_beat_sweep()
