"""Deleting what is remembered of a person: rows, vectors, history. Nothing of it is a record that others need."""

from typing import Any

from django.db import models, transaction
from django.db.models import Q

from agents_app.conf import conf
from agents_app.models import Entity, Fact, MemoryChange, SessionSummary, WorkingMemory

BATCH = 1000


def memories_of(user_pk: Any) -> int:
    """How many rows there are."""
    return sum(rows.count() for rows in _rows(user_pk))


def erase_memory(user_pk: Any) -> int:
    """Delete them; stopped at any line and repeated it goes on. How many rows were."""
    return sum(_delete(rows) for rows in _rows(user_pk))


def _rows(user_pk: Any) -> "list[models.QuerySet[Any]]":
    """By the key that rows keep, which outlives the account, and by the sessions that are still theirs."""
    key = Q(user_key=str(user_pk))
    theirs = key | Q(session__user_id=user_pk)
    return [
        Fact._base_manager.filter(theirs),
        Entity._base_manager.filter(theirs),
        WorkingMemory._base_manager.filter(theirs),
        SessionSummary._base_manager.filter(session__user_id=user_pk),
        MemoryChange._base_manager.filter(key),
    ]


def _delete(rows: "models.QuerySet[Any]") -> int:
    count = 0
    while keys := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic(using=conf.DATABASE):
            count += rows.model._base_manager.filter(pk__in=keys).delete()[0]
    return count
