"""Where the next iteration of a run takes place."""

from datetime import datetime
from functools import lru_cache
from typing import Protocol
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from agents_app.conf import conf

BUILT_IN = {
    "django_q2": "agents_app.executors.django_q2.DjangoQ2Executor",
    "immediate": "agents_app.executors.immediate.ImmediateExecutor",
}


class Executor(Protocol):
    """The port. A submission is a hint: it may be lost, come late, or come twice.

    `delays`: whether `run_at` is honoured; where it is not, the clock finds the run when it is due.
    """

    @property
    def delays(self) -> bool: ...

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        """Have `agents_app.tasks.continue_run(run_id)` called soon, or at `run_at`. May raise if the queue is down."""
        ...


def get_executor() -> Executor:
    """The executor of AGENTS_APP["EXECUTOR"]. Raises ImproperlyConfigured if there is none of that name."""
    return _load(conf.EXECUTOR)


@lru_cache
def _load(name: str) -> Executor:
    try:
        executor: Executor = import_string(BUILT_IN.get(name, name))()
    except ImportError as error:
        known = ", ".join(sorted(BUILT_IN))
        raise ImproperlyConfigured(
            f'AGENTS_APP["EXECUTOR"] = {name!r} is neither one of {known} nor a class that can be imported: {error}'
        ) from error
    return executor


def _forget(setting: str, **kwargs: object) -> None:
    if setting == "AGENTS_APP":
        _load.cache_clear()


setting_changed.connect(_forget)
