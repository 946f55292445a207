"""Puts documents into collections, and takes them out. Every door calls this; what is accepted is read by a task."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_noop

from agents_app.conf import conf
from agents_app.core.canonical import canonical_text, clean_json, clean_text
from agents_app.exceptions import InvalidInput, NotFound
from agents_app.knowledge import hints, storage
from agents_app.knowledge.models import Collection, Document, DocumentState
from agents_app.knowledge.permissions import ADD, ADD_COLLECTION, CHANGE, DELETE, may, there, visible_collections
from agents_app.knowledge.reading import TEXT, kind_of
from agents_app.knowledge.reading.parts import too_large
from agents_app.knowledge.reasons import told
from agents_app.models import DatabaseNow
from agents_app.selectors.people import lacking, name_of

KEY_LENGTH = TITLE_LENGTH = 500
METADATA_LENGTH = 20_000


class Outcome(StrEnum):
    """What came of putting a document into a collection."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingested:
    """The document as it was accepted, and whether there is anything new in it."""

    document: Document
    outcome: Outcome


def ingest(
    collection: Collection | str,
    content: str | bytes | IO[bytes],
    *,
    key: str,
    title: str = "",
    mime: str = "",
    metadata: Mapping[str, Any] | None = None,
    source: str = "code",
    by: Any = None,
    hint: bool = True,
) -> Ingested:
    """Accept a document: it is stored now, read soon, and found when all of it has been read.

    key: what it is known by in its collection; the same key again is a new content of the same document, which takes
    the place of the old one all at once, and is left alone if nothing has changed. title: the key's last part if empty.
    mime: text/plain, text/markdown, text/html or application/pdf; told by the key's ending if empty, and by the
    content. metadata: a JSON object to filter by. by: who adds it, None for the system, which may. hint: whether the
    queue is told; without it the sweep finds the document, or whoever reads what is due.

    Raises InvalidInput (a code says what is wrong), NotFound for a collection that this person does not see, and
    NotPermitted.
    """
    row = collection_named(collection, by)
    require(by, ADD, row)
    values = _checked(key, title, metadata, source)
    file = _opened(content)
    said = getattr(file, "size", None)
    if isinstance(said, int) and said > conf.KNOWLEDGE_BYTES:
        raise too_large(said)
    digest, size, beginning = storage.measured(file)
    mime = mime or (TEXT if isinstance(content, str) else "")
    values |= {"mime": kind_of(values["key"], mime, beginning), "digest": digest, "size": size}
    return _accepted(row, values, file, by, hint)


def read_again(document: Document, *, by: Any = None, hint: bool = True) -> Document:
    """Have the content that is stored read again; what is found until then stays. Raises NotPermitted."""
    require(by, CHANGE, document.collection)
    with transaction.atomic(using=conf.DATABASE):
        row = Document.objects.select_for_update().get(pk=document.pk)
        _renew(row)
        row.save()
        row.refresh_from_db()
        if hint:
            hints.after_commit(row.pk)
    return row


def remove(document: Document, *, by: Any = None) -> None:
    """Take the document out, with its chunks, at once. Raises NotPermitted."""
    require(by, DELETE, document.collection)
    with transaction.atomic(using=conf.DATABASE):
        document.delete()
        _remove_after_commit(str(document.file))


def make_collection(name: str, *, by: Any = None, **values: Any) -> Collection:
    """A new collection. Raises NotPermitted, and InvalidInput for a name that is none or is taken."""
    if by is not None and not (by.is_active and by.has_perm(ADD_COLLECTION)):
        raise lacking(ADD_COLLECTION)
    row = Collection(name=name, **values)
    try:
        row.full_clean()
    except ValidationError as error:
        raise InvalidInput("; ".join(error.messages), code="invalid_collection") from None
    row.save()
    return row


def collection_named(collection: Collection | str, by: Any) -> Collection:
    """The collection, if this person sees it. Raises NotFound."""
    name = collection.name if isinstance(collection, Collection) else collection
    rows = there() if by is None else visible_collections(by)
    found = rows.filter(name=name).first()
    if found is None:
        text = gettext_noop("There is no collection “%(name)s”.")
        raise NotFound(told(text, {"name": name}), code="unknown_collection")
    return found


