"""What has counted no more for long enough is deleted, with its history."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from agents_app.conf import conf
from agents_app.models import Entity, Fact, MemoryChange, database_now
from agents_app.models.fields import first_uuid7

BATCH = 1000


def remove_old() -> int:
    """Delete what is superseded, forgotten or expired for MEMORY_KEEP_DAYS, and changes that are older. How many rows
    were."""
    if conf.MEMORY_KEEP_DAYS is None:
        return 0
    before = database_now() - timedelta(days=conf.MEMORY_KEEP_DAYS)
    # One by one: each has an index.
    return (
        _delete(Fact.objects.filter(superseded_by__isnull=False, updated_at__lt=before))
        + _delete(Fact.objects.filter(forgotten_at__lt=before))
        + _delete(Fact.objects.filter(valid_until__lt=before))
        + _delete(Entity.objects.filter(merged_into__isnull=False, updated_at__lt=before))
        + _delete(Entity.objects.filter(forgotten_at__lt=before))
        + _delete(MemoryChange.objects.filter(pk__lt=first_uuid7(before)))
    )


def _delete(rows: "QuerySet[Any]") -> int:
    """In small transactions: others want to write, too."""
    count = 0
    while keys := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        count += rows.model._base_manager.filter(pk__in=keys).delete()[0]
    return count
