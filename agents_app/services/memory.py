"""Commands on what agents remember: people add to it, correct it and let it be forgotten.

Everybody may do so with what is remembered of themselves; what staff wrote, and what is remembered of others, takes
`change_memory`.
"""

from typing import Any

from django.utils.translation import gettext
from pydantic import BaseModel

from agents_app.core.memory import MemoryOrigin, Owner, Visibility
from agents_app.definitions.registry import registry
from agents_app.exceptions import InvalidInput, UnknownAgent
from agents_app.memory import entities, facts, working
from agents_app.memory.history import Author
from agents_app.models import AgentContext, AgentSession, Entity, Fact, WorkingMemory
from agents_app.selectors.delegations import key_of
from agents_app.selectors.memory import (
    CHANGE_MEMORY,
    is_own,
    may_change_memory,
    visible_entities,
    visible_facts,
    visible_working_memories,
)
from agents_app.selectors.people import lacking, name_of, user_with, visible_sessions
from agents_app.selectors.runs import one_of
from agents_app.services.principals import the_person
from agents_app.services.runs import checked_reason


def remember_fact(text: str, *, by: Any, user: Any = None, session: Any = None, **options: Any) -> Fact:
    """Keep a fact of a user (a person or the name of one; `by` if left out), or of one session (its id) alone.

    options: `key`, `confidence`, `visibility`, `valid_from`, `valid_until`. What is known already is confirmed; another
    fact of the same key is superseded. Raises NotPermitted, NotFound, InvalidInput.
    """
    owner, name, author = _written_for(by, user, session, options.get("visibility"))
    written = facts.remember(owner, text, author=author, user_name=name, **options)
    return written.row  # type: ignore[no-any-return]  # a fact


def correct_fact(fact_id: Any, *, by: Any, reason: str = "", **values: Any) -> Fact:
    """Put a corrected fact in the place of this one, which is kept as superseded.

    values: `text`, `key`, `confidence`, `visibility`, `valid_from`, `valid_until`. Raises NotFound, NotPermitted,
    InvalidInput, MemoryChanged.
    """
    row: Fact = one_of(visible_facts(by), fact_id)
    if "visibility" in values and not may_change_memory(by):
        raise lacking(CHANGE_MEMORY)
    written = facts.correct(row, _allowed(by, row), reason=checked_reason(reason), **values)
    return written.row  # type: ignore[no-any-return]  # a fact


def forget_fact(fact_id: Any, *, by: Any, reason: str = "") -> Fact:
    """Let it count no more; its row and history stay until they are erased, or MEMORY_KEEP_DAYS are over."""
    row: Fact = one_of(visible_facts(by), fact_id)
    written = facts.forget(row, _allowed(by, row), reason=checked_reason(reason))
    return written.row  # type: ignore[no-any-return]  # a fact


def remember_entity(
    type: str,  # noqa: A002  the word of the product
    name: str,
    *,
    by: Any,
    user: Any = None,
    session: Any = None,
    **options: Any,
) -> Entity:
    """Keep a person or thing that a user (a person or the name of one; `by` if left out) has to do with, or that is
    spoken of in one session (its id) alone.

    options: `attributes`, `aliases`, `visibility`. One that is known by this name or an alias gets what is new. Raises
    NotPermitted, NotFound, InvalidInput.
    """
    owner, user_name, author = _written_for(by, user, session, options.get("visibility"))
    written = entities.remember_entity(owner, type, name, author=author, user_name=user_name, **options)
    return written.row  # type: ignore[no-any-return]  # an entity


def correct_entity(entity_id: Any, *, by: Any, reason: str = "", **values: Any) -> Entity:
    """Change what is known of an entity. values: `type`, `name`, `attributes`, `aliases`."""
    row: Entity = one_of(visible_entities(by), entity_id)
    written = entities.correct(row, _allowed(by, row), reason=checked_reason(reason), **values)
    return written.row  # type: ignore[no-any-return]  # an entity


def forget_entity(entity_id: Any, *, by: Any, reason: str = "") -> Entity:
    """Let it count no more."""
    row: Entity = one_of(visible_entities(by), entity_id)
    written = entities.forget(row, _allowed(by, row), reason=checked_reason(reason))
    return written.row  # type: ignore[no-any-return]  # an entity


