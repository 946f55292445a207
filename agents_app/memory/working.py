"""Writing the working memory of a session. Two that write at once: one is told, and nothing is lost."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext
from pydantic import BaseModel, ValidationError

from agents_app.conf import conf
from agents_app.core.memory import DOCUMENT_LIMIT, MemoryAct, patched, plain, size_of
from agents_app.definitions.validation import field_errors
from agents_app.exceptions import InvalidInput, MemoryChanged
from agents_app.memory.history import Author, Written, record, values_of
from agents_app.models import AgentSession, WorkingMemory, database_now
from agents_app.selectors.people import name_of, user_with


class WorkingMemoryChanged(MemoryChanged):
    """The working memory of this session has been changed meanwhile. `document` and `version` are what it is now."""

    def __init__(self, now: WorkingMemory | None) -> None:
        self.document: dict[str, Any] = now.document if now is not None else {}
        self.version = now.version if now is not None else 0
        text = gettext("The working memory has been changed meanwhile: it has version %(version)s now.")
        super().__init__(
            text % {"version": self.version},
            document=self.document,
            version=self.version,
        )


def working_memory_of(session_id: Any, user_key: str) -> WorkingMemory | None:
    """That of a session, for the runs of the user whose it was when it was written."""
    return WorkingMemory.objects.filter(session_id=session_id, user_key=user_key).first()


def update(
    session: AgentSession,
    changes: Any,
    version: int,
    *,
    author: Author,
    schema: type[BaseModel] | None = None,
    whole: bool = False,
    reason: str = "",
) -> Written:
    """Change the document, member by member; null takes one away. whole: `changes` is all that it holds from now on.

    version: of the document that the changes were made for; 0 where there was none. schema: what it must fit.
    Raises InvalidInput, and WorkingMemoryChanged: then nothing was written, and the error holds what is there.
    """
    given = _checked(changes)
    with transaction.atomic(using=conf.DATABASE):
        now = database_now()
        user_key = str(session.user_id or "")
        row = WorkingMemory.objects.filter(pk=session.pk).first()
        mine = row is not None and row.user_key == user_key
        if (row.version if row is not None and mine else 0) != version:
            raise WorkingMemoryChanged(row if mine else None)
        before = values_of(row) if row is not None and mine else None
        document = given if whole else patched(row.document if row is not None and mine else {}, given)
        values = {
            "document": _fitting(document, schema),
            "updated_at": now,
            "origin": author.origin,
            "agent": author.agent or (row.agent if row is not None and mine else ""),
            "user_key": user_key,
            "user_name": name_of(user_with(session.user_id)),
        }
        made = _written(session, row, version, values)
        act = MemoryAct.ADDED if before is None else MemoryAct.UPDATED
        change = record(made, act, author, at=now, before=before, after=values_of(made), reason=reason)
    return Written(row=made, act=act, changes=(change,))


def _written(session: AgentSession, row: WorkingMemory | None, version: int, values: dict[str, Any]) -> WorkingMemory:
    if row is None:
        made = WorkingMemory(session=session, version=1, **values)
        try:
            with transaction.atomic(using=conf.DATABASE):
                made.save(force_insert=True, using=conf.DATABASE)
        except IntegrityError:
            raise WorkingMemoryChanged(WorkingMemory.objects.filter(pk=session.pk).first()) from None
        return made
    # Guarded by the version that was read: who comes second matches no row.
    found = WorkingMemory.objects.filter(pk=session.pk, version=row.version)
    if not found.update(version=row.version + 1, **values):
        raise WorkingMemoryChanged(WorkingMemory.objects.filter(pk=session.pk).first())
    return WorkingMemory.objects.get(pk=session.pk)


def forget(row: WorkingMemory, author: Author, *, reason: str = "") -> Written:
    """Empty it."""
    with transaction.atomic(using=conf.DATABASE):
        now = database_now()
        before = values_of(row)
        emptied = {"document": {}, "version": row.version + 1, "updated_at": now}
        if not WorkingMemory.objects.filter(pk=row.pk, version=row.version).update(**emptied):
            raise WorkingMemoryChanged(WorkingMemory.objects.filter(pk=row.pk).first())
        made = record(row, MemoryAct.FORGOTTEN, author, at=now, before=before, reason=reason)
        row.refresh_from_db()
    return Written(row=row, act=MemoryAct.FORGOTTEN, changes=(made,))


def _checked(changes: Any) -> dict[str, Any]:
    if not isinstance(changes, dict):
        raise InvalidInput(gettext("A working memory is changed by an object of its members; null takes one away."))
    try:
        return plain(changes)
    except ValueError as error:
        text = gettext("The working memory must be JSON: %(error)s")
        raise InvalidInput(text % {"error": error}) from error


def _fitting(document: dict[str, Any], schema: type[BaseModel] | None) -> dict[str, Any]:
    size = size_of(document)
    if size > DOCUMENT_LIMIT:
        text = gettext("A working memory has at most %(limit)s characters as JSON; this one would have %(size)s.")
        raise InvalidInput(text % {"limit": DOCUMENT_LIMIT, "size": size}, code="too_long")
    if schema is None:
        return document
    try:
        schema.model_validate(document)
    except ValidationError as error:
        errors = field_errors(error)
        where = ".".join(str(part) for part in errors[0]["path"]) or gettext("the document")
        text = gettext("The working memory does not fit its schema: %(where)s: %(why)s")
        raise InvalidInput(text % {"where": where, "why": errors[0]["message"]}, errors=errors) from None
    return document
