"""Writing entities: those of one type that share a name or an alias are one."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.core.canonical import clean_text
from agents_app.core.memory import (
    ALIASES,
    ATTRIBUTES_LIMIT,
    NAME_LIMIT,
    TYPE_LIMIT,
    MemoryAct,
    Owner,
    Visibility,
    less_trusted,
    normal,
    plain,
    size_of,
    trusted,
)
from agents_app.exceptions import InvalidInput, MemoryChanged
from agents_app.memory.facts import TRIES, checked_visibility, refuse_to_change
from agents_app.memory.history import Author, Written, record, values_of
from agents_app.memory.values import checked
from agents_app.models import Entity, MemoryChange, database_now
from agents_app.models.fields import uuid7

WRITTEN = ["attributes", "aliases", "origin", "origin_detail", "updated_at"]


def remember_entity(
    owner: Owner,
    type: str,  # noqa: A002  the word of the product
    name: str,
    *,
    author: Author,
    user_name: str = "",
    attributes: dict[str, Any] | None = None,
    aliases: list[str] | None = None,
    visibility: Visibility | str = Visibility.USER,
) -> Written:
    """Keep an entity. One that is known by this name or an alias gets what is new; several that turn out to be the same
    are merged. Raises InvalidInput."""
    if not owner.exists:
        raise InvalidInput(gettext("There is nobody to remember this of: the run has neither a user nor a session."))
    given = {
        "type": _checked_type(type),
        "name": _checked_name(name),
        "attributes": _checked_attributes(attributes or {}),
        "aliases": _checked_names((aliases or [])[:ALIASES]),
    }
    kept_for = _checked_visibility(visibility, author.agent)
    place = owner.place(kept_for, author.agent)
    for _ in range(TRIES):
        try:
            with transaction.atomic(using=conf.DATABASE):
                return _kept(owner, place, given, author, user_name, kept_for)
        except IntegrityError:
            continue  # somebody wrote this name at the same moment: look again
    raise MemoryChanged(gettext("This entity is being written by others; try again."))


def _kept(
    owner: Owner, place: str, given: dict[str, Any], author: Author, user_name: str, visibility: Visibility
) -> Written:
    now = database_now()
    known = _known(place, given["type"], {normal(name) for name in (given["name"], *given["aliases"])})
    if known:
        theirs = next((row for row in known if trusted(row.origin)), None)
        if theirs is not None and not trusted(author.origin):
            return _added_to(theirs, given, author, now, [])
        first = theirs or known[0]
        changes = [_merged(each, first, author, now) for each in known if each is not first]
        return _added_to(first, given, author, now, changes)
    row = Entity(
        id=uuid7(),
        place=place,
        user_key=owner.user,
        user_name=user_name,
        session_id=owner.session,
        agent=author.agent,
        visibility=visibility,
        origin=author.origin,
        origin_detail=author.origin_detail,
        by_name=author.by_name,
        run_key=author.run_id,
        step=author.step,
        created_at=now,
        updated_at=now,
        normal_name=normal(given["name"]),
        **given,
    )
    row.save(force_insert=True, using=conf.DATABASE)
    changes = [*_make_room(row, author, now), record(row, MemoryAct.ADDED, author, at=now, after=values_of(row))]
    return Written(row=row, act=MemoryAct.ADDED, changes=tuple(changes))


def _known(place: str, kind: str, names: set[str]) -> list[Entity]:
    """The oldest first."""
    rows = Entity.objects.live().filter(place=place, type=kind).order_by("pk").select_for_update(no_key=True)
    return [row for row in rows if names & {normal(name) for name in (row.name, *row.aliases)}]


def _added_to(
    row: Entity, given: dict[str, Any], author: Author, now: datetime, changes: list[MemoryChange]
) -> Written:
    before = values_of(row)
    # What staff have said of it stays as they said it: all of it is told to LLMs as true.
    if not trusted(row.origin) or trusted(author.origin):
        row.aliases = _joined(row, (given["name"], *given["aliases"]))
        row.attributes = _checked_attributes({**row.attributes, **given["attributes"]})
        _doubt(row, author.origin, author.origin_detail)
    if values_of(row) == before and not changes:
        act = MemoryAct.CONFIRMED
    else:
        act = MemoryAct.UPDATED
    row.updated_at = now
    row.save(update_fields=WRITTEN)
    made = record(row, act, author, at=now, before=before, after=values_of(row))
    return Written(row=row, act=act, changes=(*changes, made))


def merge(entity: Entity, into: Entity, author: Author) -> Written:
    """Say that two are the same: the first goes into the other, which gets its names and what it did not know."""
    if entity.pk == into.pk or entity.place != into.place or entity.type != into.type:
        raise InvalidInput(gettext("Two entities of one type, of the same user and session, can be merged."))
    for row in (entity, into):
        refuse_to_change(row, author)
    with transaction.atomic(using=conf.DATABASE):
        now = database_now()
        rows = {
            row.pk: row
            for row in Entity.objects.live()
            .filter(pk__in=[entity.pk, into.pk])
            .order_by("pk")
            .select_for_update(no_key=True)
        }
        if len(rows) < 2:
            raise MemoryChanged(gettext("One of them was merged or forgotten meanwhile."))
        before = values_of(rows[into.pk])
        target = rows[into.pk]
        change = _merged(rows[entity.pk], target, author, now, seen=trusted(author.origin))
        target.updated_at = now
        target.save(update_fields=WRITTEN)
        made = record(target, MemoryAct.UPDATED, author, at=now, before=before, after=values_of(target))
    return Written(row=target, act=MemoryAct.MERGED, changes=(change, made))


def _merged(row: Entity, into: Entity, author: Author, now: datetime, *, seen: bool = False) -> MemoryChange:
    """seen: a person of the staff looked at both. Else what others have written does not become what staff say."""
    into.aliases = _joined(into, (row.name, *row.aliases))
    if seen or trusted(row.origin) or not trusted(into.origin):
        into.attributes = _checked_attributes({**row.attributes, **into.attributes})
        _doubt(into, row.origin, row.origin_detail)
    Entity.objects.filter(pk=row.pk).update(merged_into=into, updated_at=now)
    return record(row, MemoryAct.MERGED, author, at=now, before=values_of(row), after={"into": str(into.pk)})


def correct(entity: Entity, author: Author, *, reason: str = "", **values: Any) -> Written:
    """Change what is known of it. values: `type`, `name`, `attributes`, `aliases`; what is not named stays."""
    refuse_to_change(entity, author)
    given = checked(values, CHECKS, "An entity")
    try:
        with transaction.atomic(using=conf.DATABASE):
            now = database_now()
            row = Entity.objects.live().filter(pk=entity.pk).select_for_update(no_key=True).first()
            if row is None:
                raise MemoryChanged(gettext("This entity was merged or forgotten meanwhile."))
            before = values_of(row)
            for name, value in given.items():
                setattr(row, name, value)
            row.normal_name = normal(row.name)
            row.origin, row.by_name, row.updated_at = author.origin, author.by_name, now
            row.save()
            made = record(row, MemoryAct.CORRECTED, author, at=now, before=before, after=values_of(row), reason=reason)
    except IntegrityError as error:
        text = gettext("There is another entity of this type and name: merge them instead.")
        raise InvalidInput(text, code="same_name") from error
    return Written(row=row, act=MemoryAct.CORRECTED, changes=(made,))


def forget(entity: Entity, author: Author, *, reason: str = "") -> Written:
    """Let it count no more."""
    refuse_to_change(entity, author)
    with transaction.atomic(using=conf.DATABASE):
        now = database_now()
        if not Entity.objects.filter(pk=entity.pk, forgotten_at=None).update(forgotten_at=now, updated_at=now):
            return Written(row=entity, act=MemoryAct.FORGOTTEN)
        made = record(entity, MemoryAct.FORGOTTEN, author, at=now, before=values_of(entity), reason=reason)
        entity.forgotten_at = now
    return Written(row=entity, act=MemoryAct.FORGOTTEN, changes=(made,))


def _make_room(new: Entity, author: Author, now: datetime) -> list[MemoryChange]:
    kept = Entity.objects.live().filter(place=new.place).exclude(pk=new.pk)
    surplus = kept.count() + 1 - conf.MEMORY_ENTITIES
    if surplus <= 0:
        return []
    ended = list(kept.exclude(origin="person").order_by("updated_at", "pk")[:surplus])
    Entity.objects.filter(pk__in=[row.pk for row in ended]).update(forgotten_at=now)
    return [record(row, MemoryAct.EXPIRED, author, at=now, before=values_of(row)) for row in ended]


def _doubt(row: Entity, origin: str, detail: str) -> None:
    """Something of this origin went in: all of it is worth no more than the least trusted of what is in it; but what
    staff have written or looked at is theirs."""
    if not trusted(row.origin) and less_trusted(origin, row.origin):
        row.origin, row.origin_detail = origin, detail


def _joined(row: Entity, names: tuple[str, ...]) -> list[str]:
    """Its aliases with these names, each once, without its own."""
    seen = {normal(row.name): row.name}
    for name in (*row.aliases, *names):
        seen.setdefault(normal(name), name)
    return list(seen.values())[1 : ALIASES + 1]


# What is accepted.


def _checked_visibility(visibility: Any, agent: str) -> Visibility:
    found = checked_visibility(visibility)
    if found is Visibility.AGENT and not agent:
        raise InvalidInput(gettext("Only what an agent's run has written can be kept for this agent alone."))
    return found


def _checked_type(kind: Any) -> str:
    cleaned = "_".join(clean_text(kind)[0].casefold().split()) if isinstance(kind, str) else ""
    if not cleaned or len(cleaned) > TYPE_LIMIT:
        text = gettext("The type of an entity is a word of 1 to %(limit)s characters.")
        raise InvalidInput(text % {"limit": TYPE_LIMIT})
    return cleaned


def _checked_name(name: Any) -> str:
    cleaned = " ".join(clean_text(name)[0].split()) if isinstance(name, str) else ""
    if not normal(cleaned) or len(cleaned) > NAME_LIMIT or len(normal(cleaned)) > NAME_LIMIT:
        text = gettext("The name of an entity is a text of 1 to %(limit)s characters.")
        raise InvalidInput(text % {"limit": NAME_LIMIT})
    return cleaned


def _checked_names(names: Any) -> list[str]:
    if not isinstance(names, list) or len(names) > ALIASES:
        text = gettext("The aliases of an entity are a list of at most %(limit)s names.")
        raise InvalidInput(text % {"limit": ALIASES})
    return [_checked_name(name) for name in names]


def _checked_attributes(attributes: Any) -> dict[str, Any]:
    if not isinstance(attributes, dict):
        raise InvalidInput(gettext("The attributes of an entity are an object."))
    try:
        cleaned = plain(attributes)
    except ValueError as error:
        text = gettext("The attributes of an entity must be JSON: %(error)s")
        raise InvalidInput(text % {"error": error}) from error
    size = size_of(cleaned)
    if size > ATTRIBUTES_LIMIT:
        text = gettext("The attributes of an entity have at most %(limit)s characters as JSON; these have %(size)s.")
        raise InvalidInput(text % {"limit": ATTRIBUTES_LIMIT, "size": size}, code="too_long")
    return cleaned


CHECKS = {
    "type": _checked_type,
    "name": _checked_name,
    "attributes": _checked_attributes,
    "aliases": _checked_names,
}
