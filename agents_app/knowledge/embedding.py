"""Makes the vectors of a collection, in a pass of its own: full text finds a document at once, its vectors follow.

A collection that is due is claimed for a while, and each batch renews the claim. What has a vector of the configured
embedder already is left alone, so that a pass which was stopped goes on. Vectors of another embedder than the one that
is searched are filled in beside its own; when no passage is without one the collection names the new embedder in one
statement, and the old vectors go.
"""

import contextlib
import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Exists, F, OuterRef, Q

from agents_app.conf import conf
from agents_app.core.failpoints import failpoint
from agents_app.core.told import to_store
from agents_app.exceptions import AgentsError, EmbeddingError
from agents_app.knowledge import hints
from agents_app.knowledge.models import Chunk, ChunkVector, Collection
from agents_app.knowledge.vectors import embed_chunks
from agents_app.llm.embeddings import embedder_name
from agents_app.models import DatabaseNow, seconds_from_now

logger = logging.getLogger("agents_app.knowledge")

BATCH = 200
"""Chunks of one look; the embedder is asked for `EMBEDDING_BATCH` at a time."""
MARGIN_SECONDS = 60.0
SOON_SECONDS, LATER_SECONDS = 30.0, 600.0
"""Until an embedder that failed is asked again: one that may be well soon, and one that needs somebody."""
MOST_HINTS = 50
NO_ERROR: dict[str, Any] = {"embedding_error": "", "embedding_error_code": "", "embedding_error_values": None}


class _Lost(Exception):
    """Somebody else has the collection now, or it is gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pass:
    """A collection taken for a while, to be filled with the vectors of this embedder."""

    collection: Collection
    number: int
    embedder: str

    @property
    def rows(self) -> Any:
        """Its row, as long as the claim holds."""
        return Collection.objects.filter(pk=self.collection.pk, embedding_claim=self.number)

    def without(self) -> Any:
        """The chunks that can be found, and have no vector of this embedder."""
        made = ChunkVector.objects.filter(chunk=OuterRef("pk"), embedder=self.embedder)
        return Chunk.objects.current().filter(~Exists(made), collection=self.collection).order_by("pk")


def due(collection_id: UUID) -> None:
    """There are new chunks in it: have their vectors made. Without an embedder there is nothing to do."""
    if embedder_name():
        Collection.objects.filter(pk=collection_id).update(embedding_due_at=DatabaseNow())
        transaction.on_commit(partial(hints.send, hints.EMBED, collection_id), using=conf.DATABASE, robust=True)


def sweep() -> int:
    """Send a hint for each collection that is due, and for those that another embedder's vectors are searched in."""
    return sum(hints.send(hints.EMBED, each) for each in due_collections(MOST_HINTS))


def due_collections(limit: int | None = None) -> list[UUID]:
    """Those whose vectors somebody should make now; those of another embedder are due at once."""
    wanted = embedder_name()
    if not wanted:
        return []
    # What waits because another embedder has failed need not wait for this one.
    idle = Q(embedding_due_at__isnull=True) | ~Q(embedding_error="") & ~Q(next_embedder=wanted)
    others = Collection.objects.exclude(embedder=wanted).filter(idle, removed_at__isnull=True)
    others.update(embedding_due_at=DatabaseNow())
    return list(_due().values_list("pk", flat=True)[:limit])


def ask_again(collection: Collection | None = None) -> None:
    """Somebody stands by: what waits because the embedder failed need not wait. None: in all collections."""
    rows = Collection.objects.filter(removed_at__isnull=True).exclude(embedding_error="")
    of_these = rows if collection is None else rows.filter(pk=collection.pk)
    of_these.update(embedding_due_at=DatabaseNow())


def embed_collection(collection_id: UUID, seconds: float | None = None) -> bool:
    """Make the vectors that are missing, for `seconds` at most (SLICE_SECONDS). Whether all are there now.

    An embedder that fails leaves what was made, and its error in the row; it is asked again later.
    """
    until = time.monotonic() + (conf.SLICE_SECONDS if seconds is None else seconds)
    claim = _claim(collection_id)
    if claim is None:
        return False
    try:
        return _fill(claim, until)
    except _Lost:
        return False
    except EmbeddingError as error:
        _put_off(claim, error)
        return False
    except (KeyboardInterrupt, SystemExit):
        with contextlib.suppress(DatabaseError):  # else it is free when the claim is over
            claim.rows.update(embedding_due_at=DatabaseNow())
        raise


def _due() -> Any:
    return Collection.objects.filter(embedding_due_at__lte=DatabaseNow(), removed_at__isnull=True)


def _claim(collection_id: UUID) -> _Pass | None:
    wanted = embedder_name()
    if not wanted:
        _due().filter(pk=collection_id).update(embedding_due_at=None)
        return None
    # An error says that a collection waits: one that somebody has taken does not.
    won = (
        _due()
        .filter(pk=collection_id)
        .update(embedding_claim=F("embedding_claim") + 1, embedding_due_at=_lease(), **NO_ERROR)
    )
    row = Collection.objects.filter(pk=collection_id).first() if won else None
    if row is None:
        return None
    return _Pass(collection=row, number=row.embedding_claim, embedder=wanted)


def _lease() -> Any:
    return seconds_from_now(conf.EMBEDDING_SECONDS * (BATCH // max(conf.EMBEDDING_BATCH, 1) + 1) + MARGIN_SECONDS)


def _fill(claim: _Pass, until: float) -> bool:
    following = claim.embedder if claim.collection.embedder != claim.embedder else ""
    _hold(claim, next_embedder=following)
    last = 0
    while True:
        chunks = list(claim.without().filter(pk__gt=last)[:BATCH])
        if not chunks and last == 0 and _switch(claim):
            return True
        # What became visible meanwhile may stand before the last one: look once more from the beginning.
        last = chunks[-1].pk if chunks else 0
        if chunks:
            embed_chunks(chunks, claim.embedder)
            failpoint("vectors.stored", claim.collection.pk)
        _hold(claim)
        if time.monotonic() > until:
            claim.rows.update(embedding_due_at=DatabaseNow())
            hints.send(hints.EMBED, claim.collection.pk)
            return False


def _hold(claim: _Pass, **values: Any) -> None:
    if not claim.rows.update(embedding_due_at=_lease(), **values):
        raise _Lost


def _switch(claim: _Pass) -> bool:
    """Let these vectors be searched; False if something became due meanwhile."""
    done = claim.rows.filter(embedding_due_at__gt=DatabaseNow()).update(
        embedder=claim.embedder, next_embedder="", embedding_due_at=None, **NO_ERROR
    )
    if done:
        failpoint("vectors.switched", claim.collection.pk)
        ChunkVector.objects.filter(chunk__collection=claim.collection).exclude(embedder=claim.embedder).delete()
    elif not claim.rows.exists():
        raise _Lost
    return bool(done)


def _put_off(claim: _Pass, error: AgentsError) -> None:
    seconds = SOON_SECONDS if getattr(error, "transient", False) else LATER_SECONDS
    logger.warning("The vectors of %s could not be made: %s", claim.collection.name, error.message)
    text, values = to_store(error.message)
    claim.rows.update(
        embedding_due_at=seconds_from_now(seconds),
        embedding_error=text,
        embedding_error_code=error.code[:100],
        embedding_error_values=values,
    )
