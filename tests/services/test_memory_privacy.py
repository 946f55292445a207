"""A person takes away all that is kept of them, and has it erased without a trace."""

import asyncio
import base64
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from agents_app import Knowledge, Memory, Passage, ToolContext, override_llm, services
from agents_app.core.memory import MemoryOrigin, Owner
from agents_app.definitions.registry import registry
from agents_app.exceptions import NotPermitted
from agents_app.knowledge.models import ChunkVector
from agents_app.live.portions import one_by_one
from agents_app.memory import entities, facts, working
from agents_app.memory.agents import Summariser
from agents_app.memory.history import Author
from agents_app.memory.recall import Reader, recall
from agents_app.models import (
    AgentContext,
    AgentEvent,
    AgentSession,
    AgentStep,
    Archive,
    ArchivedRun,
    Entity,
    Fact,
    MemoryChange,
    RunBriefing,
    SessionSummary,
    WorkingMemory,
    database_now,
)
from agents_app.services import SYSTEM, archive_runs, memory_export
from agents_app.services.archive_files import read as read_archive
from agents_app.testing import AgentsKit, calls, script
from tests import office
from tests.archives import days_later
from tests.management.desk import manage
from tests.memory.talks import long_talk
from tests.office import Clerk

pytestmark = pytest.mark.django_db
PLANTED = "Zwetschgenweg-4711"
LLM = Author(origin=MemoryOrigin.LLM, agent="clerk")


class Finder:
    """A retriever that finds what it was asked."""

    def retrieve(self, query: str, *, user: Any, top_k: int) -> list[Passage]:
        return [Passage(id="p", text=f"Of {query}", source=f"letters of {PLANTED}", score=1.0)]


class Host(Clerk):
    """A clerk who remembers and looks up all there is."""

    name = "host"
    memory = Memory(conversation=True, facts=True, entities=True, working=True, tools=True, tokens=400)
    knowledge = Knowledge("letters", mode="both", retriever=Finder)

    def get_instructions(self, context: ToolContext) -> str:
        return f"You serve somebody in {PLANTED}."


