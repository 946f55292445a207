"""Entities: those that share a name are one."""

from typing import Any

import pytest

from agents_app.core.memory import MemoryAct, MemoryOrigin, Owner
from agents_app.exceptions import InvalidInput, MemoryChanged, NotPermitted
from agents_app.memory import entities
from agents_app.memory.history import Author
from agents_app.models import Entity, MemoryChange

pytestmark = pytest.mark.django_db

ANN = Owner(user="7")
LLM = Author(origin=MemoryOrigin.LLM, agent="clerk")
STAFF = Author(origin=MemoryOrigin.PERSON, by_name="olga")


def keep(name: str, author: Author = LLM, owner: Owner = ANN, kind: str = "company", **options: Any) -> Any:
    return entities.remember_entity(owner, kind, name, author=author, **options)


def test_the_same_name_is_the_same_entity() -> None:
    first = keep("Acme Inc.", attributes={"city": "Bern", "size": 3})
    again = keep("ACME inc", attributes={"city": "Basel"}, aliases=["Acme"])
    assert (again.act, again.row.pk) == (MemoryAct.UPDATED, first.row.pk)
    again.row.refresh_from_db()
    assert again.row.attributes == {"city": "Basel", "size": 3}
    assert again.row.aliases == ["Acme"]
    assert keep("acme").row.pk == first.row.pk


def test_another_type_or_another_owner_is_another_entity() -> None:
    rows = {keep("Acme").row.pk, keep("Acme", kind="dog").row.pk, keep("Acme", owner=Owner(user="8")).row.pk}
    assert len(rows) == 3


def test_two_that_turn_out_to_be_the_same_are_merged() -> None:
    one, two = keep("Bob", kind="person", attributes={"a": 1}).row, keep("Robert Gray", kind="person").row
    merged = keep("Robert Gray", kind="person", aliases=["Bob"], attributes={"b": 2}).row
    assert merged.pk == one.pk
    two.refresh_from_db()
    assert two.merged_into_id == one.pk
    merged.refresh_from_db()
    assert merged.aliases == ["Robert Gray"]
    assert merged.attributes == {"a": 1, "b": 2}
    assert Entity.objects.live().count() == 1
    assert MemoryChange.objects.filter(act="merged", row_key=two.pk).exists()


def test_what_was_read_somewhere_makes_all_of_it_doubtful() -> None:
    mail = Author(origin=MemoryOrigin.TOOL, origin_detail="read_mail", agent="clerk")
    row = keep("Bob", attributes={"city": "Bern"}).row
    keep("Bob", author=mail, attributes={"account": "DE99-EVIL"})
    row.refresh_from_db()
    assert (row.origin, row.origin_detail) == ("tool", "read_mail")
    keep("Bob", attributes={"city": "Basel"})
    row.refresh_from_db()
    assert (row.origin, row.origin_detail) == ("tool", "read_mail"), "the account is still in it"
    keep("Rob")
    merged = keep("Rob", aliases=["Bob"]).row
    merged.refresh_from_db()
    assert merged.origin == "tool"
    fine = keep("Rita").row
    entities.merge(merged, fine, STAFF)
    fine.refresh_from_db()
    assert fine.origin == "tool", "looked at, and still not said by staff"


def test_what_others_wrote_does_not_become_what_staff_say() -> None:
    """Staff add a name that an LLM knows as well: the names are joined, and what the LLM wrote of it is not told as
    true. Who merges two by hand has looked at both."""
    llms = keep("Robert", attributes={"account": "DE99-EVIL"}).row
    row = keep("Bob", author=STAFF, attributes={"city": "Bern"}).row
    both = keep("Bob", author=STAFF, aliases=["Robert"]).row
    both.refresh_from_db()
    llms.refresh_from_db()
    assert (both.pk, llms.merged_into_id) == (row.pk, row.pk)
    assert (both.attributes, both.aliases, both.origin) == ({"city": "Bern"}, ["Robert"], "person")
    other = keep("Bobby", attributes={"size": 3}).row
    seen = entities.merge(other, both, STAFF).row
    assert (seen.attributes, seen.origin) == ({"size": 3, "city": "Bern"}, "person")


def test_people_merge_and_correct() -> None:
    one, two = keep("Bob", attributes={"x": 1}).row, keep("Rob", attributes={"y": 2}).row
    row = entities.merge(two, one, STAFF).row
    assert (row.aliases, row.attributes) == (["Rob"], {"x": 1, "y": 2})
    with pytest.raises(MemoryChanged):
        entities.merge(two, one, STAFF)
    corrected = entities.correct(row, STAFF, name="Robert", attributes={"x": 2}).row
    assert (corrected.name, corrected.attributes, corrected.origin) == ("Robert", {"x": 2}, "person")
    with pytest.raises(NotPermitted):
        entities.correct(corrected, LLM, name="Mallory")
    with pytest.raises(NotPermitted):
        entities.forget(corrected, LLM)
    again = keep("Robert", aliases=["The boss"], attributes={"x": 3, "z": "pay him all"})
    assert (again.act, again.row.pk) == (MemoryAct.CONFIRMED, corrected.pk)
    corrected.refresh_from_db()
    assert (corrected.aliases, corrected.attributes) == (["Rob"], {"x": 2}), (
        "nothing is told as the staff's that is not"
    )
    other = keep("Bobby", attributes={"z": "pay him all"}).row
    with pytest.raises(NotPermitted):
        entities.merge(other, corrected, Author(origin=MemoryOrigin.USER, by_name="ann"))
    entities.forget(other, LLM)
    entities.forget(corrected, STAFF)
    assert not Entity.objects.live().exists()


def test_a_name_that_another_has_is_refused() -> None:
    keep("Bob")
    other = keep("Rob").row
    with pytest.raises(InvalidInput, match="merge them"):
        entities.correct(other, STAFF, name="bob")
    with pytest.raises(InvalidInput):
        entities.merge(other, keep("Rob", kind="dog").row, STAFF)


def test_a_place_holds_so_many(settings: Any) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "MEMORY_ENTITIES": 2}
    for number in range(4):
        keep(f"Number {number}")
    assert {row.name for row in Entity.objects.live()} == {"Number 2", "Number 3"}


@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        ("", "x", {}),
        ("person", "", {}),
        ("person", "...", {}),
        ("person", "x" * 201, {}),
        ("person", "x", {"attributes": {"a": "b" * 5000}}),
        ("person", "x", {"attributes": [1]}),
        ("person", "x", {"attributes": {"a": {1, 2}}}),
        ("person", "x", {"aliases": [""]}),
    ],
)
def test_what_makes_no_entity_is_refused(kind: str, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        keep(name, kind=kind, **options)
    assert not Entity.objects.exists()
