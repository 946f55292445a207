"""PDFs made by hand: the least that a reader accepts."""

import zlib
from collections.abc import Sequence


def pdf(*pages: str, streams: Sequence[bytes] | None = None, encode: bool = False) -> bytes:
    """A PDF with a page for each text; `streams` instead are what the pages draw. encode: compressed."""
    drawn = streams if streams is not None else [f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET".encode() for text in pages]
    objects = [b"", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for stream in drawn:
        packed = zlib.compress(stream) if encode else stream
        filters = b"/Filter /FlateDecode " if encode else b""
        objects.append(b"<< %s/Length %d >>\nstream\n%s\nendstream" % (filters, len(packed), packed))
        content = len(objects)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % content
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R >>"
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    return _file(objects)


def _file(objects: Sequence[bytes]) -> bytes:
    written = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % place for place in places)
    written += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(written)


def bomb(megabytes: int = 200) -> bytes:
    """A PDF of a few kilobytes whose one page unpacks to so many megabytes, twice over."""
    packed = zlib.compress(zlib.compress(b" " * (megabytes * 2**20), 9), 9)
    stream = b"<< /Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed)
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << >> >>"
    pages = b"<< /Type /Pages /Kids [5 0 R] /Count 1 >>"
    return _file([b"<< /Type /Catalog /Pages 2 0 R >>", pages, b"<< >>", stream, page])
