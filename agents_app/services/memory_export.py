"""All that is kept of a person, for them to take away: what agents remember, and what was said in their runs."""

import json
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext

from agents_app.core.archive_lines import StoredRun
from agents_app.core.memory import Visibility
from agents_app.exceptions import InvalidInput
from agents_app.models import (
    AgentContext,
    AgentSession,
    Archive,
    ArchivedRun,
    Entity,
    Fact,
    MemoryChange,
    SessionSummary,
    WorkingMemory,
    database_now,
)
from agents_app.models.belongings import rows_of
from agents_app.selectors.by_key import by_key
from agents_app.selectors.memory import (
    VIEW_MEMORY,
    change_as_dict,
    entity_as_dict,
    fact_as_dict,
    may_view_memory,
    working_as_dict,
)
from agents_app.selectors.people import VIEW_TRANSCRIPT, lacking, name_of, not_hidden
from agents_app.services import archive_files
from agents_app.services.principals import the_person

BATCH = 100

Rows = Iterator[dict[str, Any]]


def export_memory(user: Any = None, *, by: Any, archives: bool = True) -> Iterator[str]:
    """One JSON object in pieces of text, so that memory stays small: facts, entities, working memories, their history,
    sessions with their summaries, and what was said and done in runs. archives: in archived ones, too, which reads
    their files.

    user: whose (a person or the name of one; `by` if left out). Everybody may take away their own, without what the
    staff keeps to itself; that of others needs `view_memory` and `view_transcript`. Sensitive arguments are masked.
    Raises NotPermitted and InvalidInput, before the first piece.
    """
    person = by if user is None else the_person(user)
    if getattr(person, "pk", None) is None:
        raise InvalidInput(gettext("Say of which user."))
    staff = by.is_active and by.has_perm(VIEW_TRANSCRIPT) and may_view_memory(by)
    if not staff and not (by.is_active and by.pk == person.pk):
        raise lacking(VIEW_TRANSCRIPT if may_view_memory(by) else VIEW_MEMORY)
    return _pieces(person, by, whole=staff, archives=archives)


def _pieces(person: Any, by: Any, *, whole: bool, archives: bool) -> Iterator[str]:
    head = {"user": name_of(person), "exported_at": database_now().isoformat()}
    yield json.dumps(head, ensure_ascii=False)[:-1]
    parts = _remembered(person, whole) | {"sessions": _sessions(person), "runs": _runs(person, by)}
    if archives:
        parts["archived_runs"] = _archived(person, by)
    for name, rows in parts.items():
        yield f',\n"{name}": ['
        for number, row in enumerate(rows):
            yield (",\n" if number else "\n") + json.dumps(row, ensure_ascii=False)
        yield "]"
    yield "\n}\n"


def _remembered(person: Any, whole: bool) -> dict[str, Rows]:
    key = str(person.pk)
    facts = Fact.objects.filter(user_key=key)
    entities = Entity.objects.filter(user_key=key)
    working = WorkingMemory.objects.filter(user_key=key)
    changes = MemoryChange.objects.filter(user_key=key)
    if not whole:
        staffs = {"visibility": Visibility.STAFF}
        facts, entities = facts.exclude(**staffs), entities.exclude(**staffs)
        kept = [*facts.values_list("pk", flat=True), *entities.values_list("pk", flat=True)]
        changes = changes.filter(row_key__in=[*kept, *working.values_list("pk", flat=True)])
    return {
        "facts": (fact_as_dict(row) for row in by_key(facts, BATCH)),
        "entities": (entity_as_dict(row) for row in by_key(entities, BATCH)),
        "working_memories": (working_as_dict(row) for row in by_key(working, BATCH)),
        "changes": (change_as_dict(row, whole=whole) for row in by_key(changes, BATCH)),
    }


def _sessions(person: Any) -> Rows:
    rows = AgentSession.objects.filter(user_id=person.pk).select_related("summary")
    for row in by_key(rows, BATCH):
        yield {
            "id": str(row.pk),
            "key": row.key,
            "agent": row.agent,
            "created_at": row.created_at.isoformat(),
            "summary": _summary(row),
        }


def _summary(session: AgentSession) -> dict[str, Any] | None:
    """What an LLM made of the older part of its talk."""
    made: SessionSummary | None = getattr(session, "summary", None)
    if made is None or not made.text:
        return None
    when = None if made.made_at is None else made.made_at.isoformat()
    return {"text": made.text, "made_at": when, "llm": made.llm, "up_to_run": str(made.upto)}


def _runs(person: Any, by: Any) -> Rows:
    rows = not_hidden(AgentContext.objects.filter(user_id=person.pk), by).order_by("pk")
    after = None
    while found := list((rows if after is None else rows.filter(pk__gt=after))[:BATCH]):
        for stored in rows_of(found):
            yield _run(stored)
        after = found[-1].pk


def _archived(person: Any, by: Any) -> Rows:
    mine = not_hidden(ArchivedRun.objects.filter(user_id=person.pk), by)
    for archive in by_key(Archive.objects.filter(pk__in=mine.values("archive_id")), BATCH):
        wanted = set(mine.filter(archive=archive).values_list("pk", flat=True))
        yield from (_run(stored) for stored in archive_files.read(archive) if stored.id in wanted)


def _run(stored: StoredRun) -> dict[str, Any]:
    """What was said and done, in the order of its numbers."""
    of: dict[str, list[dict[str, Any]]] = {}
    for row in stored.rows:
        of.setdefault(row.model, []).append(dict(row.values))
    context, details = of["agentcontext"][0], of["rundetails"][0]
    return {
        "id": str(stored.id),
        "agent": context["agent"],
        "session": context.get("session_id"),
        "created_at": details["created_at"],
        "input": details["input"],
        "metadata": details["metadata"],
        "output": details["output"],
        "turns": [
            {"number": each["number"], "reply": each["response"]} for each in _numbered(of, "agentstep", "response")
        ],
        "calls": [
            {name: each[name] for name in ("number", "tool", "arguments", "result", "error")}
            for each in _numbered(of, "toolcall", "tool")
        ],
        "questions": [{name: each[name] for name in ("question", "answer")} for each in of.get("inputrequest", [])],
        "told": [each["content"] for each in of.get("runbriefing", [])],
    }


def _numbered(of: dict[str, list[dict[str, Any]]], table: str, needed: str) -> list[dict[str, Any]]:
    return sorted((each for each in of.get(table, []) if each[needed]), key=lambda each: each["number"])
