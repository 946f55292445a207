"""READS: from the bytes of a document to texts with headings. Knows no database."""

from agents_app.knowledge.reading.base import Part, Section, Unreadable
from agents_app.knowledge.reading.kinds import HTML, KINDS, MARKDOWN, PDF, TEXT, kind_of
from agents_app.knowledge.reading.parts import parts_of

__all__ = ["HTML", "KINDS", "MARKDOWN", "PDF", "TEXT", "Part", "Section", "Unreadable", "kind_of", "parts_of"]
