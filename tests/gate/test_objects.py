"""Permissions on objects, as packages for them answer `has_perm(permission, object)`."""

from typing import Annotated, Any

import pytest
from django.contrib.auth.models import Group

from agents_app import Agent, Ref, override_llm, tool
from agents_app.definitions.registry import registry
from agents_app.exceptions import NotPermitted
from agents_app.services import approve, start_run
from agents_app.testing import calls, run_until_idle, script
from tests import office

pytestmark = pytest.mark.django_db

MODEL = "django.contrib.auth.backends.ModelBackend"
allowed: set[tuple[str, str, Any]] = set()
"""(who, permission, the object's key)"""


class Objects:
    """A backend that knows permissions on objects alone."""

    def authenticate(self, request: Any, **credentials: Any) -> None:
        return None

    def has_perm(self, user: Any, permission: str, obj: Any = None) -> bool:
        if obj is not None and obj.name == "broken":
            raise RuntimeError
        return obj is not None and (user.get_username(), permission, obj.pk) in allowed


class Keeper(Agent[str]):
    name = "keeper"

    @tool(effect="read", requires_approval=True, permission="auth.change_group")
    def close(self, group: Annotated[str, Ref("auth.Group", "name")]) -> str:
        """Close a group."""
        return group

    @tool(effect="read", requires_approval=True, permission="auth.change_group")
    def tidy(self) -> str:
        """Tidy what the run is about."""
        return "tidy"


def ask(tool_name: str, subject: Any = None, **arguments: Any) -> Any:
    with override_llm(Keeper, script(calls(tool_name, **arguments), "Done.")):
        run = start_run(Keeper, "go", subject=subject)
        run_until_idle()
    return office.request_of(run)


@pytest.fixture(autouse=True)
def keeper(settings: Any) -> Any:
    settings.AUTHENTICATION_BACKENDS = [MODEL, f"{__name__}.Objects"]
    allowed.clear()
    with registry.override(Keeper):
        yield


def test_the_objects_of_the_arguments_count() -> None:
    ann = office.person("ann", "agents_app.decide_approvalrequest")
    one, other = Group.objects.create(name="one"), Group.objects.create(name="other")
    allowed.add(("ann", "auth.change_group", one.pk))
    request = ask("close", subject=one, group="other")
    with pytest.raises(NotPermitted) as caught:
        approve(request.pk, by=ann, digest=request.digest)
    assert caught.value.details["rule"] == "auth.change_group"
    assert other.pk != one.pk
    request = ask("close", group="one")
    assert approve(request.pk, by=ann, digest=request.digest).status == "approved"


def test_without_any_the_runs_subject_counts() -> None:
    ann = office.person("ann", "agents_app.decide_approvalrequest")
    one = Group.objects.create(name="one")
    allowed.add(("ann", "auth.change_group", one.pk))
    request = ask("tidy", subject=one)
    assert approve(request.pk, by=ann, digest=request.digest).status == "approved"


@pytest.mark.parametrize("name", ["nowhere", "broken"])
def test_what_is_not_there_or_cannot_be_asked_permits_nothing(name: str) -> None:
    ann = office.person("ann", "agents_app.decide_approvalrequest")
    broken = Group.objects.create(name="broken")
    allowed.add(("ann", "auth.change_group", broken.pk))
    request = ask("close", group=name)
    with pytest.raises(NotPermitted):
        approve(request.pk, by=ann, digest=request.digest)
