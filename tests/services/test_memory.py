"""Who may add to what agents remember, correct it, and let it be forgotten."""

from typing import Any

import pytest

from agents_app import services
from agents_app.core.memory import MemoryOrigin, Owner
from agents_app.exceptions import InvalidInput, MemoryChanged, NotFound, NotPermitted
from agents_app.memory import entities, facts
from agents_app.memory.history import Author
from agents_app.models import AgentSession, Fact, MemoryChange
from agents_app.selectors.memory import (
    fact_as_dict,
    history_of,
    visible_changes,
    visible_entities,
    visible_facts,
    visible_working_memories,
)
from tests import office

pytestmark = pytest.mark.django_db
LLM = Author(origin=MemoryOrigin.LLM, agent="clerk", step=2)


@pytest.fixture
def olga() -> Any:
    return office.person("olga", "agents_app.view_memory", "agents_app.change_memory", "agents_app.view_agentsession")


@pytest.fixture
def ann() -> Any:
    return office.person("ann")


def of(user: Any, text: str = "Prefers e-mail.", **options: Any) -> Fact:
    options = {"author": LLM, "user_name": user.get_username(), **options}
    row: Fact = facts.remember(Owner(user=str(user.pk)), text, **options).row
    return row


def test_people_add_to_their_own_memory_and_are_not_believed(ann: Any) -> None:
    row = services.remember_fact("Has two cats.", by=ann, key="pets")
    assert (row.user_key, row.user_name, row.origin, row.by_name) == (str(ann.pk), "ann", MemoryOrigin.USER, "ann")
    assert fact_as_dict(row)["trusted"] is False
    with pytest.raises(NotPermitted):
        services.remember_fact("Is rich.", by=ann, user="ben" if office.person("ben") else "")
    with pytest.raises(NotPermitted):
        services.remember_fact("Is a thief.", by=ann, visibility="staff")


def test_what_staff_write_counts_as_true(olga: Any, ann: Any) -> None:
    row = services.remember_fact("Is a reseller.", by=olga, user="ann", key="kind")
    assert (row.user_key, row.origin, row.by_name) == (str(ann.pk), MemoryOrigin.PERSON, "olga")
    assert fact_as_dict(row)["trusted"] is True
    with pytest.raises(NotPermitted):
        services.correct_fact(row.pk, by=ann, text="Is the owner.")
    with pytest.raises(NotPermitted):
        services.forget_fact(row.pk, by=ann)
    with pytest.raises(InvalidInput):
        services.remember_fact("Is a reseller.", by=olga, user="nobody-of-this-name")
    with pytest.raises(InvalidInput):
        services.remember_fact("x", by=olga, user="ann", visibility="agent")


def test_everybody_sees_and_corrects_what_is_remembered_of_them(olga: Any, ann: Any) -> None:
    ben = office.person("ben")
    row, others = of(ann), of(ben)
    notes = of(ann, "Complains often.", visibility="staff")
    assert list(visible_facts(ann)) == [row]
    assert set(visible_facts(olga)) == {row, others, notes}
    corrected = services.correct_fact(row.pk, by=ann, text="Prefers to be called.", reason="New phone.")
    assert (corrected.text, corrected.origin) == ("Prefers to be called.", MemoryOrigin.USER)
    for hidden in (others, notes):
        with pytest.raises(NotFound):
            services.correct_fact(hidden.pk, by=ann, text="x")
        with pytest.raises(NotFound):
            services.forget_fact(hidden.pk, by=ann)
    services.forget_fact(corrected.pk, by=ann)
    assert not Fact.objects.live().filter(user_key=str(ann.pk)).exclude(visibility="staff").exists()
    assert [change.act for change in history_of(corrected)] == ["forgotten", "corrected"]
    assert visible_changes(ann).count() == 0
    assert visible_changes(olga).count() == MemoryChange.objects.count() > 4


def test_nobody_without_an_account_that_works(ann: Any) -> None:
    row = of(ann)
    ann.is_active = False
    ann.save()
    assert not visible_facts(ann).exists()
    assert not visible_entities(ann).exists()
    assert not visible_working_memories(ann).exists()
    with pytest.raises(NotFound):
        services.forget_fact(row.pk, by=ann)


def test_entities(olga: Any, ann: Any) -> None:
    owner = Owner(user=str(ann.pk))
    one = entities.remember_entity(owner, "company", "Acme", author=LLM).row
    two = entities.remember_entity(owner, "company", "Acme Inc", author=LLM).row
    with pytest.raises(NotFound):
        services.merge_entities(two.pk, one.pk, by=office.person("ben"))
    merged = services.merge_entities(two.pk, one.pk, by=olga)
    assert (merged.pk, merged.aliases) == (one.pk, ["Acme Inc"])
    assert services.correct_entity(one.pk, by=ann, attributes={"city": "Bern"}).attributes == {"city": "Bern"}
    services.forget_entity(one.pk, by=ann)
    assert not visible_entities(ann).filter(forgotten_at=None, merged_into=None).exists()


def test_working_memory(olga: Any, ann: Any) -> None:
    session = AgentSession.objects.create(key="s", agent="clerk", user=ann)
    row = services.update_working_memory(session.pk, {"a": 1}, version=0, by=ann)
    assert (row.document, row.version) == ({"a": 1}, 1)
    with pytest.raises(MemoryChanged):
        services.update_working_memory(session.pk, {"a": 2}, version=0, by=olga)
    services.update_working_memory(session.pk, {"b": 2}, version=1, by=olga, whole=True)
    with pytest.raises(NotFound):
        services.update_working_memory(session.pk, {"a": 2}, version=2, by=office.person("ben"))
    assert services.forget_working_memory(session.pk, by=ann).document == {}
    only_looks = office.person("lou", "agents_app.view_memory", "agents_app.view_agentsession")
    with pytest.raises(NotPermitted):
        services.update_working_memory(session.pk, {"a": 2}, version=3, by=only_looks)
    with pytest.raises(NotPermitted):
        services.forget_working_memory(session.pk, by=only_looks)
