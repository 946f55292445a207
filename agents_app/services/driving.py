"""Running an agent in this process, without a queue."""

import time
from typing import Any, TypeVar

from django.db import connections
from django.utils.module_loading import import_string

from agents_app.conf import conf
from agents_app.core.status import RunStatus
from agents_app.definitions.agent import Agent
from agents_app.exceptions import InsideTransaction
from agents_app.services.start import start_run
from agents_app.services.values import POLL_SECONDS, Run

Answer = TypeVar("Answer")
DRIVE_TO_REST = "agents_app.runtime.drive.drive_to_rest"


def run_and_wait(agent: type[Agent[Answer]] | str, input: str, **options: Any) -> Run[Answer]:  # noqa: A002
    """Start a run and drive it here until it ended or waits for people (or for a later time).

    Options as of `start_run`. Needs no queue; works in a one-file script with SQLite in memory.
    Raises InsideTransaction within `transaction.atomic()`.
    """
    if connections[conf.DATABASE].in_atomic_block:
        raise InsideTransaction()
    run = start_run(agent, input, **options)
    drive_to_rest = import_string(DRIVE_TO_REST)
    while True:
        drive_to_rest(run.id)
        run = run.again()
        if run.ended or run.waits_for_people or run.status is RunStatus.SCHEDULED:
            return run
        time.sleep(POLL_SECONDS)  # a worker of the queue was faster and has it
