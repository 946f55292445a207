"""Memory and knowledge where users, groups and permissions are in another database than what is known of them.

Run by test_configurations.py; every `assert` is a part of the test.
"""

import sys
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402 - Django has to be set up first
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.auth.models import Group, Permission  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.urls import reverse  # noqa: E402

from agents_app import Agent, Knowledge, Memory  # noqa: E402
from agents_app.conf import conf  # noqa: E402
from agents_app.core.internal import EXTRACTOR  # noqa: E402
from agents_app.core.status import RunStatus  # noqa: E402
from agents_app.definitions.registry import override_llm, registry  # noqa: E402
from agents_app.knowledge import ingest  # noqa: E402
from agents_app.knowledge.indexing import read_document  # noqa: E402
from agents_app.knowledge.ingesting import make_collection  # noqa: E402
from agents_app.knowledge.models import Collection, Document  # noqa: E402
from agents_app.knowledge.search import search  # noqa: E402
from agents_app.models import AgentContext, AgentEvent, Entity, Fact, MemoryChange, WorkingMemory  # noqa: E402
from agents_app.services import (  # noqa: E402
    SYSTEM,
    correct_fact,
    erase_user,
    export_memory,
    remember_entity,
    remember_fact,
    start_run,
    update_working_memory,
)
from agents_app.testing import calls, script  # noqa: E402

SECRET = "Lamps cost us seven euros."


class Host(Agent[str]):
    """Knows its guests, and the handbook."""

    name = "host"
    memory = Memory(conversation=True, facts=True, entities=True, working=True, tools=True, extract=True)
    knowledge = Knowledge("handbook", "closed", mode="both", search="text")


def talks(user: Any, text: str, *turns: Any) -> tuple[Any, str]:
    """A run of this user, and all that its LLM was told."""
    llm = script(*turns)
    with override_llm(Host, llm):
        run = start_run(Host, text, user=user, session="s").wait(20)
    assert run.status is RunStatus.COMPLETED, run
    return run, repr([each.messages for each in llm.requests])


def shelves(group: Group) -> None:
    """A collection for everybody, and one for a group: which is in the other database."""
    make_collection("handbook", public=True)
    closed = make_collection("closed")
    other = Group.objects.create(name="others")
    closed.viewers.set([group, other])
    assert {each.name for each in closed.viewers.all()} == {"shop", "others"}
    closed.viewers.set([group])
    assert [each.name for each in closed.viewers.all()] == ["shop"], "who was taken out sees nothing any more"
    for name, text in (("handbook", "Lamps may be sent back within 30 days."), ("closed", SECRET)):
        done = ingest(name, text, key="lamps.md", hint=False)
        assert read_document(done.document.pk, seconds=60)
    assert {row.collection.name for row in Document.objects.filter(state="ready")} == {"handbook", "closed"}


def who_sees_what(ann: Any, ben: Any, boss: Any) -> None:
    """By a group, by a permission, by neither."""
    names = ["handbook", "closed"]
    for user, seen in ((ann, 2), (ben, 1), (boss, 2), (None, 1)):
        assert len(search("lamps", names, user=user, mode="text").collections) == seen, user
    _, told = talks(ann, "What do lamps cost us?", calls("search_knowledge", query="lamps"), "Seven.")
    assert SECRET in told
    run, told = talks(ben, "What do lamps cost us?", calls("search_knowledge", query="lamps"), "I cannot say.")
    assert SECRET not in told
    events = AgentEvent.objects.filter(context_id=run.id, type="retrieval.completed").values_list("data", flat=True)
    assert {tuple(each["collections"]) for each in events} == {("handbook",)}


def what_is_remembered(ann: Any, ben: Any) -> None:
    row = remember_fact("Has two cats.", by=SYSTEM, user=ann, key="pets")
    correct_fact(row.pk, by=SYSTEM, text="Has three cats.")
    remember_entity("cat", "Mila", by=SYSTEM, user=ann, aliases=["Mimi"])
    talks(ann, "Mila is ill.", calls("remember", text="Mila is ill.", key="cat"), "Poor Mila.")
    session = WorkingMemory.objects.none().model._meta.get_field("session").related_model
    first = session.objects.get(user_id=ann.pk)
    update_working_memory(first.pk, {"cat": "Mila"}, version=0, by=ann)
    _, told = talks(ann, "And now?", "We wait.")
    for known in ("Has three cats.", "Mimi", "Poor Mila.", '"cat": "Mila"'):
        assert known.replace('"', '\\"') in told or known in told, known
    _, told = talks(ben, "And mine?", "Which?")
    assert "Mila" not in told
    assert "Has three cats." in "".join(export_memory(by=ann))
    # What memory does of its own accord is the user's, too: else erasing would not reach it.
    internal = AgentContext.objects.filter(agent=EXTRACTOR).values_list("user_id", flat=True)
    assert set(internal) == {ann.pk, ben.pk}, internal


def pages(boss: Any) -> None:
    client = Client()
    rows = [Fact.objects.first(), Entity.objects.first(), WorkingMemory.objects.first()]
    rows += [Collection.objects.first(), Document.objects.first()]
    with override_settings(ROOT_URLCONF="tests.urls"):
        client.force_login(boss)
        for row in rows:
            assert row is not None
            label = f"{row._meta.app_label}_{row._meta.model_name}"
            for path in (reverse(f"admin:{label}_changelist"), reverse(f"admin:{label}_change", args=[row.pk])):
                assert client.get(path).status_code == 200, path
        closed = Collection.objects.get(name="closed")
        path = reverse("admin:agents_knowledge_collection_change", args=[closed.pk])
        assert "shop" in client.get(path).content.decode()
        assert client.post(path, {"name": "closed", "title": "Closed", "viewers": []}).status_code == 302
        assert not closed.viewers.exists()
        client.post(path, {"name": "closed", "viewers": [str(Group.objects.get(name="shop").pk)]})
        assert [each.name for each in closed.viewers.all()] == ["shop"]


def main() -> None:
    for alias in settings.DATABASES:
        call_command("migrate", database=alias, verbosity=0, run_syncdb=True)
    assert conf.DATABASE != "default"
    users = get_user_model().objects
    ann, ben = users.create_user("ann"), users.create_user("ben")
    boss = users.create_superuser("boss")
    group = Group.objects.create(name="shop")
    ann.groups.add(group)
    with registry.override(Host):
        shelves(group)
        who_sees_what(ann, ben, boss)
        what_is_remembered(ann, ben)
        pages(boss)
        ben.user_permissions.add(Permission.objects.get(codename="view_collection"))
        assert len(search("lamps", ["closed"], user=users.get(pk=ben.pk), mode="text")) == 1
        erase_user(ann, by=SYSTEM, cancel=True)
        assert not Fact.objects.filter(user_key=str(ann.pk)).exists()
        assert not MemoryChange.objects.filter(user_key=str(ann.pk)).exists()
    sys.stdout.write("all is well\n")


main()
