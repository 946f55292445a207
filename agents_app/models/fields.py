"""Fields and defaults shared by the models."""

import os
import threading
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models
from django.db.utils import DEFAULT_DB_ALIAS
from django.utils import timezone

from agents_app.conf import conf


class _Made:
    """Which `uuid7` this process made last: the millisecond, and the number within it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = (0, 0)

    def next(self) -> tuple[int, int]:
        """The present millisecond, and a number of 42 bits above that of the one before, if that was in it too."""
        with self._lock:
            now = time.time_ns() // 1_000_000
            at, number = self._last
            number = number + 1 if at == now else int.from_bytes(os.urandom(6), "big") >> 7
            self._last = (now, number)
        return now, number


_made = _Made()


def _after_fork() -> None:
    # Who held the parent's lock is not here to let go of it.
    global _made
    _made = _Made()


os.register_at_fork(after_in_child=_after_fork)


def uuid7() -> UUID:
    """A time-ordered UUID, version 7 of RFC 9562: 48 bits of Unix milliseconds, 42 of a number, 32 random.

    Those of one process follow each other, also within a millisecond; those of several give the order of creation
    roughly. Never a cursor. Python has its own from 3.14 on.
    """
    milliseconds, number = _made.next()
    random = number << 32 | int.from_bytes(os.urandom(4), "big")
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | random >> 62 << 64 | 0x2 << 62 | random & (2**62 - 1)
    return UUID(int=value)


def first_uuid7(moment: datetime) -> UUID:
    """The smallest `uuid7` of a moment: whatever was made before it has a smaller one."""
    aware = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    return UUID(int=max(int(aware.timestamp() * 1000), 0) << 80)


class UserForeignKey(models.ForeignKey[Any, Any]):
    """A nullable reference to the project's user. Deleting the user keeps the row, which snapshots the name.

    Where AGENTS_APP["DATABASE"] is another database than the users', a constraint is impossible and the reference
    is plain: it may dangle, and the router answers reads from the users' database.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        same = conf.DATABASE == DEFAULT_DB_ALIAS
        kwargs |= {
            "to": settings.AUTH_USER_MODEL,
            "null": True,
            "blank": True,
            "on_delete": models.SET_NULL if same else models.DO_NOTHING,
            "db_constraint": same,
        }
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for given in ("null", "blank", "on_delete", "db_constraint", "to"):
            kwargs.pop(given, None)
        return name, path, args, kwargs


class SubjectField(GenericForeignKey):
    """The team's own object that a run is about; None if it is gone.

    It is read where the routers send reads of its kind: not in the run's database, where Django would look for it.
    """

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        kind_id, key = getattr(instance, f"{self.ct_field}_id"), getattr(instance, self.fk_field)
        if kind_id is None:
            return None
        try:
            model = ContentType.objects.get_for_id(kind_id).model_class()
            return None if model is None else model._base_manager.filter(pk=key).first()
        except (ContentType.DoesNotExist, ValueError, ValidationError):
            return None