@pytest.fixture(autouse=True)
def files(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """Where every storage of the project keeps its files."""
    for name in ("default", "agents_archive"):
        place = {"location": str(tmp_path / name)}
        backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": place}
        settings.STORAGES = {**settings.STORAGES, name: backend}
    with registry.override(Host):
        yield tmp_path


PACKED = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")


def everything(files: Path) -> str:
    """Every column of every row of every table, and every file of the storages, unpacked."""
    found: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                found += [
                    bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
                    for value in row
                ]
    for path in files.rglob("*"):
        if path.is_file():
            packed = path.read_bytes()
            found.append((gzip.decompress(packed) if path.suffix == ".gz" else packed).decode())
    text = "\n".join(found)
    return "\n".join([text, *(_unpacked(match.group()) for match in PACKED.finditer(text))])


def _unpacked(text: str) -> str:
    """What stands in base64, as in the messages of a broker."""
    text = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("latin-1")
    except ValueError:
        return ""


class Letters:
    def embed(self, texts: Any, *, kind: str) -> list[list[float]]:
        return [[1.0, *(float(text.count(letter)) for letter in "aeiou")] for text in texts]


def talked(agents: AgentsKit, user: Any, session: str) -> Any:
    agents.scripted_llm(Host, calls("look", number=PLANTED), f"It goes to {PLANTED}.")
    run: Any = services.start_run(Host, f"I live in {PLANTED}.", user=user, session=session)
    agents.run_until_idle()
    return run


def planted(agents: AgentsKit, user: Any, session: str) -> None:
    """The same string in everything that remembers, and in everything that keeps what was remembered once."""
    facts.remember(Owner(user=str(user.pk)), f"Asks for {PLANTED}.", author=LLM, user_name=user.username)
    talked(agents, user, session)
    with days_later(40):
        archive_runs(days=30)
    talked(agents, user, session)
    place = AgentSession.objects.get(key=session)
    owners = (Owner(user=str(user.pk)), Owner(user=str(user.pk), session=place.pk))
    for owner in owners:
        old = facts.remember(owner, f"Lives in {PLANTED}.", key="home", author=LLM, user_name=user.username).row
        facts.remember(owner, f"Has left {PLANTED}.", key="home", author=LLM)
        facts.forget(facts.remember(owner, f"Was born in {PLANTED}.", author=LLM).row, LLM)
        assert Fact.objects.get(pk=old.pk).superseded_by_id
        entities.remember_entity(owner, "home", PLANTED, attributes={PLANTED: PLANTED}, aliases=[PLANTED], author=LLM)
    working.update(place, {PLANTED: [PLANTED]}, 0, author=LLM)
    working.update(place, {PLANTED: None}, 1, author=LLM)
    recall(Reader(user=str(user.pk), session=place.pk, agent="clerk"), "home")


def summed_up(agents: AgentsKit, user: Any, session: str, on_commit: Any) -> SessionSummary:
    """A talk that is too long for its tokens, and what an LLM made of it."""
    long_talk(user, runs=40, session=AgentSession.objects.get(key=session), agent="host")
    with override_llm(Summariser, script(*[f"She lives in {PLANTED}."] * 9)), on_commit(execute=True):
        with on_commit(execute=True):
            talked(agents, user, session)
        agents.run_until_idle()
    return SessionSummary.objects.get(session__key=session)


def where_it_is(files: Path) -> dict[str, bool]:
    """Each place that keeps what a person said, and whether the words are there."""
    archived = [str(row.values) for run in read_archive(Archive.objects.get()) for row in run.rows]
    rows = {
        "summary": SessionSummary.objects.values_list("text"),
        "briefing": RunBriefing.objects.values_list("content"),
        "sent": AgentStep.objects.exclude(sent=None).values_list("sent"),
        "fact": Fact.objects.values_list("text"),
        "entity": Entity.objects.values_list("name", "aliases", "attributes"),
        "working": WorkingMemory.objects.values_list("document"),
        "history": MemoryChange.objects.values_list("before", "after"),
        "event": AgentEvent.objects.filter(type="retrieval.completed").values_list("data"),
        "archive": archived,
        "archived briefing": [row for row in archived if "sections" in row],
        "archived step": [row for row in archived if "'instructions'" in row],
    }
    return {name: PLANTED in str(list(found)) for name, found in rows.items()}


def test_erasing_leaves_no_trace(
    agents: AgentsKit, files: Path, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "EMBEDDER": f"{__name__}.Letters"}
    ann, ben = office.person("ann"), office.person("ben")
    planted(agents, ann, "ann's talk")
    assert summed_up(agents, ann, "ann's talk", django_capture_on_commit_callbacks).text
    kept = facts.remember(Owner(user=str(ben.pk)), "Knows nobody.", author=LLM).row
    services.remember_fact(f"Lives in {PLANTED}, says ann.", by=ann)
    working.update(AgentSession.objects.get(key="ann's talk"), {"home": PLANTED}, 2, author=LLM)
    before = everything(files)
    assert before.count(PLANTED) > 30
    places = where_it_is(files)
    assert all(places.values()), places
    assert ArchivedRun.objects.exists()
    vectors = [bytes(row.vector).decode("latin-1") for row in Fact.objects.exclude(vector=None)]
    assert vectors
    assert all(vector in before for vector in vectors)
    assert not ChunkVector.objects.exists(), "what is remembered gets into no cache of embeddings"
    shown = services.erase_user(ann, by=SYSTEM, dry_run=True)
    assert manage("agents_memory_erase", "ann").code == 0
    assert shown.memories > 10
    after = everything(files)
    assert PLANTED not in after
    assert PLANTED.lower() not in after.lower()
    assert not any(vector in after for vector in vectors)
    assert not any(where_it_is(files).values())
    assert not SessionSummary.objects.exists()
    for model in (Fact, Entity, MemoryChange, WorkingMemory):
        assert not model._default_manager.filter(user_key=str(ann.pk)).exists()
    assert list(Fact.objects.all()) == [kept]
    assert AgentContext.objects.exists(), "the skeleton of the run stays"
    again = services.erase_user(ann, by=SYSTEM)
    assert (again.memories, again.runs) == (0, 0)


def test_all_of_it_can_be_taken_away(agents: AgentsKit, files: Path) -> None:
    ann, ben = office.person("ann"), office.person("ben")
    planted(agents, ann, "ann's talk")
    facts.remember(Owner(user=str(ben.pk)), "Ben's own.", author=LLM)
    facts.remember(Owner(user=str(ann.pk)), "Pays late.", author=LLM, visibility="staff")
    staff = office.person("olga", "agents_app.view_memory", "agents_app.view_transcript")
    whole = json.loads("".join(services.export_memory("ann", by=staff)))
    assert whole["user"] == "ann"
    assert {fact["text"] for fact in whole["facts"]} >= {f"Lives in {PLANTED}.", "Pays late."}
    assert whole["entities"][0]["name"] == PLANTED
    assert whole["working_memories"][0]["version"] == 2
    assert any(change["before"] and PLANTED in str(change["before"]) for change in whole["changes"])
    (session,) = whole["sessions"]
    assert (session["key"], session["summary"]) == ("ann's talk", None)
    for runs in (whole["runs"], whole["archived_runs"]):
        (run,) = runs
        assert run["input"] == f"I live in {PLANTED}."
        assert run["output"] == f"It goes to {PLANTED}."
        assert PLANTED in run["calls"][0]["arguments"]
        assert len(run["turns"]) == 2
    own = json.loads("".join(services.export_memory(by=ann, archives=False)))
    assert "Pays late." not in str(own)
    assert "archived_runs" not in own
    assert "Ben's own." not in str(whole)
    row = AgentSession.objects.get(pk=session["id"])
    run = AgentContext.objects.get(session=row)
    made = database_now()
    SessionSummary.objects.create(session=row, text=f"She lives in {PLANTED}.", upto=run.pk, llm="any", made_at=made)
    (session,) = json.loads("".join(services.export_memory(by=ann)))["sessions"]
    summary = {"text": f"She lives in {PLANTED}.", "made_at": made.isoformat(), "llm": "any", "up_to_run": str(run.pk)}
    assert session["summary"] == summary
    assert json.loads("".join(services.export_memory(by=ben)))["sessions"] == []


@pytest.mark.django_db(transaction=True)
def test_it_is_sent_from_an_event_loop_whichever_thread_reads_the_next_piece(
    agents: AgentsKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each lets go of its connection between two pieces: no cursor may be open then."""
    monkeypatch.setattr(memory_export, "BATCH", 2)
    ann = office.person("ann")
    planted(agents, ann, "ann's talk")

    pieces = services.export_memory(by=ann)

    async def sent() -> str:
        return "".join([piece async for piece in one_by_one(pieces)])

    whole = json.loads("".join(services.export_memory(by=ann)))
    assert min(len(whole[name]) for name in ("facts", "changes")) > 4
    assert json.loads(asyncio.run(sent())) | {"exported_at": None} == whole | {"exported_at": None}


def test_only_ones_own_without_permissions() -> None:
    ann, ben = office.person("ann"), office.person("ben")
    looks = office.person("lou", "agents_app.view_memory")
    for person in (ben, looks):
        with pytest.raises(NotPermitted):
            services.export_memory("ann", by=person)
    ann.is_active = False
    with pytest.raises(NotPermitted):
        services.export_memory(by=ann)


def test_the_command_writes_a_file_for_its_owner_alone(agents: AgentsKit, tmp_path: Path) -> None:
    services.remember_fact("Likes figs.", by=office.person("ann"))
    path = tmp_path / "ann.json"
    assert manage("agents_memory_export", "ann", "--output", str(path)).code == 0
    assert json.loads(path.read_text())["facts"][0]["text"] == "Likes figs."
    assert path.stat().st_mode & 0o077 == 0
    assert "Likes figs." in manage("agents_memory_export", "ann", "--no-archives").out
    assert "Likes figs." in manage("agents_memory_export", "ann", "--output", "-").out
    assert manage("agents_memory_export", "ann", "--output", str(path)).code != 0
    assert manage("agents_memory_export", "nobody").code != 0
