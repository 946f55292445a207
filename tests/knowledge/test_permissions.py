"""Who sees a collection, and who may add to it."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents_app.conf import conf
from agents_app.knowledge.models import Collection
from agents_app.knowledge.permissions import ADD, VIEW, may, visible_collections
from agents_app.knowledge.search.scope import seen_among
from agents_app.services import SYSTEM

pytestmark = pytest.mark.django_db


class OwnersBackend:
    """Object permissions of a project: one person may see and add to one collection."""

    def authenticate(self, request: Any, **credentials: Any) -> None:
        return None

    def has_perm(self, user: Any, permission: str, obj: Any = None) -> bool:
        return user.username == "owen" and permission in (VIEW, ADD) and getattr(obj, "name", "") == "owned"


@pytest.fixture
def people() -> dict[str, Any]:
    group = Group.objects.create(name="support")
    for name in ("open", "grouped", "named", "owned", "closed"):
        Collection.objects.create(
            name=name, public=name == "open", permission="auth.view_user" if name == "named" else ""
        )
    Collection.objects.get(name="grouped").viewers.add(group)
    made = {name: User.objects.create_user(name) for name in ("nina", "greta", "paul", "owen", "vera", "gone")}
    made["greta"].groups.add(group)
    made["paul"].user_permissions.add(Permission.objects.get(codename="view_user"))
    for name in ("vera", "gone"):
        made[name].user_permissions.add(Permission.objects.get(codename="view_collection"))
    User.objects.filter(username="gone").update(is_active=False)
    return {name: User.objects.get(username=name) for name in made}


def seen(user: Any) -> list[str]:
    """As a list of all, and as a search sees them, all or some: the same, also in the statement that searches."""
    every = list(visible_collections(user).values_list("name", flat=True))
    for names in (["open", "owned", "named", "nowhere", "grouped", "closed"], ["named", "open", "owned"]):
        found = seen_among(names, user)
        assert list(found.embedders) == [name for name in every if name in names]
        with connections[conf.DATABASE].cursor() as cursor:
            cursor.execute(f"SELECT f.name FROM ({found.sql}) f ORDER BY f.name", found.params)
            assert [row[0] for row in cursor.fetchall()] == list(found.embedders)
    return every


@override_settings(
    AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend", f"{__name__}.{OwnersBackend.__name__}"]
)
def test_each_way_to_see_a_collection(people: dict[str, Any]) -> None:
    everything = ["closed", "grouped", "named", "open", "owned"]
    assert seen(None) == seen(AnonymousUser()) == seen(people["nina"]) == ["open"]
    assert seen(people["greta"]) == ["grouped", "open"]
    assert seen(people["paul"]) == ["named", "open"]
    assert seen(people["owen"]) == ["open", "owned"]
    assert seen(people["vera"]) == seen(SYSTEM) == everything
    assert seen(people["gone"]) == ["open"]
    Collection.objects.filter(name="open").update(removed_at=timezone.now())
    Collection.objects.filter(name="closed").update(public=True)
    assert seen(None) == seen(people["nina"]) == ["closed"]
    assert seen(people["vera"]) == ["closed", "grouped", "named", "owned"]


def test_a_search_in_public_collections_asks_nothing_of_its_user(people: dict[str, Any]) -> None:
    Collection.objects.create(name="handbook", public=True)
    for user in (None, people["nina"], people["vera"]):
        with CaptureQueriesContext(connections[conf.DATABASE]) as asked:
            assert list(seen_among(["open", "handbook"], user).embedders) == ["handbook", "open"]
        assert len(asked) == 1
    assert seen_among([], people["vera"]).embedders == {}


@override_settings(
    AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend", f"{__name__}.{OwnersBackend.__name__}"]
)
def test_who_adds_must_see(people: dict[str, Any]) -> None:
    owned, closed = Collection.objects.get(name="owned"), Collection.objects.get(name="closed")
    assert may(people["owen"], ADD, owned)
    assert not may(people["owen"], ADD, closed)
    people["nina"].user_permissions.add(Permission.objects.get(codename="add_document"))
    nina = User.objects.get(username="nina")
    assert may(nina, ADD, Collection.objects.get(name="open"))
    assert not may(nina, ADD, closed)
    assert may(SYSTEM, ADD, closed)
    assert not may(None, ADD, owned)


@pytest.mark.parametrize(
    ("name", "sees"), [("greta", ["grouped", "open"]), ("paul", ["named", "open"]), ("nina", ["open"])]
)
def test_a_search_looks_once_at_the_collections_of_who_sees_some_of_them(
    people: dict[str, Any], name: str, sees: list[str]
) -> None:
    with CaptureQueriesContext(connections[conf.DATABASE]) as asked:
        seen = seen_among(["open", "named", "grouped", "closed"], people[name])
    assert list(seen.embedders) == sees
    ours = [each["sql"] for each in asked if "agents_knowledge_collection" in each["sql"]]
    assert (len(ours), len(asked)) == (2, 4), "Django reads the user's permissions, and those of their groups"


def test_who_leaves_a_group_sees_no_more_at_once(people: dict[str, Any]) -> None:
    seen = seen_among(["grouped"], people["greta"])
    people["greta"].groups.clear()
    with connections[conf.DATABASE].cursor() as cursor:
        cursor.execute(seen.sql, seen.params)
        assert cursor.fetchall() == [], "the statement that searches asks for the groups, too"
