"""The default executor: a django-q2 task per wake-up."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import get_broker
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.tasks import async_task

TASK = "agents_app.tasks.continue_run"
REDIS = "django_q.brokers.redis_broker.Redis"
IMPATIENT_REDIS = "agents_app.executors.impatient_redis.ImpatientRedis"
"""By its path: redis is an extra."""
MOST_SECONDS = 600.0
"""A wake-up for later than this is not stored: the queue's table stays small, however many runs wait for long."""


class DjangoQ2Executor:
    """Sends the run's id alone.

    django-q2 has no delayed tasks, but where its messages are rows (its ORM broker, and our PostgreSQL broker) one
    can be stored locked until it is due. With the other brokers the clock finds what is due later.
    """

    @property
    def delays(self) -> bool:
        """Whether the broker of Q_CLUSTER stores messages as rows. Asks no server."""
        if Conf.SYNC:
            return False
        if Conf.BROKER_CLASS:
            return issubclass(import_string(Conf.BROKER_CLASS), ORM)
        return bool(Conf.ORM) and not Conf.IRON_MQ and not isinstance(Conf.SQS, dict)

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        """Queue a wake-up; results are not kept and a failure is not redelivered for ever."""
        options: dict[str, Any] = {"save": False, "ack_failure": True, "group": "agents_app"}
        if run_at is not None:
            if not self.delays or (run_at - timezone.now()).total_seconds() > MOST_SECONDS:
                return
            options["broker"] = _LockedUntil(get_broker(), run_at)
        elif _goes_to_redis():
            options["broker"] = import_string(IMPATIENT_REDIS)()
        async_task(TASK, str(run_id), **options)


def _goes_to_redis() -> bool:
    """Whether messages go to django-q2's Redis broker, by a client that it makes itself."""
    if Conf.SYNC or Conf.DJANGO_REDIS:
        return False
    if Conf.BROKER_CLASS:
        return bool(Conf.BROKER_CLASS == REDIS)
    return not (Conf.ORM or Conf.IRON_MQ or Conf.MONGO or isinstance(Conf.SQS, dict))


class _LockedUntil:
    """What `async_task` needs of a broker: stores one message so that nobody fetches it before `moment`."""

    def __init__(self, broker: ORM, moment: datetime) -> None:
        self.list_key = broker.list_key
        self._broker = broker
        self._moment = moment

    def enqueue(self, task: str) -> Any:
        with transaction.atomic(using=Conf.ORM):
            number = self._broker.enqueue(task)
            self._broker.get_connection().filter(pk=number).update(lock=self._moment)
        return number