def merge_entities(entity_id: Any, into: Any, *, by: Any) -> Entity:
    """Say that two entities are the same; the second one stays, with the names of both."""
    rows = visible_entities(by)
    row, target = one_of(rows, entity_id), one_of(rows, into)
    _allowed(by, target)
    written = entities.merge(row, target, _allowed(by, row))
    return written.row  # type: ignore[no-any-return]  # an entity


def update_working_memory(
    session_id: Any, changes: Any, *, version: int, by: Any, whole: bool = False, reason: str = ""
) -> WorkingMemory:
    """Change the working memory of a session that has `version` now (0: there is none).

    changes: members to set, null takes one away; whole: all that it holds from now on. Raises NotFound, NotPermitted,
    InvalidInput, and MemoryChanged if it has another version: then nothing was written.
    """
    session = _session(by, session_id)
    owner = str(session.user_id or "")
    author = _author(by, owner)
    written = working.update(
        session, changes, version, author=author, schema=_schema(session), whole=whole, reason=checked_reason(reason)
    )
    return written.row  # type: ignore[no-any-return]  # a working memory


def forget_working_memory(session_id: Any, *, by: Any, reason: str = "") -> WorkingMemory:
    """Empty the working memory of a session."""
    row: WorkingMemory = one_of(visible_working_memories(by), session_id)
    written = working.forget(row, _author(by, row.user_key), reason=checked_reason(reason))
    return written.row  # type: ignore[no-any-return]  # a working memory


def _written_for(by: Any, user: Any, session: Any, visibility: Any) -> tuple[Owner, str, Author]:
    """Whose memory it goes into, that person's name, and who writes."""
    if user is not None and session is not None:
        raise InvalidInput(gettext("Say of which user this is to be remembered, or in which session; not both."))
    owner, name = _owner(by, user, session)
    author = _author(by, owner.user)
    if visibility == Visibility.STAFF and not may_change_memory(by):
        raise lacking(CHANGE_MEMORY)
    return owner, name, author


def _owner(by: Any, user: Any, session: Any) -> tuple[Owner, str]:
    if session is not None:
        found = _session(by, session)
        return Owner(user=str(found.user_id or ""), session=found.pk), name_of(user_with(found.user_id))
    person = by if user is None else the_person(user)
    if getattr(person, "pk", None) is None:
        raise InvalidInput(gettext("Say of which user this is to be remembered."))
    return Owner(user=str(person.pk)), name_of(person)


def _session(by: Any, session_id: Any) -> AgentSession:
    """One whose memory this person may know of. Raises NotFound."""
    rows = AgentSession.objects.all() if may_change_memory(by) else visible_sessions(by)
    found: AgentSession = one_of(rows, session_id)
    return found


def _schema(session: AgentSession) -> type[BaseModel] | None:
    """What the working memory must fit: as the agent says that wrote it last, or whose run was the last one here."""
    written = WorkingMemory.objects.filter(pk=session.pk).exclude(agent="").values_list("agent", flat=True)
    ran = AgentContext.objects.filter(session=session).order_by("-pk").values_list("agent", flat=True)
    name = written.first() or ran.first()
    try:
        memory = None if name is None else registry.get(name).memory
    except UnknownAgent:
        return None  # its code is gone, and with it what it asks for
    return memory.working if memory is not None and isinstance(memory.working, type) else None


def _author(by: Any, owner: str) -> Author:
    """Who writes: staff, whose words count as true; or the person themself, of whom anything may come."""
    own = bool(owner) and key_of(by) == owner
    if not (own and by.is_active) and not may_change_memory(by):
        raise lacking(CHANGE_MEMORY)
    origin = MemoryOrigin.USER if own else MemoryOrigin.PERSON
    return Author(origin=origin, by_key=key_of(by), by_name=name_of(by))


def _allowed(by: Any, row: Fact | Entity) -> Author:
    author = _author(by, row.user_key)
    if author.origin is MemoryOrigin.USER and is_own(by, row) and may_change_memory(by):
        # Staff, of themselves: they could do it of anybody.
        return Author(origin=MemoryOrigin.PERSON, by_key=author.by_key, by_name=author.by_name)
    return author
