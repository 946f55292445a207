"""Where rows go if the app has a database of its own."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import override_settings

from agents_app.models import AgentContext, AgentSession
from agents_app.router import AgentsRouter

pytestmark = pytest.mark.once
ROUTER = AgentsRouter()


@pytest.fixture(autouse=True)
def _elsewhere() -> object:
    with override_settings(AGENTS_APP={"DATABASE": "agents"}):
        yield


def test_our_rows_go_to_the_alias_and_others_where_they_like() -> None:
    for route in (ROUTER.db_for_read, ROUTER.db_for_write):
        assert route(AgentContext) == "agents"
        assert route(Group) is None
        assert route(User, instance=Group()) is None


def test_the_user_of_a_run_is_looked_for_among_the_users() -> None:
    assert ROUTER.db_for_read(User, instance=AgentContext()) == "default"
    assert ROUTER.db_for_read(AgentSession, instance=AgentContext()) == "agents"


def test_relations_across_are_allowed() -> None:
    assert ROUTER.allow_relation(AgentContext(), User()) is True
    assert ROUTER.allow_relation(User(), AgentContext()) is True
    assert ROUTER.allow_relation(User(), Group()) is None


def test_our_tables_are_made_there_and_nowhere_else() -> None:
    for label in ("agents_app", "agents_knowledge"):
        assert ROUTER.allow_migrate("agents", label) is True
        assert ROUTER.allow_migrate("default", label) is False
    assert ROUTER.allow_migrate("default", "auth") is None
    assert ROUTER.allow_migrate("agents", "auth") is None
