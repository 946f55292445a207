"""What a run is told of facts, entities and the working memory of its session.

What staff wrote stands by itself; all else is a section of its own, which is quoted as data.
"""

import json
from collections.abc import Iterable, Sequence
from typing import TypeVar

from agents_app.core.briefing import Section, SectionKind, SourceBriefing, Told
from agents_app.core.events import EventType
from agents_app.core.memory import trusted
from agents_app.definitions.briefing import Question
from agents_app.memory.recall import Reader, Recollection, recall_with_newest
from agents_app.memory.working import working_memory_of
from agents_app.models import Entity, Fact

BY_STAFF = "written by staff"
UNCHECKED = "remembered from earlier runs, unchecked"

Row = TypeVar("Row", Fact, Entity)


def brief(question: Question) -> SourceBriefing:
    """The facts and entities that fit the request, then the newest; and the working memory."""
    memory = question.memory
    if memory is None:
        return SourceBriefing()
    user = "" if question.user_id is None else str(question.user_id)
    reader = Reader(user=user, session=question.session_id, agent=question.agent)
    sections: list[Section] = []
    told: list[Told] = []
    if (memory.facts or memory.entities) and memory.recall:
        near, newest = recall_with_newest(reader, question.input, limit=memory.recall, entities=memory.entities)
        sections += _known(near, newest, memory.recall, facts=memory.facts, entities=memory.entities)
        told += _told(near)
    if memory.working and question.session_id is not None:
        sections.append(_working(reader))
    return SourceBriefing(sections=tuple(sections), told=tuple(told))


def _told(near: Recollection) -> list[Told]:
    """That facts were compared by their words, because the embedder failed."""
    if not near.error:
        return []
    payload = {"what": "embedder", "where": "user", "error": near.error}
    return [Told(type=EventType.MEMORY_UPDATED, payload=payload)]


def _known(near: Recollection, newest: Recollection, limit: int, *, facts: bool, entities: bool) -> list[Section]:
    found: list[Section] = []
    if facts:
        rows = _first([each.fact for each in (*near.facts, *newest.facts)], limit)
        found += _sections("facts", "What is known of the user", rows, [_fact(row) for row in rows])
    if entities:
        spoken = _first([*near.entities, *newest.entities], limit)
        found += _sections("entities", "Who and what was spoken of", spoken, [_entity(row) for row in spoken])
    return found


def _first(rows: Iterable[Row], limit: int) -> list[Row]:
    return list({row.pk: row for row in rows}.values())[:limit]


def _sections(kind: SectionKind, title: str, rows: Sequence[Fact | Entity], lines: Sequence[str]) -> list[Section]:
    """One for what staff wrote, one for the rest."""
    found = []
    for by_staff in (True, False):
        chosen = [(row, line) for row, line in zip(rows, lines, strict=True) if trusted(row.origin) is by_staff]
        if chosen:
            found.append(
                Section(
                    kind=kind,
                    title=title,
                    text="\n".join(line for _, line in chosen),
                    origin=BY_STAFF if by_staff else UNCHECKED,
                    untrusted=not by_staff,
                    refs=tuple(str(row.pk) for row, _ in chosen),
                )
            )
    return found


def _fact(row: Fact) -> str:
    about = f"{row.key}: " if row.key else ""
    doubt = "" if row.confidence >= 0.75 else f", {row.confidence:.0%} sure"
    return f"- {about}{' '.join(row.text.split())} ({row.updated_at:%Y-%m-%d}{_read_in(row)}{doubt})"


def _entity(row: Entity) -> str:
    others = f", also {'; '.join(row.aliases)}" if row.aliases else ""
    attributes = f": {json.dumps(row.attributes, ensure_ascii=False)}" if row.attributes else ""
    return f"- {row.type} {row.name}{others}{attributes}{_read_in(row)}"


def _read_in(row: Fact | Entity) -> str:
    if not row.origin_detail:
        return ""
    return f", read in {row.origin_detail}"


def _working(reader: Reader) -> Section:
    row = working_memory_of(reader.session, reader.user)
    document, version = ({}, 0) if row is None else (row.document, row.version)
    text = f"Version {version}:\n{json.dumps(document, ensure_ascii=False, indent=1)}"
    by_staff = row is not None and trusted(row.origin)
    return Section(
        kind="working",
        title="Working memory of this conversation",
        text=text,
        origin=BY_STAFF if by_staff else UNCHECKED,
        untrusted=row is not None and not by_staff,
        refs=(str(reader.session),),
    )
