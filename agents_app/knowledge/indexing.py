"""Reads documents into chunks: the one place that changes a document's state.

A document that is due is claimed for a while. Each part is read, cut and stored in a transaction of its own, which
first renews the claim; who lost it cannot write. Chunks carry the revision they were read from. When all of it is there
one statement makes this revision the version that is found, and the chunks before it go. A worker that dies leaves the
document due again when its claim is over, and the next one goes on behind the last part that was stored.
"""

import contextlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import F, Max
from django.db.models.functions import Greatest
from django.utils.translation import gettext_noop

from agents_app.conf import conf
from agents_app.core.canonical import clean_text
from agents_app.core.failpoints import failpoint
from agents_app.knowledge import embedding, hints
from agents_app.knowledge.chunking import Passage, passages_of
from agents_app.knowledge.models import Chunk, Collection, Document, DocumentState
from agents_app.knowledge.reading import PDF, Part, Unreadable, parts_of
from agents_app.knowledge.reading.encodings import Note
from agents_app.knowledge.reading.parts import note_of
from agents_app.knowledge.storage import as_file
from agents_app.models import DatabaseNow, seconds_from_now

logger = logging.getLogger("agents_app.knowledge")

MARGIN_SECONDS = 30.0
"""Beyond the time of a page before somebody else may take the document."""
MOST_HINTS = 200
WRITTEN_AT_ONCE = 200
RETRY_SECONDS = 60.0
LATE_SECONDS = 120.0
"""What is due for longer nobody takes."""


class Lost(Exception):
    """Somebody else has the document now, it has a new content, or it is gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A document taken for a while."""

    document: Document
    number: int

    @property
    def rows(self) -> Any:
        """Its row, as long as the claim holds and the content is the same."""
        return Document.objects.filter(pk=self.document.pk, claim_number=self.number, revision=self.document.revision)


def read_document(document_id: UUID, seconds: float | None = None) -> bool:
    """Read this document if it is due, for `seconds` at most (SLICE_SECONDS), or as far as it goes.

    False if it was not due, was taken away, or is not done yet: then a hint for the rest is sent. Raises nothing that
    the document may be to blame for: that stands in its row.
    """
    claim = _claim(document_id)
    if claim is None:
        return False
    until = time.monotonic() + (conf.SLICE_SECONDS if seconds is None else seconds)
    try:
        if claim.document.attempts > conf.KNOWLEDGE_ATTEMPTS:
            raise _given_up(claim.document)
        with as_file(claim.document) as path:
            done = _read(claim, path, until)
    except Unreadable as error:
        return _failed(claim, error)
    except Lost:
        return False
    except Exception as error:
        logger.exception("A document could not be read", extra={"document": str(document_id)})
        return _put_off(claim, error)
    except (KeyboardInterrupt, SystemExit):
        _let_go(claim)
        raise
    if done:
        embedding.due(claim.document.collection_id)
    else:
        hints.send(hints.READ, document_id)
    return done


def due_documents(collection: Collection | None = None) -> Any:
    """The documents that somebody should read now."""
    rows = Document.objects.filter(due_at__lte=DatabaseNow()).order_by("due_at")
    return rows if collection is None else rows.filter(collection=collection)


def sweep() -> int:
    """Send a hint for each document that is due: those whose hint was lost, and whose worker died. How many."""
    ids = list(due_documents().values_list("pk", flat=True)[:MOST_HINTS])
    return sum(hints.send(hints.READ, each) for each in ids)


def _claim(document_id: UUID) -> Claim | None:
    lease = seconds_from_now(conf.KNOWLEDGE_PAGE_SECONDS + MARGIN_SECONDS)
    won = (
        due_documents()
        .filter(pk=document_id)
        .order_by()
        .update(
            claim_number=F("claim_number") + 1,
            attempts=F("attempts") + 1,
            state=DocumentState.READING.value,
            due_at=lease,
        )
    )
    if not won:
        return None
    row = Document.objects.select_related("collection").filter(pk=document_id).first()
    return None if row is None else Claim(document=row, number=row.claim_number)


def _read(claim: Claim, path: Path, until: float) -> bool:
    """Whether all of it is stored and found now."""
    document = claim.document
    failpoint("document.begun", document.pk)
    first = document.pages_read + 1
    if first == 1:
        _begin(claim, note_of(path, document.mime))
    number = claim.document.chunks.filter(version=document.revision).aggregate(last=Max("number"))["last"] or 0
    part: Part | None = None
    for part in parts_of(path, document.mime, first):
        passages = list(passages_of(part.sections, document.mime, document.title))
        _store(claim, part, passages, number)
        number += len(passages)
        failpoint("document.part_stored", document.pk)
        if time.monotonic() > until and part.number < part.of:
            _give_back(claim)
            return False
    if number == 0:
        raise _without_text(document)
    _show(claim, number)
    return True


