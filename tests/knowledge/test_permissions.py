"""Who sees a collection, and who may add to it."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.test import override_settings

from agents_app.knowledge.models import Collection
from agents_app.knowledge.permissions import ADD, VIEW, may, visible_collections
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
    return list(visible_collections(user).values_list("name", flat=True))


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
