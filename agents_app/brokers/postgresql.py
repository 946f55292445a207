"""PostgreSQL as the queue of django-q2: first in first out, and awake within milliseconds without Redis.

    Q_CLUSTER = {"orm": "default", "broker_class": "agents_app.brokers.postgresql.PostgreSQLBroker", …}

Messages are rows of django-q2's own table, so one may change between this broker and its ORM broker at any time.
"""

import contextlib
import logging
import os
import time
from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, OperationalError, connections, transaction
from django.db.models import Min
from django.db.models.functions import Now
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

logger = logging.getLogger("agents_app.brokers")

MOST_SECONDS = 1.0
"""The longest wait for a message: so long a lost notice is not missed, and a cluster that is to stop waits for us."""
LEAST_SECONDS = 0.01
OUTAGE_SECONDS = 1.0
"""Between two attempts to reach a database that is away."""

MOST_BYTES = 63
"""PostgreSQL takes no longer names."""

Message = tuple[int, str]


class PostgreSQLBroker(ORM):  # type: ignore[misc]  # django-q2 is not typed
    """Claims with SKIP LOCKED, in the order in which messages fell due, and waits by LISTEN for a NOTIFY.

    All times are the database's. Raises ImproperlyConfigured if Q_CLUSTER["orm"] does not name a PostgreSQL.
    """

    def __init__(self, list_key: str | None = None) -> None:
        if Conf.ORM is None or connections[Conf.ORM].vendor != "postgresql":
            raise ImproperlyConfigured(
                f'Q_CLUSTER["broker_class"] is {type(self).__name__}: Q_CLUSTER["orm"] must be the alias of a '
                f"PostgreSQL database, and is {Conf.ORM!r}."
            )
        super().__init__(list_key=list_key)
        self._begin()

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        self._begin()

    def _begin(self) -> None:
        self._ear = Ear(Conf.ORM, f"agents_app_q_{self.list_key}")
        self._away = False

    def enqueue(self, task: str) -> int:
        """Store a message, due at once, and tell those who wait. Joins the caller's transaction, the telling too."""
        with transaction.atomic(using=Conf.ORM):
            number = self.get_connection().create(key=self.list_key, payload=task, lock=Now()).pk
            with connections[Conf.ORM].cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, '')", [self._ear.channel])
        return int(number)

    def dequeue(self) -> list[Message] | None:
        """The messages that are due, leased to us for `retry` seconds; None if there were none for a while.

        Called by the pusher alone, again and again. A database that is away is waited for, not an error: else
        django-q2 would stand still for ten seconds and replace the pusher.
        """
        try:
            messages = self._claim() or self._wait_and_claim()
        except (OperationalError, InterfaceError, Unheard) as error:
            self._sit_out(error)
            return None
        self._away = False
        return messages

    def ping(self) -> bool:
        """Whether the database answers."""
        try:
            with connections[Conf.ORM].cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            return False
        return True

    def info(self) -> str:
        """The kind of broker, for django-q2's monitor."""
        return f"PostgreSQL {Conf.ORM}"

    def close(self) -> None:
        """Listen no more."""
        self._ear.close()

    def _wait_and_claim(self) -> list[Message]:
        # Who begins to listen looks once more at once, for whatever came before.
        if not self._ear.open():
            self._ear.wait(self._seconds_to_next())
        return self._claim()

    def _sit_out(self, error: Exception) -> None:
        if not self._away:
            logger.warning("The queue's database does not answer: %s", " ".join(str(error).split()))
        self._away = True
        self.close()
        with contextlib.suppress(DatabaseError):
            connections[Conf.ORM].close()
        time.sleep(OUTAGE_SECONDS)

    def _claim(self) -> list[Message]:
        messages = OrmQ.objects.using(Conf.ORM)
        with transaction.atomic(using=Conf.ORM):
            due = messages.filter(key=self.list_key, lock__lte=Now()).order_by("lock", "id")
            rows = list(due.select_for_update(skip_locked=True).values_list("pk", "payload")[: Conf.BULK])
            if rows:
                lease = Now() + timedelta(seconds=Conf.RETRY)
                messages.filter(pk__in=[number for number, _ in rows]).update(lock=lease)
        return rows

    def _seconds_to_next(self) -> float:
        """Until a stored message falls due: one sent for later, or one whose lease runs out."""
        stored = OrmQ.objects.using(Conf.ORM).filter(key=self.list_key)
        wait: timedelta | None = stored.aggregate(wait=Min("lock") - Now())["wait"]
        return MOST_SECONDS if wait is None else min(max(wait.total_seconds(), LEAST_SECONDS), MOST_SECONDS)


class Unheard(Exception):
    """The connection that listens broke."""


class Ear:
    """LISTEN on a connection of its own: what comes while nobody waits stays in its buffer.

    It belongs to the process that opened it; after a fork the child opens another.
    """

    def __init__(self, alias: str, channel: str) -> None:
        self.channel = channel.encode()[:MOST_BYTES].decode(errors="ignore")
        self._alias = alias
        self._connection: Any = None
        self._process = 0

    def open(self) -> bool:
        """Listen, if we do not yet. True if it began only now. Raises Unheard."""
        if self._connection is not None and self._process == os.getpid():
            return False
        import psycopg
        from psycopg import sql

        try:
            self._connection = psycopg.connect(**self._parameters())
            self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self.channel)))
        except psycopg.Error as error:
            raise Unheard(str(error)) from error
        self._process = os.getpid()
        return True

    def wait(self, seconds: float) -> None:
        """Until something was said, at most so long. Raises Unheard."""
        import psycopg

        try:
            for _ in self._connection.notifies(timeout=seconds, stop_after=1):
                pass
        except psycopg.Error as error:
            raise Unheard(str(error)) from error

    def close(self) -> None:
        """Stop listening; also when the connection is broken."""
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None

    def _parameters(self) -> dict[str, Any]:
        given = connections[self._alias].get_connection_params()
        ours = {name: value for name, value in given.items() if name not in ("cursor_factory", "context", "pool")}
        defaults = {"connect_timeout": 5, "keepalives_idle": 30, "application_name": "agents_app.queue"}
        return {**defaults, **ours, "autocommit": True}
