"""The plugin's fixtures (whether or not the distribution is installed), the agents, and people."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from agents_app.definitions.registry import registry
from agents_app.testing.pytest_plugin import agents, scripted_llm  # noqa: F401
from tests.testing.shop import ShopAgent, TextAgent

ROLES = {
    "customer": [],
    "clerk": ["decide_approvalrequest", "view_agentcontext", "view_transcript"],
    "lead": [
        *("decide_approvalrequest", "settle_toolcall", "answer_inputrequest", "control_run"),
        *("view_agentcontext", "view_transcript", "view_sensitive", "change_user"),
    ],
}


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    with registry.override(ShopAgent, TextAgent):
        yield


@pytest.fixture
def people(db: None) -> dict[str, Any]:
    """`clerk` may decide but lacks the refund tool's own permission; `lead` may do everything."""
    users = {name: get_user_model().objects.create_user(name) for name in ROLES}
    for name, codes in ROLES.items():
        users[name].user_permissions.set(Permission.objects.filter(codename__in=codes))
    return users
