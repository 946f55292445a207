"""Promise 2 once more: what is remembered reaches nobody else, overrules no person, and is never overwritten unseen."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app import Agent, Memory
from agents_app.core.internal import EXTRACTOR
from agents_app.core.memory import MemoryOrigin, Owner, Visibility
from agents_app.definitions.registry import registry
from agents_app.exceptions import MemoryChanged, NotPermitted
from agents_app.memory import entities, facts, working
from agents_app.memory.extractor import Extractor
from agents_app.memory.history import Author
from agents_app.memory.recall import Reader, recall
from agents_app.models import AgentContext, AgentSession, Entity, Fact, WorkingMemory, database_now
from agents_app.selectors.memory import visible_facts
from agents_app.selectors.people import may_view_run, visible_runs
from agents_app.services import start_run
from agents_app.services.extraction import extract
from agents_app.testing import run_until_idle
from tests import office
from tests.promises.mutants import mutant
from tests.promises.stage import Stage

LLM = Author(origin=MemoryOrigin.LLM, agent="clerk")
STAFF = Author(origin=MemoryOrigin.PERSON, by_name="olga")


def texts(reader: Reader) -> set[str]:
    found = {each.fact.text for each in recall(reader, limit=100).facts}
    assert found == {each.fact.text for each in recall(reader, "secret", limit=100).facts}
    return found


def test_memory_of_one_reaches_no_other(stage: Stage) -> None:
    session = AgentSession.objects.create(key="s", agent="clerk")
    other = Author(origin=MemoryOrigin.LLM, agent="other")
    facts.remember(Owner(user="1"), "Secret of one.", author=LLM)
    facts.remember(Owner(user="1"), "Secret for staff.", author=LLM, visibility=Visibility.STAFF)
    facts.remember(Owner(user="1"), "Secret of another agent.", author=other, visibility=Visibility.AGENT)
    facts.remember(Owner(user="1", session=session.pk), "Secret of a session.", author=LLM)
    assert texts(Reader(user="1", session=None, agent="clerk")) == {"Secret of one."}
    assert texts(Reader(user="2", session=session.pk, agent="clerk")) == set()
    assert texts(Reader(user="", session=session.pk, agent="clerk")) == set()


def test_people_see_their_own_memory_alone(stage: Stage) -> None:
    ann, ben = office.person("ann"), office.person("ben")
    mine = facts.remember(Owner(user=str(ann.pk)), "Secret.", author=LLM).row
    facts.remember(Owner(user=str(ann.pk)), "Of staff.", author=LLM, visibility=Visibility.STAFF)
    assert list(visible_facts(ann)) == [mine]
    assert list(visible_facts(ben)) == []


def test_no_llm_overrules_staff(stage: Stage) -> None:
    facts.remember(Owner(user="1"), "No refunds.", key="refunds", author=STAFF)
    with pytest.raises(NotPermitted):
        facts.remember(Owner(user="1"), "All refunds.", key="refunds", author=LLM)
    assert Fact.objects.live().get().text == "No refunds."


def test_no_llm_ends_what_staff_have_written(stage: Stage) -> None:
    end = database_now() + timedelta(days=1)
    facts.remember(Owner(user="1"), "No refunds.", author=STAFF)
    facts.remember(Owner(user="1"), "No refunds.", author=LLM, valid_until=end)
    assert Fact.objects.live().get().valid_until is None


def test_no_llm_speaks_in_the_name_of_staff(stage: Stage) -> None:
    """What staff have said of somebody is told to LLMs as true."""
    owner = Owner(user="1")
    entities.remember_entity(owner, "person", "Rex", author=STAFF, attributes={"age": 4})
    entities.remember_entity(owner, "person", "Rex", author=LLM, attributes={"limit": 9_999}, aliases=["The boss"])
    row = Entity.objects.get()
    assert (row.attributes, row.aliases) == ({"age": 4}, [])


def test_nothing_is_overwritten_unseen(stage: Stage) -> None:
    session = AgentSession.objects.create(key="s", agent="clerk")
    working.update(session, {"a": 1}, 0, author=LLM)
    seen: Any = working.update(session, {"b": 2}, 1, author=LLM).row
    with pytest.raises(MemoryChanged):
        working.update(session, {"a": 9}, 1, author=LLM)
    assert WorkingMemory.objects.get().document == {"a": 1, "b": 2} == seen.document


class Host(Agent[str]):
    """Has what it hears remembered by a run of its own."""

    name = "host"
    memory = Memory(facts=True, extract=True)


def test_a_run_is_read_once_and_within_the_limit_and_its_reader_is_the_staffs(stage: Stage) -> None:
    ann = office.person("ann")
    with registry.override(Host), override_settings(AGENTS_APP={**settings.AGENTS_APP, "MEMORY_RUNS_PER_DAY": 1}):
        runs = []
        for _ in range(2):
            stage.agents.scripted_llm(Host, "Welcome.")
            stage.agents.scripted_llm(Extractor, "Nothing.", "Nothing.")
            runs.append(start_run(Host, "I sing.", user=ann))
            run_until_idle()
        for run in (runs[0], *runs):
            extract(run.id)
    internal = AgentContext.objects.filter(agent=EXTRACTOR)
    assert internal.count() == 1
    assert not any(may_view_run(ann, each) for each in internal)
    assert {each.agent for each in visible_runs(ann)} == {"host"}


MUTANTS = [
    mutant(
        "what is extracted has no limit a day",
        test_a_run_is_read_once_and_within_the_limit_and_its_reader_is_the_staffs,
        "agents_app.services.extraction:extract",
        "if not has_room(run.user_id):",
        "if False:",
    ),
    mutant(
        "an internal run is listed as its user's",
        test_a_run_is_read_once_and_within_the_limit_and_its_reader_is_the_staffs,
        "agents_app.selectors.people:their_own",
        '.exclude(**{f"{path}agent__in": INTERNAL_AGENTS})',
        "",
    ),
    mutant(
        "an internal run is shown to its user",
        test_a_run_is_read_once_and_within_the_limit_and_its_reader_is_the_staffs,
        "agents_app.selectors.people:owns",
        " and not is_internal(context.agent)",
        "",
    ),
    mutant(
        "recall does not ask whose memory it is",
        test_memory_of_one_reaches_no_other,
        "agents_app.memory.recall:_facts",
        "place__in=reader.places, user_key=reader.user",
        "forgotten_at=None",
    ),
    mutant(
        "everybody sees every fact",
        test_people_see_their_own_memory_alone,
        "agents_app.selectors.memory:_visible",
        "if may_view_memory(user):",
        "if user.is_active:",
    ),
    mutant(
        "the user sees what the staff keeps to itself",
        test_people_see_their_own_memory_alone,
        "agents_app.selectors.memory:_visible",
        ".exclude(visibility=Visibility.STAFF)",
        "",
    ),
    mutant(
        "an LLM supersedes what staff wrote",
        test_no_llm_overrules_staff,
        "agents_app.memory.facts:refuse_to_change",
        "if trusted(row.origin) and not trusted(author.origin):",
        "if False:",
    ),
    mutant(
        "an LLM gives what staff wrote an end",
        test_no_llm_ends_what_staff_have_written,
        "agents_app.memory.facts:_confirmed",
        "if trusted(new.origin) or not trusted(same.origin):",
        "if True:",
    ),
    mutant(
        "an LLM adds to what staff know of somebody",
        test_no_llm_speaks_in_the_name_of_staff,
        "agents_app.memory.entities:_added_to",
        "if not trusted(row.origin) or trusted(author.origin):",
        "if True:",
    ),
    mutant(
        "the version of a working memory is not compared",
        test_nothing_is_overwritten_unseen,
        "agents_app.memory.working:update",
        "!= version:",
        "is None:",
    ),
]
