"""Who writes, and the record of what was written."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from agents_app.core.memory import MemoryAct, MemoryKind, MemoryOrigin, Owner
from agents_app.models import Entity, Fact, MemoryChange, WorkingMemory


@dataclass(frozen=True, kw_only=True, slots=True)
class Author:
    """Who writes: a step of a run, or a person. `origin_detail`: the tool whose result it was read in."""

    origin: MemoryOrigin
    origin_detail: str = ""
    agent: str = ""
    run_id: UUID | None = None
    step: int | None = None
    by_key: str = ""
    by_name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What came of a write: the row as it is now, what was done to it, and with what else."""

    row: Any
    act: MemoryAct
    changes: tuple[MemoryChange, ...] = ()

    def told(self) -> dict[str, Any]:
        """The payload of the event `memory.updated`."""
        return told_of(self.changes[-1])


def told_of(change: MemoryChange) -> dict[str, Any]:
    """A change as the event `memory.updated` tells it: no words of it, its row alone."""
    return {
        "what": str(change.kind),
        "act": str(change.act),
        "key": str(change.row_key),
        "where": "user" if change.session_key is None else "session",
        "by_step": change.step,
        "by": change.by_name or None,
    }


def values_of(row: Fact | Entity | WorkingMemory) -> dict[str, Any]:
    """What of a row is its content, as the history keeps it."""
    match row:
        case Fact():
            return {
                "key": row.key,
                "text": row.text,
                "confidence": row.confidence,
                "origin": str(row.origin),
                "visibility": str(row.visibility),
                "valid_from": _moment(row.valid_from),
                "valid_until": _moment(row.valid_until),
            }
        case Entity():
            return {
                "type": row.type,
                "name": row.name,
                "attributes": row.attributes,
                "aliases": row.aliases,
                "origin": str(row.origin),
            }
    return {"document": row.document, "version": row.version}


def record(
    row: Fact | Entity | WorkingMemory,
    act: MemoryAct,
    author: Author,
    *,
    at: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> MemoryChange:
    """Add to the history what was done to a row."""
    kind = {Fact: MemoryKind.FACT, Entity: MemoryKind.ENTITY, WorkingMemory: MemoryKind.WORKING}[type(row)]
    owner = Owner(user=row.user_key, session=row.session_id)
    return MemoryChange.objects.create(
        kind=kind,
        row_key=row.pk,
        act=act,
        at=at,
        user_key=owner.user,
        session_key=owner.session,
        by_key=author.by_key,
        by_name=author.by_name,
        agent=author.agent,
        run_key=author.run_id,
        step=author.step,
        before=before,
        after=after,
        reason=reason,
    )


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
