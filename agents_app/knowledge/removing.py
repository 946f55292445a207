"""Takes collections away: nobody sees them from one statement on, and a task deletes what is in them, in batches."""

import time
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import F

from agents_app.conf import conf
from agents_app.core.failpoints import failpoint
from agents_app.knowledge import hints, storage
from agents_app.knowledge.models import Chunk, ChunkVector, Collection, Document
from agents_app.models import DatabaseNow

DOCUMENTS = 50
CHUNKS = 1_000
"""Deleted in one transaction at most."""


def remove_collection(collection: Collection) -> None:
    """Take away the collection with all that is in it. Its name is free at once."""
    with transaction.atomic(using=conf.DATABASE):
        Collection.objects.filter(pk=collection.pk).update(
            name=f"removed-{collection.pk}",
            public=False,
            permission="",
            removed_at=DatabaseNow(),
            embedding_due_at=None,
        )
        # Whoever reads one of its documents has lost it.
        waiting = Document.objects.filter(collection=collection.pk, due_at__isnull=False)
        waiting.update(due_at=None, claim_number=F("claim_number") + 1)
        send = partial(hints.send, hints.REMOVE, collection.pk)
        transaction.on_commit(send, using=conf.DATABASE, robust=True)


def removed() -> list[UUID]:
    """The collections of which something is still there."""
    rows = Collection.objects.filter(removed_at__isnull=False).order_by("removed_at")
    return list(rows.values_list("pk", flat=True))


def sweep() -> int:
    """Send a hint for each of them. How many."""
    return sum(hints.send(hints.REMOVE, each) for each in removed())


def clear(collection_id: UUID, seconds: float | None = None) -> bool:
    """Delete what is in a removed collection, for `seconds` at most (SLICE_SECONDS), and then the collection itself.
    False if something is left: then a hint for the rest is sent. Safe for several at once."""
    row = Collection.objects.filter(pk=collection_id, removed_at__isnull=False).first()
    until = time.monotonic() + (conf.SLICE_SECONDS if seconds is None else seconds)
    while row is not None:
        documents = list(Document.objects.filter(collection=row).order_by("pk").only("pk", "file")[:DOCUMENTS])
        if not documents:
            row.delete()
            break
        if not _cleared(documents, until):
            hints.send(hints.REMOVE, collection_id)
            return False
    return True


def _cleared(documents: list[Document], until: float) -> bool:
    """Whether they are gone; False if the time was over before."""
    ids = [document.pk for document in documents]
    chunks = Chunk.objects.filter(document__in=ids).order_by("pk")
    while some := list(chunks.values_list("pk", flat=True)[:CHUNKS]):
        with transaction.atomic(using=conf.DATABASE):
            ChunkVector.objects.filter(chunk__in=some).delete()
            Chunk.objects.filter(pk__in=some).delete()
        failpoint("collection.chunks_deleted")
        if time.monotonic() > until:
            return False
    for document in documents:  # before their rows: who dies in between does it once more
        storage.remove(str(document.file))
    Document.objects.filter(pk__in=ids).delete()
    return time.monotonic() <= until
