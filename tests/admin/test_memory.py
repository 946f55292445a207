"""The pages where people see, correct and delete what agents remember."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from agents_app import services
from agents_app.core.memory import MemoryOrigin, Owner, Visibility
from agents_app.memory import entities, facts, working
from agents_app.memory.history import Author
from agents_app.models import AgentSession, Entity, Fact, WorkingMemory, database_now
from tests import office

pytestmark = pytest.mark.django_db
LLM = Author(origin=MemoryOrigin.LLM, agent="clerk", step=2)
STAFF = Author(origin=MemoryOrigin.PERSON, by_key="1", by_name="olga")
ADMIN = "/admin/agents_app"


def staff(client: Client, *permissions: str) -> Any:
    olga = office.person("olga", *permissions)
    olga.is_staff = True
    olga.save()
    client.force_login(olga)
    return olga


@pytest.fixture
def olga(client: Client) -> Any:
    return staff(client, "agents_app.view_memory", "agents_app.change_memory", "agents_app.view_agentsession")


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_facts_are_listed_corrected_and_forgotten(client: Client, olga: Any) -> None:
    row = facts.remember(Owner(user="7000007"), "Likes <b>tea</b>.", key="drink", author=LLM, user_name="ann").row
    listed = text_of(client.get(f"{ADMIN}/fact/?q=ann"))
    assert "Likes &lt;b&gt;tea&lt;/b&gt;." in listed
    assert "untrusted" in listed
    page = text_of(client.get(f"{ADMIN}/fact/{row.pk}/change/"))
    assert "step 2 of a run of clerk" in page or "clerk" in page
    answer = client.post(f"{ADMIN}/fact/{row.pk}/correct/", {"text": "Likes milk.", "key": "drink", "reason": "asked"})
    new = Fact.objects.get(text="Likes milk.")
    assert answer.status_code == 302
    assert answer["Location"].endswith(f"{new.pk}/change/")
    page = text_of(client.get(f"{ADMIN}/fact/{new.pk}/change/"))
    assert "corrected" in page
    assert "asked" in page
    assert "untrusted" not in page
    assert "a newer fact" in text_of(client.get(f"{ADMIN}/fact/{row.pk}/change/"))
    assert client.post(f"{ADMIN}/fact/{new.pk}/correct/", {"text": "", "key": ""}).status_code == 400
    client.post(f"{ADMIN}/fact/{new.pk}/forget/", {"reason": "asked"})
    assert not Fact.objects.live().exists()
    assert "/forget/" not in text_of(client.get(f"{ADMIN}/fact/{new.pk}/change/"))


def test_who_sees_a_fact_and_until_when_is_changed(client: Client, olga: Any) -> None:
    """What is not touched stays to the last microsecond."""
    end = database_now() + timedelta(days=3, microseconds=123)
    row = facts.remember(Owner(user="7000007"), "Likes tea.", author=LLM, valid_until=end).row
    page = text_of(client.get(f"{ADMIN}/fact/{row.pk}/change/"))
    shown = timezone.localtime(end).strftime("%Y-%m-%dT%H:%M:%S")
    assert f'value="{shown}"' in page
    given = {"text": "Likes tea.", "key": "", "visibility": "staff", "valid_until": shown, "reason": "private"}
    assert client.post(f"{ADMIN}/fact/{row.pk}/correct/", given).status_code == 302
    new = Fact.objects.live().get()
    assert (new.visibility, new.valid_until) == ("staff", end)
    assert "staff alone, and no LLM" in text_of(client.get(f"{ADMIN}/fact/{new.pk}/change/"))
    assert client.post(f"{ADMIN}/fact/{new.pk}/correct/", {**given, "valid_until": ""}).status_code == 302
    assert Fact.objects.live().get().valid_until is None
    last = Fact.objects.live().get()
    assert client.post(f"{ADMIN}/fact/{last.pk}/correct/", {**given, "valid_until": "x"}).status_code == 400


def test_entities_are_corrected_and_merged(client: Client, olga: Any) -> None:
    one, two = (
        entities.remember_entity(Owner(user="7000007"), "dog", name, author=LLM).row for name in ("Rex", "Old Rex")
    )
    page = text_of(client.get(f"{ADMIN}/entity/{one.pk}/change/"))
    assert '<option value="">–</option><option value' in page, "nobody is chosen until somebody chooses"
    assert "That one stays" in page
    client.post(f"{ADMIN}/entity/{two.pk}/merge/", {"into": ""})
    assert Entity.objects.live().count() == 2
    client.post(f"{ADMIN}/entity/{two.pk}/merge/", {"into": str(one.pk)})
    assert Entity.objects.live().get().aliases == ["Old Rex"]
    given = {"type": "dog", "name": "Rexy", "attributes": '{"age": 3}', "aliases": "Rex\nThe dog"}
    client.post(f"{ADMIN}/entity/{one.pk}/correct/", given)
    now = Entity.objects.live().get()
    assert (now.name, now.attributes, now.aliases) == ("Rexy", {"age": 3}, ["Rex", "The dog"])
    assert "Rexy" in text_of(client.get(f"{ADMIN}/entity/"))
    client.post(f"{ADMIN}/entity/{one.pk}/forget/")
    assert not Entity.objects.live().exists()


def test_a_working_memory_that_changed_meanwhile_is_not_overwritten(client: Client, olga: Any) -> None:
    session = AgentSession.objects.create(key="table 5", agent="clerk", user=office.person("ann"))
    working.update(session, {"a": 1}, 0, author=LLM)
    assert "table 5" in text_of(client.get(f"{ADMIN}/workingmemory/"))
    page = text_of(client.get(f"{ADMIN}/workingmemory/{session.pk}/change/"))
    assert 'name="version" value="1"' in page
    raw = client.get(f"{ADMIN}/workingmemory/{session.pk}/change/").content.decode()
    assert raw.count("{\n &quot;a&quot;: 1\n}") >= 2, "a member in each line, shown and to be edited"
    working.update(session, {"b": 2}, 1, author=LLM)
    stale = client.post(f"{ADMIN}/workingmemory/{session.pk}/correct/", {"changes": '{"c": 3}', "version": "1"})
    assert stale.status_code == 400
    assert WorkingMemory.objects.get().document == {"a": 1, "b": 2}
    client.post(f"{ADMIN}/workingmemory/{session.pk}/correct/", {"changes": '{"c": 3}', "version": "2"})
    assert WorkingMemory.objects.get().document == {"c": 3}
    client.post(f"{ADMIN}/workingmemory/{session.pk}/forget/")
    assert WorkingMemory.objects.get().document == {}


def test_who_may(client: Client) -> None:
    row = facts.remember(Owner(user="7000007"), "Likes tea.", author=LLM).row
    staff(client, "agents_app.view_agentcontext")
    assert client.get(f"{ADMIN}/fact/").status_code == 403
    assert client.get(f"{ADMIN}/fact/{row.pk}/change/").status_code in (403, 404)
    client.post(f"{ADMIN}/fact/{row.pk}/forget/")
    assert Fact.objects.live().exists()


def test_lists_are_filtered_by_what_people_read(client: Client, olga: Any) -> None:
    facts.remember(Owner(user="7000007"), "Likes tea.", author=LLM)
    facts.remember(Owner(user="7000007"), "Likes ale.", author=STAFF, visibility=Visibility.STAFF)
    page = text_of(client.get(f"{ADMIN}/fact/"))
    assert '<a href="?origin=llm">an LLM</a>' in page
    assert '<a href="?visibility=staff">staff alone, and no LLM</a>' in page
    for query, shown, left_out in (("origin=llm", "tea", "ale"), ("visibility=staff", "ale", "tea")):
        page = text_of(client.get(f"{ADMIN}/fact/?{query}"))
        assert f"Likes {shown}." in page
        assert f"Likes {left_out}." not in page


def test_who_may_only_look(client: Client) -> None:
    row = facts.remember(Owner(user="7000007"), "Likes tea.", author=LLM).row
    staff(client, "agents_app.view_memory")
    page = text_of(client.get(f"{ADMIN}/fact/{row.pk}/change/"))
    assert "Likes tea." in page
    assert "/correct/" not in page
    assert client.post(f"{ADMIN}/fact/{row.pk}/correct/", {"text": "x"}).status_code == 403
    client.post(f"{ADMIN}/fact/{row.pk}/forget/")
    assert Fact.objects.live().exists()


def test_all_that_is_kept_of_a_person_is_exported_as_the_command_does(client: Client) -> None:
    ann = office.person("ann")
    row = facts.remember(Owner(user=str(ann.pk)), "Likes tea.", author=LLM, user_name="ann").row
    page = f"{ADMIN}/fact/export/"
    olga = staff(client, *(f"agents_app.{name}" for name in ("view_memory", "view_transcript", "view_agentcontext")))
    assert page in text_of(client.get(f"{ADMIN}/fact/"))
    assert page in text_of(client.get(f"{ADMIN}/entity/"))
    assert page in text_of(client.get(f"{ADMIN}/archivedrun/"))
    assert f"{page}?username=ann" in text_of(client.get(f"{ADMIN}/fact/{row.pk}/change/"))
    assert 'value="ann"' in text_of(client.get(f"{page}?username=ann"))
    assert client.post(page, {"username": "nobody"}).status_code == 400
    answer: Any = client.post(page, {"username": "ann", "archives": "on"})
    assert answer["Content-Disposition"] == 'attachment; filename="memory.json"'
    given = json.loads(b"".join(answer.streaming_content))
    made = json.loads("".join(services.export_memory("ann", by=olga)))
    for each in (given, made):
        each.pop("exported_at")
    assert given == made
    assert [fact["text"] for fact in given["facts"]] == ["Likes tea."]


def test_an_export_takes_both_permissions(client: Client) -> None:
    facts.remember(Owner(user="7000007"), "Likes tea.", author=LLM, user_name="ann")
    staff(client, "agents_app.view_memory")
    assert "/fact/export/" not in text_of(client.get(f"{ADMIN}/fact/"))
    for answer in (client.get(f"{ADMIN}/fact/export/"), client.post(f"{ADMIN}/fact/export/", {"username": "olga"})):
        assert answer.status_code == 403
