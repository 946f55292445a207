"""What queues call. Each is safe twice, late, and for what is gone; none raises, and each returns None."""

import logging
from uuid import UUID

from agents_app.knowledge import embedding, indexing, removing
from agents_app.knowledge.sources import keep_changed, registered, sweep_sources

logger = logging.getLogger("agents_app.knowledge")


def read_document(document_id: str) -> None:
    """Read this document, if it is due, for one slice."""
    try:
        indexing.read_document(UUID(document_id))
    except Exception:  # the database is down: the document stays due, and the sweep repeats the hint
        logger.exception("A document could not be read", extra={"document": document_id})


def embed_collection(collection_id: str) -> None:
    """Make the vectors that are missing in this collection, if it is due, for one slice."""
    try:
        embedding.embed_collection(UUID(collection_id))
    except Exception:
        logger.exception("The vectors of a collection could not be made", extra={"collection": collection_id})


def keep_source(label: str) -> None:
    """Accept the rows of this source that were noted as changed, for one slice."""
    try:
        if (source := registered(label)) is not None:
            keep_changed(source)
    except Exception:
        logger.exception("The rows of a source could not be accepted", extra={"source": label})


def remove_collection(collection_id: str) -> None:
    """Delete what is in this collection, if it has been removed, for one slice."""
    try:
        removing.clear(UUID(collection_id))
    except Exception:
        logger.exception("A collection could not be deleted", extra={"collection": collection_id})


def recover() -> None:
    """The sweep: send a new hint for everything that is due."""
    for sweep in (sweep_sources, indexing.sweep, embedding.sweep, removing.sweep):
        try:
            sweep()
        except Exception:
            logger.exception("The sweep of documents failed")
