"""Agents that name collections which are not there. That the app is not installed is told with the agents."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DatabaseError

from agents_app.conf import conf
from agents_app.definitions.agent import Agent
from agents_app.definitions.inspection import inspect_agent
from agents_app.definitions.knowledge import KNOWLEDGE_APP, Knowledge
from agents_app.definitions.registry import registry


def _looking() -> list[tuple[type[Agent[Any]], Knowledge]]:
    definitions = [(agent, inspect_agent(agent).definition) for agent in registry.classes()]
    return [(agent, each) for agent, found in definitions if found is not None for each in found.knowledge]


@register(Tags.database)
def check_collections(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The collections that agents name are there."""
    if conf.DATABASE not in (databases or ()) or not apps.is_installed(KNOWLEDGE_APP):
        return []
    named = [(agent, name) for agent, each in _looking() if each.retriever is None for name in each.collections]
    if not named:
        return []
    model = apps.get_model("agents_knowledge", "Collection")
    try:
        known = set(model._default_manager.using(conf.DATABASE).values_list("name", flat=True))
    except DatabaseError:  # not migrated yet
        return []
    hint = "Make it in the admin, or by `manage.py agents_ingest PATH --collection NAME --create`."
    return [
        CheckWarning(
            f"There is no collection “{name}” to look things up in.", hint=hint, obj=agent, id="agents_app.W181"
        )
        for agent, name in named
        if name not in known
    ]
