"""Working memory: two that write at once, a schema, and its limits."""

import threading
from typing import Any

import pytest
from django.utils import translation
from pydantic import BaseModel

from agents_app.core.memory import MemoryOrigin
from agents_app.exceptions import InvalidInput, MemoryChanged
from agents_app.memory import working
from agents_app.memory.history import Author
from agents_app.models import AgentSession, MemoryChange, WorkingMemory
from tests import office

LLM = Author(origin=MemoryOrigin.LLM, agent="clerk")


class Trip(BaseModel):
    city: str
    nights: int = 1


@pytest.fixture
def session(db: Any) -> AgentSession:
    return AgentSession.objects.create(key="s", agent="clerk", user=office.person("ann"))


def test_changes_are_made_member_by_member(session: AgentSession) -> None:
    first = working.update(session, {"a": 1, "b": {"c": 2, "d": 3}}, 0, author=LLM).row
    assert (first.version, first.document) == (1, {"a": 1, "b": {"c": 2, "d": 3}})
    second = working.update(session, {"a": None, "b": {"c": 9}}, 1, author=LLM).row
    assert (second.version, second.document) == (2, {"b": {"c": 9, "d": 3}})
    third = working.update(session, {"z": 1}, 2, author=LLM, whole=True).row
    assert third.document == {"z": 1}
    assert [change.act for change in MemoryChange.objects.order_by("at", "pk")] == ["added", "updated", "updated"]


def test_who_comes_second_is_told_and_nothing_is_lost(session: AgentSession) -> None:
    working.update(session, {"a": 1}, 0, author=LLM)
    working.update(session, {"b": 2}, 1, author=LLM)
    with pytest.raises(working.WorkingMemoryChanged) as caught:
        working.update(session, {"a": 7}, 1, author=LLM)
    assert (caught.value.version, caught.value.document) == (2, {"a": 1, "b": 2})
    with pytest.raises(MemoryChanged):
        working.update(session, {"a": 7}, 0, author=LLM)
    assert WorkingMemory.objects.get().document == {"a": 1, "b": 2}
    assert MemoryChange.objects.count() == 2


def test_it_fits_its_schema(session: AgentSession) -> None:
    with pytest.raises(InvalidInput, match="city"):
        working.update(session, {"nights": 2}, 0, author=LLM, schema=Trip)
    working.update(session, {"city": "Bern"}, 0, author=LLM, schema=Trip)
    with pytest.raises(InvalidInput, match="nights"):
        working.update(session, {"nights": "many"}, 1, author=LLM, schema=Trip)
    assert WorkingMemory.objects.get().document == {"city": "Bern"}


def test_what_does_not_fit_is_said_in_the_readers_language_without_the_value(session: AgentSession) -> None:
    with translation.override("de"), pytest.raises(InvalidInput) as caught:
        working.update(session, {"city": "Bern", "nights": "hunter2"}, 0, author=LLM, schema=Trip)
    why = "Erwartet wird eine ganze Zahl"
    assert caught.value.details["errors"] == [{"path": ["nights"], "message": why}]
    assert caught.value.message == f"Das Arbeitsgedächtnis passt nicht zu seinem Schema: nights: {why}"


@pytest.mark.parametrize("changes", [None, [1], "x", {"a": {1}}, {"a": "x" * 17_000}])
def test_what_it_cannot_hold_is_refused(session: AgentSession, changes: Any) -> None:
    with pytest.raises(InvalidInput):
        working.update(session, changes, 0, author=LLM)
    assert not WorkingMemory.objects.exists()


def test_a_session_that_lost_its_user_has_lost_its_working_memory(session: AgentSession) -> None:
    """The account was deleted: whoever uses the session's key next reads nothing of it."""
    working.update(session, {"secret": 1}, 0, author=LLM)
    assert working.working_memory_of(session.pk, str(session.user_id)) is not None
    session.user.delete()  # type: ignore[union-attr]  # it has one
    session.refresh_from_db()
    assert working.working_memory_of(session.pk, "") is None
    row = working.update(session, {"mine": 2}, 0, author=LLM).row
    assert row.document == {"mine": 2}
    change = MemoryChange.objects.order_by("-at", "-pk").first()
    assert change is not None
    assert change.before is None


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment(request: pytest.FixtureRequest) -> None:
    """Each adds a member of its own to the version that both have read."""
    session = AgentSession.objects.create(key="s", agent="clerk", user=office.person("ann"))
    working.update(session, {"start": 0}, 0, author=LLM)
    told: list[Any] = []
    both = threading.Barrier(2)

    def write(name: str) -> None:
        both.wait(timeout=30)
        try:
            working.update(session, {name: 1}, 1, author=LLM)
        except MemoryChanged as error:
            told.append((name, error.details))

    threads = [office.thread(write, name) for name in ("a", "b")]
    for each in threads:
        each.join(timeout=60)
    row = WorkingMemory.objects.get()
    assert len(told) == 1
    lost, details = told[0]
    assert row.document == {"start": 0, "a" if lost == "b" else "b": 1}
    assert (row.version, details["version"], details["document"]) == (2, 2, row.document)
    assert MemoryChange.objects.count() == 2