def _begin(claim: Claim, note: Note) -> None:
    """What a reader of this revision may have left behind goes."""
    with transaction.atomic(using=conf.DATABASE):
        _hold(claim, note="\n".join(note.sentences), note_values=note.values)
        claim.document.chunks.filter(version=claim.document.revision).delete()


def _store(claim: Claim, part: Part, passages: list[Passage], number: int) -> None:
    """One part, with what says that it is there."""
    document = claim.document
    rows = [
        Chunk(
            document=document,
            collection_id=document.collection_id,
            version=document.revision,
            number=number + index,
            text=passage.text,
            heading=passage.heading,
            page=passage.page,
            start=passage.start,
            end=passage.end,
            digest=passage.digest,
            metadata=document.metadata,
        )
        for index, passage in enumerate(passages, start=1)
    ]
    with transaction.atomic(using=conf.DATABASE):
        _hold(claim, pages=part.of, pages_read=part.number, attempts=0)
        Chunk.objects.bulk_create(rows, batch_size=WRITTEN_AT_ONCE)


def _hold(claim: Claim, **values: Any) -> None:
    """Renew the claim, first in each transaction. Raises Lost."""
    lease = seconds_from_now(conf.KNOWLEDGE_PAGE_SECONDS + MARGIN_SECONDS)
    if not claim.rows.update(due_at=lease, **values):
        raise Lost


def _give_back(claim: Claim) -> None:
    claim.rows.update(due_at=DatabaseNow(), state=DocumentState.WAITING.value)


def _let_go(claim: Claim) -> None:
    """Somebody stops this process in an orderly way: whoever comes next goes on at once, and nobody died of it."""
    with contextlib.suppress(DatabaseError):  # else it is free when the claim is over
        claim.rows.update(
            due_at=DatabaseNow(), state=DocumentState.WAITING.value, attempts=Greatest(F("attempts") - 1, 0)
        )


def _show(claim: Claim, chunks: int) -> None:
    """Let this revision be found, and the one before it no more: both in one transaction."""
    document = claim.document
    with transaction.atomic(using=conf.DATABASE):
        shown = claim.rows.update(
            version=document.revision,
            state=DocumentState.READY.value,
            chunk_count=chunks,
            due_at=None,
            indexed_at=DatabaseNow(),
            error_code="",
            error="",
            error_values={},
        )
        if not shown:
            raise Lost
        failpoint("document.shown", document.pk)
        document.chunks.exclude(version=document.revision).delete()


def _failed(claim: Claim, error: Unreadable) -> bool:
    """It cannot be read: that is its state until it gets another content. What was found before stays."""
    document = claim.document
    with transaction.atomic(using=conf.DATABASE):
        told = claim.rows.update(
            state=DocumentState.FAILED.value,
            error_code=error.code[:100],
            error=error.text,
            error_values=error.values,
            due_at=None,
        )
        if told:
            document.chunks.exclude(version=document.version).delete()
    return False


def _put_off(claim: Claim, error: Exception) -> bool:
    """Something else than the document is to blame (a storage that is down): try again, a few times."""
    said = clean_text(f"{type(error).__name__}: {error}"[:500])[0]
    if claim.document.attempts >= conf.KNOWLEDGE_ATTEMPTS:
        text = gettext_noop("It could not be read: %(error)s")
        return _failed(claim, Unreadable(text, code="error", values={"error": said}))
    later = seconds_from_now(RETRY_SECONDS)
    claim.rows.update(due_at=later, error_code="error", error=said, error_values={})
    return False


def _given_up(document: Document) -> Unreadable:
    text = gettext_noop("Workers died while they read part %(part)s of this document; tries in a row: %(tries)s.")
    values = {"tries": document.attempts - 1, "part": document.pages_read + 1}
    return Unreadable(text, code="workers_died", values=values)


def _without_text(document: Document) -> Unreadable:
    if document.mime == PDF:
        text = gettext_noop("There is no text in this PDF: it is probably scanned. Let an OCR program add the text.")
        return Unreadable(text, code="no_text")
    return Unreadable(gettext_noop("There is no text in this document."), code="no_text")
