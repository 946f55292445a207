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
    "aws_lambda": "agents_app.executors.aws_lambda.AwsLambdaExecutor",
    "celery": "agents_app.executors.celery.CeleryExecutor",
    "django_q2": "agents_app.executors.django_q2.DjangoQ2Executor",
    "http_push": "agents_app.executors.http_push.HttpPushExecutor",
    "immediate": "agents_app.executors.immediate.ImmediateExecutor",
}
EXTRAS = {"aws_lambda": "aws", "celery": "celery"}
"""What to install for an executor: `pip install 'django-agents-app[…]'`."""


class Executor(Protocol):
    """The port. A submission is a hint: it may be lost, come late, or come twice; it carries the run's id alone.

    Capabilities are attributes of the class (or properties, where they depend on the queue):

    `delays`: `submit` may be given a `run_at`, and the run is then continued at about that time. An executor may leave
    out what is far off: the clock (`agents_cluster`, a sweep) finds each run when it is due. Where it is False `run_at`
    is never given.
    """

    @property
    def delays(self) -> bool: ...

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        """Have `agents_app.tasks.continue_run(run_id)` called soon, or at `run_at`.

        Called after the commit. May raise if the queue does not take it: the run stays accepted, and the sweep submits
        it again. Must not wait for the run, and should not wait for a queue that does not answer.
        """
        ...


def get_executor() -> Executor:
    """The executor of AGENTS_APP["EXECUTOR"]. Raises ImproperlyConfigured if there is none of that name."""
    return _load(conf.EXECUTOR)


@lru_cache
def _load(name: str) -> Executor:
    try:
        executor: Executor = import_string(BUILT_IN.get(name, name))()
    except ImportError as error:
        if name in EXTRAS:
            hint = f"It needs: pip install 'django-agents-app[{EXTRAS[name]}]'."
        else:
            hint = f"The names are {', '.join(sorted(BUILT_IN))}."
        raise ImproperlyConfigured(
            f'AGENTS_APP["EXECUTOR"] = {name!r} is no executor that can be imported: {error}. {hint}'
        ) from error
    return executor


def _forget(setting: str, **kwargs: object) -> None:
    if setting == "AGENTS_APP":
        _load.cache_clear()


setting_changed.connect(_forget)
