"""Documents with chunks, as readers leave them, put into the database at once."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import timezone
from semantic_text_splitter import TextSplitter

from agents_app.knowledge.models import Chunk, Collection, Document, DocumentState
from agents_app.knowledge.vectors import embed_chunks

Text = tuple[str, str, str]
"""Key, title, content."""


def collection(name: str = "handbook", **values: Any) -> Collection:
    return Collection.objects.create(name=name, **{"public": True, **values})


def shelve(into: Collection, texts: Iterable[Text], *, size: int = 1500, **metadata: Any) -> list[Chunk]:
    """One document for each text, cut into chunks of so many characters at most; its metadata is that of all."""
    splitter = TextSplitter(size)
    documents, chunks = [], []
    for key, title, text in texts:
        document = made(into, key, title, text, metadata)
        documents.append(document)
        pieces = list(splitter.chunk_indices(text))
        chunks += [chunk(document, number, at, piece) for number, (at, piece) in enumerate(pieces, start=1)]
    Document.objects.bulk_create(documents, batch_size=500)
    Chunk.objects.bulk_create(chunks, batch_size=500)
    return chunks


def made(into: Collection, key: str, title: str, text: str, metadata: Mapping[str, Any]) -> Document:
    return Document(
        collection=into,
        key=key,
        title=title,
        mime="text/plain",
        metadata=dict(metadata),
        text=text,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        version=1,
        state=DocumentState.READY.value,
        changed_at=timezone.now(),
    )


def chunk(document: Document, number: int, at: int, text: str) -> Chunk:
    heading = document.title
    return Chunk(
        document=document,
        collection=document.collection,
        version=document.version,
        number=number,
        text=text,
        heading=heading,
        start=at,
        end=at + len(text),
        digest=hashlib.sha256(f"{heading}\n\n{text}".encode()).hexdigest(),
        metadata=document.metadata,
    )


def embed_all(into: Collection, embedder: str) -> int:
    """Give all chunks of the collection vectors of this embedder, which are searched from then on."""
    count = embed_chunks(list(Chunk.objects.filter(collection=into)), embedder)
    Collection.objects.filter(pk=into.pk).update(embedder=embedder)
    return count
