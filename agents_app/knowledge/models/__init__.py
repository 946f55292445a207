"""STORES: what is known, and who may look it up. `indexing` alone changes the state of a document."""

from agents_app.knowledge.models.chunk import Chunk, ChunkVector
from agents_app.knowledge.models.collection import Collection
from agents_app.knowledge.models.document import Document, DocumentState
from agents_app.knowledge.models.source_change import SourceChange, SourceClaim

__all__ = ["Chunk", "ChunkVector", "Collection", "Document", "DocumentState", "SourceChange", "SourceClaim"]