def require(by: Any, permission: str, collection: Collection) -> None:
    """Raise NotPermitted unless this person has the permission for this collection; None is the system."""
    if by is not None and not may(by, permission, collection):
        raise lacking(permission)


def _opened(content: str | bytes | IO[bytes]) -> IO[bytes]:
    if isinstance(content, str):
        content = clean_text(content)[0].encode()
    return BytesIO(content) if isinstance(content, bytes) else content


def _checked(key: str, title: str, metadata: Mapping[str, Any] | None, source: str) -> dict[str, Any]:
    key, title = clean_text(key.strip())[0], clean_text(" ".join(title.split()))[0]
    if not key or len(key) > KEY_LENGTH:
        text = gettext_noop("A document's key has 1 to %(limit)s characters.")
        raise InvalidInput(told(text, {"limit": KEY_LENGTH}))
    try:
        canonical = canonical_text(clean_json(dict(metadata or {}))[0])
    except ValueError as error:
        text = gettext_noop("The metadata cannot be stored: %(error)s")
        raise InvalidInput(told(text, {"error": str(error)})) from None
    if len(canonical) > METADATA_LENGTH:
        text = gettext_noop("Metadata has at most %(limit)s characters.")
        raise InvalidInput(told(text, {"limit": METADATA_LENGTH}))
    name = (title or PurePosixPath(key).name or key)[:TITLE_LENGTH]
    return {"key": key, "title": name, "metadata": json.loads(canonical), "source": source[:200]}


def _accepted(collection: Collection, values: dict[str, Any], file: IO[bytes], by: Any, hint: bool) -> Ingested:
    same = Document.objects.filter(collection=collection, key=values["key"]).first()
    if same is not None and _equal(same, values):
        return Ingested(document=same, outcome=Outcome.UNCHANGED)
    name = storage.save(collection.pk, file)
    try:
        with transaction.atomic(using=conf.DATABASE):
            return _written(collection, {**values, "file": name}, by, hint)
    except BaseException as error:
        _remove_unused(name)
        others = Document.objects.filter(collection=collection, key=values["key"])
        if isinstance(error, IntegrityError) and same is None and others.exists():  # somebody has just added it
            return _accepted(collection, values, file, by, hint)
        raise


def _equal(row: Document, values: dict[str, Any]) -> bool:
    return all(getattr(row, name) == values[name] for name in ("digest", "mime", "title", "metadata"))


def _written(collection: Collection, values: dict[str, Any], by: Any, hint: bool) -> Ingested:
    row = Document.objects.select_for_update().filter(collection=collection, key=values["key"]).first()
    outcome = Outcome.ADDED if row is None else Outcome.CHANGED
    old = "" if row is None else str(row.file)
    row = row or Document(collection=collection, revision=0, added_by_name=name_of(by))
    for name, value in values.items():
        setattr(row, name, value)
    row.text = ""
    _renew(row)
    row.save()
    row.refresh_from_db()
    _remove_after_commit(old)
    if hint:
        hints.after_commit(row.pk)
    return Ingested(document=row, outcome=outcome)


def _renew(row: Document) -> None:
    """A new revision, to be read from its beginning; whoever reads the one before it has lost it."""
    row.revision += 1
    row.state = DocumentState.WAITING.value
    row.error_code = row.error = row.note = ""
    row.error_values = row.note_values = {}
    row.pages, row.pages_read, row.attempts = None, 0, 0
    row.due_at = row.changed_at = DatabaseNow()


def _remove_unused(name: str) -> None:
    """A connection may break after the commit that names the file: then a row has it, and its content must stay. If
    nobody can say, it stays too."""
    if not Document.objects.filter(file=name).exists():
        storage.remove(name)


def _remove_after_commit(*names: str) -> None:
    for name in filter(None, names):
        transaction.on_commit(partial(storage.remove, name), using=conf.DATABASE, robust=True)
