"""Writing facts: duplicates are confirmed, contradictions superseded, and a place holds so many.

Each function takes the caller's transaction, or makes one. Two that write the same key at once: the unique key lets
one through, and the other supersedes it.
"""

import math
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext, gettext_noop

from agents_app.conf import conf
from agents_app.core.canonical import clean_text
from agents_app.core.memory import (
    KEY_LIMIT,
    TEXT_LIMIT,
    MemoryAct,
    Owner,
    Visibility,
    digest_of,
    trusted,
)
from agents_app.exceptions import InvalidInput, MemoryChanged, NotPermitted
from agents_app.memory.history import Author, Written, record, values_of
from agents_app.memory.values import checked
from agents_app.models import Fact, MemoryChange, as_stored, database_now
from agents_app.models.fields import uuid7

TRIES = 3
CHANGED_MEANWHILE = gettext_noop("This fact was changed, forgotten or erased meanwhile.")


def remember(
    owner: Owner,
    text: str,
    *,
    author: Author,
    user_name: str = "",
    key: str = "",
    confidence: float = 1.0,
    visibility: Visibility | str = Visibility.USER,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> Written:
    """Keep a fact. What is known already is confirmed; another of the same key is superseded: the newer one wins.

    Raises InvalidInput, and NotPermitted where a person wrote the other one, which only people can change.
    """
    new = Fact(
        id=uuid7(),
        user_key=owner.user,
        user_name=user_name,
        session_id=owner.session,
        text=checked_text(text),
        key=checked_key(key),
        confidence=_checked_confidence(confidence),
        visibility=checked_visibility(visibility),
        valid_from=None if valid_from is None else as_stored(valid_from),
        valid_until=None if valid_until is None else as_stored(valid_until),
        origin=author.origin,
        origin_detail=author.origin_detail,
        agent=author.agent,
        by_name=author.by_name,
        run_key=author.run_id,
        step=author.step,
    )
    if not owner.exists:
        raise InvalidInput(gettext("There is nobody to remember this of: the run has neither a user nor a session."))
    _refuse_contradictions(new)
    new.place = owner.place(Visibility(new.visibility), author.agent)
    new.digest = digest_of(new.text)
    return _stored(new, author)


def _stored(new: Fact, author: Author) -> Written:
    for _ in range(TRIES):
        try:
            with transaction.atomic(using=conf.DATABASE):
                return _kept(new, author)
        except IntegrityError:
            new._state.adding = True  # somebody wrote this key at the same moment: look again
    raise MemoryChanged(gettext("This fact is being written by others; try again."))


def _kept(new: Fact, author: Author) -> Written:
    now = database_now()
    if new.valid_until is not None and new.valid_until <= now:
        raise InvalidInput(gettext("It would not be valid any more: `valid_until` is over."))
    same = _same(new, now)
    if same is not None:
        return _confirmed(same, new, author, now)
    changes = _supersede(new, author, now)
    new.created_at = new.updated_at = now
    new.save(force_insert=True, using=conf.DATABASE)
    changes += _make_room(new, author, now)
    changes.append(record(new, MemoryAct.ADDED, author, at=now, after=values_of(new)))
    return Written(row=new, act=MemoryAct.ADDED, changes=tuple(changes))


def _same(new: Fact, now: datetime) -> Fact | None:
    """A current fact that says the same about the same."""
    found = Fact.objects.current().filter(place=new.place, digest=new.digest)
    return found.filter(key=new.key).first() if new.key else found.order_by("-key").first()


def _confirmed(same: Fact, new: Fact, author: Author, now: datetime) -> Written:
    before = values_of(same)
    same.confidence = max(same.confidence, new.confidence)
    if trusted(new.origin) or not trusted(same.origin):
        same.valid_until = new.valid_until  # no LLM ends what staff have written by saying it again
    same.updated_at = now
    if trusted(new.origin):
        same.origin, same.by_name = new.origin, new.by_name
    same.save(update_fields=["confidence", "valid_until", "updated_at", "origin", "by_name"])
    made = record(same, MemoryAct.CONFIRMED, author, at=now, before=before, after=values_of(same))
    return Written(row=same, act=MemoryAct.CONFIRMED, changes=(made,))


def _supersede(new: Fact, author: Author, now: datetime) -> list[MemoryChange]:
    if not new.key:
        return []
    older = list(Fact.objects.current().filter(place=new.place, key=new.key))
    for row in older:
        refuse_to_change(row, author)
        if not Fact.objects.current().filter(pk=row.pk).update(superseded_by=new.pk, updated_at=now):
            raise IntegrityError("superseded meanwhile")
    return [
        record(row, MemoryAct.SUPERSEDED, author, at=now, before=values_of(row), after={"by": str(new.pk)})
        for row in older
    ]


def _make_room(new: Fact, author: Author, now: datetime) -> list[MemoryChange]:
    """So many are kept of a place: what was confirmed longest ago ends, but for what people wrote."""
    kept = Fact.objects.live().filter(place=new.place).exclude(pk=new.pk)
    surplus = kept.count() + 1 - conf.MEMORY_FACTS
    if surplus <= 0:
        return []
    ended = list(kept.exclude(origin="person").order_by("updated_at", "pk")[:surplus])
    changes = []
    for row in ended:
        before = values_of(row)
        Fact.objects.filter(pk=row.pk).update(valid_until=now)
        row.valid_until = now
        changes.append(record(row, MemoryAct.EXPIRED, author, at=now, before=before, after=values_of(row)))
    return changes


def correct(fact: Fact, author: Author, *, reason: str = "", **values: Any) -> Written:
    """Put another fact in the place of this one, which is kept. values: `text`, `key`, `confidence`, `visibility`,
    `valid_from`, `valid_until`; what is not named stays."""
    refuse_to_change(fact, author)
    given = checked(values, CHECKS, "A fact")
    try:
        with transaction.atomic(using=conf.DATABASE):
            return _corrected(fact, author, reason, given)
    except IntegrityError:
        raise MemoryChanged(
            gettext("A fact of this key was written by others at the same moment; look again.")
        ) from None


def _corrected(fact: Fact, author: Author, reason: str, values: dict[str, Any]) -> Written:
    now = database_now()
    new = Fact.objects.current().filter(pk=fact.pk).first()
    if new is None:
        raise MemoryChanged(gettext(CHANGED_MEANWHILE))
    before = values_of(new)
    for name, value in values.items():
        setattr(new, name, value)
    _refuse_contradictions(new)
    new.id = uuid7()
    new.place = new.owner.place(Visibility(new.visibility), new.agent)
    new.digest, new.vector, new.embedder = digest_of(new.text), None, ""
    new.origin, new.origin_detail, new.by_name = author.origin, author.origin_detail, author.by_name
    new.run_key, new.step = author.run_id, author.step
    new.created_at = new.updated_at = now
    if not Fact.objects.current().filter(pk=fact.pk).update(superseded_by=new.pk, updated_at=now):
        raise MemoryChanged(gettext(CHANGED_MEANWHILE))
    changes = _supersede(new, author, now)
    new._state.adding = True
    new.save(force_insert=True, using=conf.DATABASE)
    changes.append(record(fact, MemoryAct.SUPERSEDED, author, at=now, before=before, after={"by": str(new.pk)}))
    made = record(new, MemoryAct.CORRECTED, author, at=now, before=before, after=values_of(new), reason=reason)
    return Written(row=new, act=MemoryAct.CORRECTED, changes=(*changes, made))


def forget(fact: Fact, author: Author, *, reason: str = "") -> Written:
    """Let it count no more. The row and its history stay until they are erased, or their time is over."""
    refuse_to_change(fact, author)
    with transaction.atomic(using=conf.DATABASE):
        now = database_now()
        if not Fact.objects.filter(pk=fact.pk, forgotten_at=None).update(
            forgotten_at=now, updated_at=now, vector=None, embedder=""
        ):
            return Written(row=fact, act=MemoryAct.FORGOTTEN)
        made = record(fact, MemoryAct.FORGOTTEN, author, at=now, before=values_of(fact), reason=reason)
        fact.forgotten_at = now
    return Written(row=fact, act=MemoryAct.FORGOTTEN, changes=(made,))


def refuse_to_change(row: Any, author: Author) -> None:
    """Raise NotPermitted where a person wrote it and something else would change it: what staff have said must not be
    talked away by whoever talks to an LLM."""
    if trusted(row.origin) and not trusted(author.origin):
        raise NotPermitted(
            gettext("A person of the staff has written this; only the staff can change it."), code="written_by_person"
        )


# What is accepted.


def checked_text(text: Any) -> str:
    """A fact's text as rows keep it. Raises InvalidInput."""
    cleaned = clean_text(text)[0].strip() if isinstance(text, str) else ""
    if not cleaned:
        raise InvalidInput(gettext("A fact is a text and must not be empty."))
    if len(cleaned) > TEXT_LIMIT:
        text = gettext("A fact has at most %(limit)s characters; this one has %(size)s. Keep several short ones.")
        raise InvalidInput(text % {"limit": TEXT_LIMIT, "size": len(cleaned)}, code="too_long")
    return cleaned


def checked_key(key: Any) -> str:
    """What a fact is about, as rows keep it: letters of one case, words joined by `_`. Raises InvalidInput."""
    cleaned = "_".join(clean_text(key)[0].casefold().replace("-", " ").split()) if isinstance(key, str) else ""
    if len(cleaned) > KEY_LIMIT:
        text = gettext("The key of a fact has at most %(limit)s characters.")
        raise InvalidInput(text % {"limit": KEY_LIMIT}, code="too_long")
    return cleaned


def _checked_confidence(confidence: Any) -> float:
    number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    if not number or not math.isfinite(confidence) or not 0 <= confidence <= 1:
        raise InvalidInput(gettext("The confidence of a fact is a number from 0 to 1."))
    return float(confidence)


def checked_visibility(visibility: Any) -> Visibility:
    """Who may see it. Raises InvalidInput."""
    try:
        return Visibility(visibility)
    except ValueError:
        text = gettext("Who may see it is one of: %(choices)s.")
        raise InvalidInput(text % {"choices": ", ".join(Visibility)}) from None


def _stored_moment(moment: Any) -> datetime | None:
    return None if moment is None else as_stored(moment)


def _refuse_contradictions(fact: Fact) -> None:
    if fact.valid_from is not None and fact.valid_until is not None and fact.valid_until <= fact.valid_from:
        raise InvalidInput(gettext("`valid_until` is after `valid_from`."))
    if fact.visibility == Visibility.AGENT and not fact.agent:
        raise InvalidInput(gettext("Only what an agent's run has written can be kept for this agent alone."))


CHECKS = {
    "text": checked_text,
    "key": checked_key,
    "confidence": _checked_confidence,
    "visibility": checked_visibility,
    "valid_from": _stored_moment,
    "valid_until": _stored_moment,
}
