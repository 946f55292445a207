"""Where the content of documents lies: in any Django storage, under a name of its own for each revision."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.utils.translation import gettext_noop

from agents_app.conf import conf
from agents_app.knowledge.models import Document
from agents_app.knowledge.reading import Unreadable
from agents_app.knowledge.reading.parts import too_large
from agents_app.models.fields import uuid7

ALIAS = "agents_knowledge"
"""Of the storage, in STORAGES."""
COPIED = 2**18


def storage() -> Storage:
    """STORAGES["agents_knowledge"]; without one a folder that nobody else may read, and no web server serves."""
    if ALIAS in settings.STORAGES:
        return storages[ALIAS]
    return FileSystemStorage(location=folder(), file_permissions_mode=0o600, directory_permissions_mode=0o700)


def folder() -> Path:
    """Where documents lie unless STORAGES says otherwise."""
    return Path(getattr(settings, "BASE_DIR", None) or Path.cwd(), conf.KNOWLEDGE_FOLDER)


def save(collection_id: UUID, content: IO[bytes]) -> str:
    """Store a content; the name it has there."""
    return storage().save(f"{collection_id}/{uuid7()}", File(content))


def remove(name: str) -> None:
    """Delete it, if it is there."""
    if name:
        storage().delete(name)


@contextmanager
def as_file(document: Document) -> Iterator[Path]:
    """The document's content as a file of this host, removed afterwards. Raises Unreadable if the content is gone."""
    with tempfile.TemporaryDirectory(prefix="agents-knowledge-") as directory:
        path = Path(directory, "content")
        with path.open("wb") as copy:
            if document.file:
                _copy(document, copy)
            else:
                copy.write(document.text.encode())
        yield path


def _copy(document: Document, copy: BinaryIO) -> None:
    try:
        stored: Any = storage().open(str(document.file))
    except FileNotFoundError:
        text = gettext_noop("The content of this document is gone from its storage. Add it again.")
        raise Unreadable(text, code="content_gone") from None
    with stored:
        shutil.copyfileobj(stored, copy, COPIED)


def measured(content: IO[bytes]) -> tuple[str, int, bytes]:
    """SHA-256 (hex) of a content, its bytes, and its beginning. Raises Unreadable once it is larger than allowed: no
    more of it is read than that."""
    digest, size, beginning = hashlib.sha256(), 0, b""
    content.seek(0)
    while read := content.read(COPIED):
        beginning = beginning or read
        size += len(read)
        if size > conf.KNOWLEDGE_BYTES:
            raise too_large(None)
        digest.update(read)
    content.seek(0)
    return digest.hexdigest(), size, beginning
