"""Letting runs go on, with an LLM and a clock that the test holds."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from agents_app.conf import conf
from agents_app.definitions.registry import override_llm
from agents_app.llm import LLM
from agents_app.models import clock
from agents_app.runtime.drive import drive_due
from agents_app.runtime.handling import deliver
from agents_app.runtime.telling import send_due
from agents_app.services import Run, read_run
from agents_app.testing.llm import Turn, script
from agents_app.testing.reading import describe
from agents_app.transitions.claims import due_run_ids


def run_until_idle(limit: int = 100) -> list[Run[Any]]:
    """Do what workers would do, here and now, until nothing is due: every run has ended or waits, and event handlers
    have heard of everything.

    Gives the runs that went on, as they are then. Works inside TestCase, where commits (and with them the queue) never
    happen, and in transactional tests. What is due later stays: see `move_time`. Raises AssertionError when something
    is still due after `limit` rounds.
    """
    driven: dict[UUID, None] = {}
    for _ in range(limit):
        due = due_run_ids(conf.RUNS_PER_WORKER, alone=True)
        if not due:
            if deliver() or send_due():
                continue  # a handler may have started another run
            return [read_run(run_id) for run_id in driven]
        driven.update(dict.fromkeys(due))
        drive_due(1)
    last = describe(next(reversed(driven))) if driven else "Event handlers were called each time."
    raise AssertionError(f"Something was still due after {limit} rounds; the last was this.\n{last}")


def move_time(seconds: float) -> AbstractContextManager[None]:
    """While it lasts the rows' time is later by `seconds`: what is scheduled becomes due, what expires has expired."""
    return clock.moved(timedelta(seconds=seconds))


@contextmanager
def scripted_llm(agent: Any, *turns: Turn | LLM) -> Iterator[Any]:
    """While it lasts, this agent (its class or name) is answered by a script; see `script` for what turns may be.

    Gives the scripted LLM; its `requests` are what it was asked. One LLM of your own in place of turns is used itself.
    """
    own = len(turns) == 1 and isinstance(turns[0], LLM)
    llm: Any = turns[0] if own else script(*turns)  # type: ignore[arg-type]
    with override_llm(agent, llm):
        yield llm
