"""What kind of document some bytes are: by their beginning, by the name, by what the sender says."""

from pathlib import PurePosixPath
from types import MappingProxyType

from django.utils.translation import gettext_noop

from agents_app.knowledge.reading.base import Unreadable

TEXT, MARKDOWN, HTML, PDF = "text/plain", "text/markdown", "text/html", "application/pdf"

KINDS = MappingProxyType(
    {
        ".txt": TEXT,
        ".text": TEXT,
        ".rst": TEXT,
        ".md": MARKDOWN,
        ".markdown": MARKDOWN,
        ".html": HTML,
        ".htm": HTML,
        ".xhtml": HTML,
        ".pdf": PDF,
    }
)
"""What is read, by the ending of the name."""

ARCHIVES = MappingProxyType(
    {
        b"PK\x03\x04": "ZIP",
        b"PK\x05\x06": "ZIP",
        b"\x1f\x8b": "gzip",
        b"BZh": "bzip2",
        b"\xfd7zXZ\x00": "xz",
        b"7z\xbc\xaf\x27\x1c": "7-Zip",
        b"Rar!": "RAR",
        b"\x28\xb5\x2f\xfd": "Zstandard",
    }
)
"""What is never opened, by its first bytes."""

LOOKED_AT = 1024
"""Bytes at the beginning; the mark of a PDF may stand anywhere in them."""

_SAME = MappingProxyType({"text/x-markdown": MARKDOWN, "application/xhtml+xml": HTML, "application/x-pdf": PDF})


def kind_of(name: str, said: str, beginning: bytes) -> str:
    """The MIME type it is read as. said: that of the sender, empty for none. Raises Unreadable for other kinds."""
    archive = next((word for mark, word in ARCHIVES.items() if beginning.startswith(mark)), None)
    if archive is not None:
        raise Unreadable(
            gettext_noop(
                "This is a %(kind)s archive (documents of Word and the like are such, too), which is not opened. Save "
                "it as PDF, HTML, Markdown or text."
            ),
            code="unsupported_kind",
            values={"kind": archive},
        )
    if b"%PDF-" in beginning[:LOOKED_AT]:
        return PDF
    kind = _named(name, said)
    if kind == PDF and beginning:  # one that is empty is told so
        raise Unreadable(gettext_noop("This is no PDF: the mark at its beginning is missing."), code="damaged_pdf")
    if kind is None:
        raise Unreadable(
            gettext_noop("Documents of this kind (%(kind)s) are not read; these are: %(kinds)s."),
            code="unsupported_kind",
            values={
                "kind": said or PurePosixPath(name).suffix or name,
                "kinds": ", ".join(sorted(set(KINDS.values()))),
            },
        )
    return kind


def _named(name: str, said: str) -> str | None:
    said = said.partition(";")[0].strip().lower()
    said = _SAME.get(said, said)
    if said in KINDS.values() and said != TEXT:
        return said
    by_name = KINDS.get(PurePosixPath(name).suffix.lower())
    return by_name or (TEXT if said.startswith("text/") else None)
