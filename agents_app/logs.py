"""Which run a log record is about: each record of this app has `run_id`, `call_id` and `tool`.

They are empty where there is none, and held in a context variable: runs driven beside each other do not mix up.
"""

import logging
import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

FACTS = ("run_id", "call_id", "tool")

PACKAGES = tuple(f"agents_app.{module.name}" for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
TOPICS = (
    "agents_app.aws_lambda",
    "agents_app.celery",
    "agents_app.cluster",
    "agents_app.handlers",
    "agents_app.limits",
    "agents_app.recovery",
    "agents_app.retention",
    "agents_app.tools",
)
LOGGERS = ("agents_app", *PACKAGES, *TOPICS)
"""All loggers of this app."""

_facts: ContextVar[Mapping[str, str] | None] = ContextVar("agents_app_facts", default=None)


def note_facts(**facts: object) -> None:
    """From here on, in this task and in what it starts, records are about this run (and call, and tool)."""
    _facts.set({**(_facts.get() or {}), **{name: str(value) for name, value in facts.items()}})


@contextmanager
def about(**facts: object) -> Iterator[None]:
    """While it lasts records are about this run (and call, and tool)."""
    before = _facts.set({**(_facts.get() or {}), **{name: str(value) for name, value in facts.items()}})
    try:
        yield
    finally:
        _facts.reset(before)


class RunFilter(logging.Filter):
    """Gives records `run_id`, `call_id` and `tool`. Put it on your handlers, so that your own records have them too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets everything pass. What a record says of itself stays."""
        facts = _facts.get() or {}
        for name in FACTS:
            if not hasattr(record, name):
                setattr(record, name, facts.get(name, ""))
        return True


_filter = RunFilter()


def mark_records() -> None:
    """Put the filter on this app's loggers, whatever LOGGING says. Safe twice."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_filter)
