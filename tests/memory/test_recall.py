"""Recall by recency, by key and by meaning, and whose memory it never reaches."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from agents_app import Memory
from agents_app.core.events import EVENTS
from agents_app.core.memory import MemoryOrigin, Owner, Visibility
from agents_app.definitions.briefing import Question
from agents_app.memory import entities, facts
from agents_app.memory.facts_briefing import brief
from agents_app.memory.history import Author
from agents_app.memory.recall import Reader, recall
from agents_app.models import AgentSession, Fact, clock
from tests import office

pytestmark = pytest.mark.django_db

LLM = Author(origin=MemoryOrigin.LLM, agent="clerk")
ANN = Reader(user="7", session=None, agent="clerk")


SEVEN = Owner(user="7")


def keep(text: str, owner: Owner = SEVEN, author: Author = LLM, **options: Any) -> Fact:
    return facts.remember(owner, text, author=author, **options).row


def texts(found: Any) -> list[str]:
    return [each.fact.text for each in found.facts]


def test_the_newest_first() -> None:
    keep("One.")
    with clock.moved(timedelta(hours=1)):
        keep("Two.")
    with clock.moved(timedelta(hours=2)):
        keep("One.")  # confirmed
        found = recall(ANN)
        assert (texts(found), found.by) == (["One.", "Two."], "recency")
        assert texts(recall(ANN, limit=1)) == ["One."]


def test_by_key() -> None:
    keep("Likes tea.", key="drink")
    keep("Likes bread.", key="food")
    found = recall(ANN, key="food")
    assert (texts(found), found.by) == (["Likes bread."], "key")


def test_by_words_where_there_is_no_embedder() -> None:
    keep("Wants invoices sent by e-mail.")
    keep("Has a red bicycle.")
    found = recall(ANN, "How should I send the invoice to her?")
    assert texts(found) == ["Wants invoices sent by e-mail."]
    assert found.by == "words"
    assert texts(recall(ANN, "quantum chromodynamics")) == []
    assert texts(recall(ANN, "emails")) == ["Wants invoices sent by e-mail."]


class Colours:
    """Knows what is red and what is blue."""

    asked: ClassVar[list[list[str]]] = []
    down = False

    def embed(self, texts: Sequence[str], *, kind: str) -> list[list[float]]:
        if self.down:
            raise OSError("no answer")
        self.asked.append(list(texts))
        return [[float("rose" in text or "red" in text) + 0.01, float("sky" in text) + 0.01] for text in texts]


class Greys(Colours):
    """Has changed its dimension."""

    def embed(self, texts: Sequence[str], *, kind: str) -> list[list[float]]:
        return [[*vector, 0.5] for vector in super().embed(texts, kind=kind)]


class Down(Colours):
    down = True


def embedder(settings: Any, kind: type[Colours]) -> None:
    Colours.asked.clear()
    settings.AGENTS_APP = {**settings.AGENTS_APP, "EMBEDDER": f"{__name__}.{kind.__name__}"}


def test_by_vectors_which_are_kept(settings: Any) -> None:
    embedder(settings, Colours)
    keep("Looks at the sky.")
    keep("Grows a rose.")
    found = recall(ANN, "something red")
    assert (texts(found)[0], found.by) == ("Grows a rose.", "vectors")
    assert (found.facts[0].score or 0) > 0.99
    recall(ANN, "the sky")
    assert [len(asked) for asked in Colours.asked] == [1, 2, 1], "each fact is embedded once"
    embedder(settings, Greys)
    recall(ANN, "the sky")
    assert [len(asked) for asked in Colours.asked] == [1, 2], "and anew by another embedder"
    facts.forget(found.facts[0].fact, LLM)
    assert Fact.objects.get(pk=found.facts[0].fact.pk).vector is None


def test_an_embedder_that_is_down_takes_nothing_with_it(settings: Any, caplog: Any) -> None:
    embedder(settings, Down)
    keep("Grows a rose.")
    found = recall(ANN, "rose")
    assert (texts(found), found.by, found.error) == (["Grows a rose."], "words", "connection")
    assert "failed" in caplog.text
    question = Question(
        run_id=uuid4(), agent="clerk", user_id=ANN.user, session_id=None, input="rose", memory=Memory(facts=True)
    )
    said = brief(question)
    assert "Grows a rose." in said.sections[0].text
    [told] = said.told
    assert (told.type, told.payload) == ("memory.updated", {"what": "embedder", "where": "user", "error": "connection"})
    EVENTS[told.type].payload(**told.payload)
    embedder(settings, Colours)
    assert brief(question).told == ()


def test_an_embedder_that_changes_its_dimension(settings: Any) -> None:
    embedder(settings, Colours)
    row = keep("Grows a rose.")
    Fact.objects.filter(pk=row.pk).update(vector=b"\x00" * 12, embedder=f"{__name__}.Colours")
    assert texts(recall(ANN, "red")) == ["Grows a rose."]
    assert len(Fact.objects.get().vector or b"") == 8


def test_entities_by_name_and_alias() -> None:
    entities.remember_entity(Owner(user="7"), "company", "Acme Inc.", aliases=["the factory"], author=LLM)
    entities.remember_entity(Owner(user="7"), "dog", "Rex", author=LLM)
    assert [entity.name for entity in recall(ANN, "What does the factory make?").entities] == ["Acme Inc."]
    assert {entity.name for entity in recall(ANN).entities} == {"Acme Inc.", "Rex"}


def test_memory_never_reaches_others() -> None:
    """The boundary: every kind of owner remembers something, and every kind of reader asks in every way."""
    ann, ben = office.person("ann"), office.person("ben")
    sessions = {
        "ann": AgentSession.objects.create(key="a", agent="clerk", user=ann),
        "ann2": AgentSession.objects.create(key="b", agent="clerk", user=ann),
        "ben": AgentSession.objects.create(key="a", agent="clerk", user=ben),
        "nobody": AgentSession.objects.create(key="a", agent="clerk"),
    }
    a, b = str(ann.pk), str(ben.pk)
    owners = {
        "ann": Owner(user=a),
        "ann in session": Owner(user=a, session=sessions["ann"].pk),
        "ann in another session": Owner(user=a, session=sessions["ann2"].pk),
        "ben": Owner(user=b),
        "ben in session": Owner(user=b, session=sessions["ben"].pk),
        "nobody in session": Owner(session=sessions["nobody"].pk),
    }
    other = Author(origin=MemoryOrigin.LLM, agent="other")
    for name, owner in owners.items():
        keep(f"Secret of {name}.", owner=owner, key="secret")
        keep(f"Secret of {name} and clerk.", owner=owner, key="secret", visibility=Visibility.AGENT)
        keep(f"Secret of {name} and other.", owner=owner, author=other, visibility=Visibility.AGENT)
        keep(f"Secret of {name} for staff.", owner=owner, visibility=Visibility.STAFF)
        entities.remember_entity(owner, "secret", f"Secret of {name}.", author=LLM)
    readers = {
        ("ann",): Reader(user=a, session=None, agent="clerk"),
        ("ann", "ann in session"): Reader(user=a, session=sessions["ann"].pk, agent="clerk"),
        ("ann", "ann in another session"): Reader(user=a, session=sessions["ann2"].pk, agent="clerk"),
        ("ben", "ben in session"): Reader(user=b, session=sessions["ben"].pk, agent="clerk"),
        ("nobody in session",): Reader(user="", session=sessions["nobody"].pk, agent="clerk"),
        (): Reader(user="", session=None, agent="clerk"),
    }
    for names, reader in readers.items():
        expected = {f"Secret of {name}{end}" for name in names for end in (".", " and clerk.")}
        assert set(texts(recall(reader, limit=100))) == expected
        assert set(texts(recall(reader, "secret", limit=100))) == expected
        assert set(texts(recall(reader, key="secret", limit=100))) == expected
        assert {entity.name for entity in recall(reader).entities} == {f"Secret of {name}." for name in names}


def test_a_session_that_lost_its_user_has_lost_its_memory() -> None:
    """The account was deleted, and somebody else without one uses the session's key."""
    ann = office.person("ann")
    session = AgentSession.objects.create(key="a", agent="clerk", user=ann)
    keep("Secret.", owner=Owner(user=str(ann.pk), session=session.pk))
    assert texts(recall(Reader(user=str(ann.pk), session=session.pk, agent="clerk"))) == ["Secret."]
    assert texts(recall(Reader(user="", session=session.pk, agent="clerk"))) == []
