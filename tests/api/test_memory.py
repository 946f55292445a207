"""What agents remember, over REST: adding, correcting, merging, forgetting, and the history of each."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from rest_framework.test import APIClient

from agents_app import Agent, Memory
from agents_app.core.memory import MemoryOrigin, Owner
from agents_app.definitions.registry import registry
from agents_app.memory import entities, facts, working
from agents_app.memory.history import Author
from agents_app.models import AgentSession, Entity, Fact

pytestmark = pytest.mark.django_db

Clients = Callable[[str], APIClient]
LLM = Author(origin=MemoryOrigin.LLM, agent="clerk", step=2)
FACTS = "/api/memory/facts/"
ENTITIES = "/api/memory/entities/"


def sent(client: APIClient, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = client.post(path, body, format="json")
    assert answer.status_code == status, answer.content
    given: dict[str, Any] = answer.json()
    return given


def names(answer: Any, name: str) -> list[Any]:
    return [row[name] for row in answer.json()["results"]]


def test_a_fact_is_added_corrected_and_forgotten_and_each_change_is_told(client_of: Clients) -> None:
    ann = client_of("customer")
    made = sent(ann, FACTS, {"text": "Prefers e-mail.", "key": "Contact channel", "confidence": 0.8}, 201)
    assert (made["user"], made["key"], made["origin"], made["trusted"]) == (
        "customer",
        "contact_channel",
        "user",
        False,
    )
    until = {"valid_until": "2100-01-01T00:00:00Z"}
    right = sent(ann, f"{FACTS}{made['id']}/correct/", {"text": "Prefers to be called.", "reason": "phone", **until})
    assert (right["text"], right["key"], right["confidence"]) == ("Prefers to be called.", "contact_channel", 0.8)
    assert right["valid_until"].startswith("2100")
    ever = sent(ann, f"{FACTS}{right['id']}/correct/", {"valid_until": None})
    assert (ever["text"], ever["valid_until"]) == ("Prefers to be called.", None)
    assert sent(ann, f"{FACTS}{made['id']}/correct/", {"text": "x"}, 409)["error"]["code"] == "memory_changed"
    told = ann.get(f"{FACTS}{right['id']}/history/")
    assert names(told, "act") == ["superseded", "corrected"]
    assert names(told, "reason") == ["", "phone"]
    assert told.json()["results"][1]["before"]["text"] == "Prefers e-mail."
    assert sent(ann, f"{FACTS}{ever['id']}/forget/", {"reason": "asked"})["state"] == "forgotten"
    assert names(ann.get(f"{FACTS}?counts=true"), "id") == []
    assert len(names(ann.get(FACTS), "id")) == 3


def test_of_others_it_takes_the_permission(client_of: Clients, people: Any) -> None:
    of_ann = {"text": "Is a reseller.", "user": "customer"}
    assert sent(client_of("stranger"), FACTS, of_ann, 403)["error"]["code"] == "not_permitted"
    made = sent(client_of("admin"), FACTS, {**of_ann, "key": "kind"}, 201)
    assert (made["user"], made["origin"], made["trusted"], made["by"]) == ("customer", "person", True, "admin")
    for verb, body in (("correct", {"text": "Is the owner."}), ("forget", {})):
        refused = sent(client_of("customer"), f"{FACTS}{made['id']}/{verb}/", body, 403)
        assert refused["error"]["code"] == "written_by_person"
    staffs = sent(client_of("admin"), FACTS, {"text": "Pays late.", "user": "customer", "visibility": "staff"}, 201)
    assert client_of("customer").get(f"{FACTS}{staffs['id']}/").status_code == 404
    own = sent(client_of("customer"), FACTS, {"text": "Has two cats."}, 201)
    assert sent(client_of("customer"), f"{FACTS}{own['id']}/correct/", {"visibility": "staff"}, 403)
    assert names(client_of("admin").get(f"{FACTS}?user=customer&origin=user"), "id") == [own["id"]]
    assert names(client_of("admin").get(f"{FACTS}?user=nobody"), "id") == []
    assert names(client_of("admin").get(f"{FACTS}?key=kind"), "id") == [made["id"]]
    assert client_of("admin").get(f"{FACTS}?origin=x").status_code == 400


def test_an_entity_is_added_and_gets_what_is_new(client_of: Clients, people: Any) -> None:
    ann = client_of("customer")
    rex = {"type": "Dog", "name": "Rex", "attributes": {"age": 4}, "aliases": ["Old Rex"]}
    made = sent(ann, ENTITIES, rex, 201)
    assert (made["user"], made["type"], made["name"], made["origin"]) == ("customer", "dog", "Rex", "user")
    assert (made["attributes"], made["aliases"], made["trusted"]) == ({"age": 4}, ["Old Rex"], False)
    again = sent(ann, ENTITIES, {"type": "dog", "name": "old rex", "attributes": {"colour": "red"}}, 201)
    assert (again["id"], again["attributes"]) == (made["id"], {"age": 4, "colour": "red"})
    assert names(ann.get(f"{ENTITIES}{made['id']}/history/"), "act") == ["updated", "added"]
    of_ann = {"type": "company", "name": "Lamps Ltd", "user": "customer"}
    assert sent(client_of("stranger"), ENTITIES, of_ann, 403)["error"]["code"] == "not_permitted"
    assert sent(ann, ENTITIES, {**of_ann, "visibility": "staff"}, 403)
    theirs = sent(client_of("admin"), ENTITIES, {**of_ann, "attributes": {"vat": "DE1"}}, 201)
    assert (theirs["user"], theirs["origin"], theirs["trusted"], theirs["by"]) == ("customer", "person", True, "admin")
    # What the user says of it changes nothing of what staff have said.
    same = sent(ann, ENTITIES, {**of_ann, "attributes": {"vat": "DE2"}}, 201)
    assert (same["id"], same["attributes"]) == (theirs["id"], {"vat": "DE1"})
    staffs = sent(client_of("admin"), ENTITIES, {**of_ann, "name": "Late payers", "visibility": "staff"}, 201)
    assert ann.get(f"{ENTITIES}{staffs['id']}/").status_code == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "Rex"}, "type"),
        ({"type": "dog"}, "name"),
        ({"type": " ", "name": "Rex"}, "type"),
        ({"type": "dog", "name": "x" * 201}, "name"),
        ({"type": "dog", "name": " "}, "name"),
        ({"type": "dog", "name": "Rex", "attributes": []}, "attributes"),
        ({"type": "dog", "name": "Rex", "attributes": {"x": "y" * 20_000}}, "attributes"),
        ({"type": "dog", "name": "Rex", "aliases": ["x"] * 100}, "aliases"),
        ({"type": "dog", "name": "Rex", "aliases": [" "]}, "name"),
        ({"type": "dog", "name": "Rex", "visibility": "agent"}, "agent"),
        ({"type": "dog", "name": "Rex", "user": "nobody-of-this-name"}, "nobody-of-this-name"),
        ({"type": "dog", "name": "Rex", "user": "customer", "session": "0" * 32}, "not both"),
    ],
)
def test_an_entity_that_cannot_be_is_refused(body: dict[str, Any], said: str, client_of: Clients) -> None:
    answer = sent(client_of("customer"), ENTITIES, body, 400)
    assert answer["error"]["code"] in ("invalid_input", "too_long", "unknown_user")
    assert said in str(answer)
    assert not Entity.objects.exists()


def test_what_was_for_the_staff_alone_stays_so_in_the_history(client_of: Clients, people: Any) -> None:
    admin = client_of("admin")
    noted = sent(admin, FACTS, {"text": "Pays late.", "user": "customer", "visibility": "staff"}, 201)
    shown = sent(admin, f"{FACTS}{noted['id']}/correct/", {"text": "Pays by invoice.", "visibility": "user"})
    path = f"{FACTS}{shown['id']}/history/"
    assert names(admin.get(path), "before")[0]["text"] == "Pays late."
    assert names(client_of("customer").get(path), "before") == [None]
    assert "Pays late." not in b"".join(client_of("customer").get("/api/memory/export/")).decode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": " "}, ""),
        ({"text": "x" * 1001}, "text"),
        ({"text": "x", "confidence": 1.5}, "confidence"),
        ({"text": "x", "visibility": "all"}, "visibility"),
        ({"text": "x", "visibility": "agent"}, ""),
        ({"text": "x", "valid_until": "2001-01-01T00:00:00Z"}, "over"),
        ({"text": "x", "valid_from": "2100-02-01T00:00:00Z", "valid_until": "2100-01-01T00:00:00Z"}, "after"),
        ({"text": "x", "valid_until": "2100-01-01"}, "valid_until"),
        ({"text": "x", "user": "nobody-of-this-name"}, "nobody-of-this-name"),
        ({"text": "x", "colour": "red"}, "colour"),
    ],
)
def test_a_fact_that_cannot_be_is_refused_by_what_is_wrong(body: dict[str, Any], said: str, client_of: Clients) -> None:
    answer = sent(client_of("customer"), FACTS, body, 400)
    assert answer["error"]["code"] in ("invalid_input", "too_long", "unknown_user")
    assert said in str(answer)
    assert not Fact.objects.exists()


def test_a_fact_of_a_session(client_of: Clients, run_of: Any) -> None:
    run = run_of("answer", session="mail-1")
    session = str(AgentSession.objects.get().pk)
    made = sent(client_of("customer"), FACTS, {"text": "Asks about A-1.", "session": session}, 201)
    assert made["session"] == session
    assert sent(client_of("stranger"), FACTS, {"text": "x", "session": session}, 404)
    both = {"text": "x", "session": session, "user": "customer"}
    assert "not both" in sent(client_of("customer"), FACTS, both, 400)["error"]["message"]
    assert names(client_of("customer").get(f"{FACTS}?session={session}"), "id") == [made["id"]]
    assert run.id


def test_entities_are_corrected_merged_and_forgotten(client_of: Clients, people: Any) -> None:
    owner = Owner(user=str(people["customer"].pk))
    one, two = (
        str(entities.remember_entity(owner, "dog", name, author=LLM, attributes={name[:1]: 1}).row.pk)
        for name in ("Rex", "Max")
    )
    ann = client_of("customer")
    right = sent(ann, f"{ENTITIES}{one}/correct/", {"attributes": {"age": 4}, "aliases": ["Old Rex"], "reason": "r"})
    assert (right["name"], right["attributes"], right["aliases"]) == ("Rex", {"age": 4}, ["Old Rex"])
    assert (
        "at most 4000"
        in sent(ann, f"{ENTITIES}{one}/correct/", {"attributes": {"a": "x" * 5000}}, 400)["error"]["message"]
    )
    assert sent(ann, f"{ENTITIES}{one}/correct/", {"name": "Max"}, 400)["error"]["code"] == "same_name"
    assert sent(ann, f"{ENTITIES}{one}/merge/", {"into": one}, 400)
    merged = sent(ann, f"{ENTITIES}{two}/merge/", {"into": one})
    assert (merged["id"], merged["aliases"], merged["attributes"]) == (one, ["Old Rex", "Max"], {"age": 4, "M": 1})
    assert ann.get(f"{ENTITIES}{two}/").json()["merged_into"] == one
    assert names(ann.get(f"{ENTITIES}?counts=true&type=dog"), "id") == [one]
    assert names(ann.get(f"{ENTITIES}{one}/history/"), "act") == ["updated", "corrected", "added"]
    assert sent(ann, f"{ENTITIES}{one}/forget/", {})["state"] == "forgotten"
    assert sent(ann, f"{ENTITIES}{one}/correct/", {"name": "x"}, 409)["error"]["code"] == "memory_changed"


class Basket(BaseModel):
    city: str
    items: list[str] = []


class Seller(Agent[str]):
    name = "seller"
    instructions = "Sell."
    memory = Memory(working=Basket)


def test_a_working_memory_is_written_by_the_version_that_was_read(client_of: Clients, people: Any) -> None:
    session = AgentSession.objects.create(key="table 5", agent="clerk", user=people["customer"])
    path, ann = f"/api/memory/working/{session.pk}/", client_of("customer")
    assert ann.get(path).status_code == 404
    assert sent(ann, f"{path}update/", {"document": {"city": "Bern", "tea": 1}, "version": 0})["version"] == 1
    stale = sent(ann, f"{path}update/", {"document": {"city": "Genf"}, "version": 0}, 409)["error"]
    assert stale["code"] == "memory_changed"
    assert stale["details"] == {"document": {"city": "Bern", "tea": 1}, "version": 1}
    merged = sent(ann, f"{path}update/", {"document": {"tea": None}, "version": 1, "merge": True, "reason": "no"})
    assert (merged["document"], merged["version"]) == ({"city": "Bern"}, 2)
    replaced = sent(client_of("admin"), f"{path}update/", {"document": {"tea": 2}, "version": 2})
    assert (replaced["document"], replaced["origin"]) == ({"tea": 2}, "person")
    told = ann.get(f"{path}history/")
    assert names(told, "act") == ["updated", "updated", "added"]
    assert names(told, "reason") == ["", "no", ""]
    assert names(told, "by") == ["admin", "customer", "customer"]
    assert names(ann.get("/api/memory/working/"), "session") == [str(session.pk)]
    assert sent(ann, f"{path}forget/", {})["document"] == {}
    assert (
        "16000" in sent(ann, f"{path}update/", {"document": {"a": "x" * 17_000}, "version": 4}, 400)["error"]["message"]
    )


def test_a_working_memory_of_people_must_fit_the_schema_of_the_agent(
    client_of: Clients, people: Any, desk: Any
) -> None:
    session = AgentSession.objects.create(key="table 5", agent="seller", user=people["customer"])
    path, ann = f"/api/memory/working/{session.pk}/update/", client_of("customer")
    with registry.override(Seller):
        from_rows = Author(origin=MemoryOrigin.LLM, agent="seller", step=1)
        working.update(session, {"city": "Bern"}, 0, author=from_rows)
        refused = sent(ann, path, {"document": {"items": ["tea"]}, "version": 1}, 400)["error"]
        assert "city" in refused["message"]
        sent(ann, path, {"document": {"city": "Genf", "items": ["tea"]}, "version": 1})
        # Who wrote it in between was a person; it is still the agent's.
        assert "city" in sent(ann, path, {"document": {"city": 7}, "version": 2}, 400)["error"]["message"]


def test_pages_go_on_by_a_cursor(client_of: Clients, people: Any) -> None:
    for number in range(3):
        session = AgentSession.objects.create(key=f"table {number}", agent="clerk", user=people["customer"])
        sent(client_of("customer"), f"/api/memory/working/{session.pk}/update/", {"document": {}, "version": 0})
        facts.remember(Owner(user=str(people["customer"].pk)), f"Fact {number}.", author=LLM)
    for path in ("/api/memory/working/", FACTS):
        first = client_of("customer").get(f"{path}?limit=2").json()
        rest = client_of("customer").get(first["next"]).json()
        assert (len(first["results"]), len(rest["results"]), rest["next"]) == (2, 1, None)
