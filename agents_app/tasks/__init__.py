"""What queues call. Public: `continue_run(run_id)` is safe twice, late, and for runs that have ended."""

import sys
from importlib import import_module

from agents_app.conf import conf
from agents_app.runtime import drive, recovery
from agents_app.services.cleaning import clean_up as clean_up_for
from agents_app.tasks.aws_lambda import lambda_handler

__all__ = ["clean_up", "continue_alone", "continue_run", "lambda_handler", "recover"]


def continue_run(run_id: str) -> None:
    """Drive this run, and others that are due, for a while. Never raises and returns None: queues differ in what
    they make of either, and the rows hold all that matters."""
    drive.continue_run(run_id)


def continue_alone(run_id: str, seconds: float) -> None:
    """The same for this run only, and back within so many seconds: for queues that wait for an answer."""
    drive.continue_run(run_id, seconds=seconds)


def recover() -> None:
    """The sweep: send a new hint for every run that is due and that nobody works on."""
    recovery.sweep()


def clean_up() -> None:
    """Keep the database small: archive what ended long ago, delete what nobody needs any more."""
    clean_up_for(conf.SLICE_SECONDS)


if "celery" in sys.modules:
    # So that `app.autodiscover_tasks()` finds Celery's tasks here; who does not use Celery does not pay for its import.
    import_module("agents_app.tasks.celery")
