"""What is wrong with event handlers, beyond what `@on` refuses at once: the agents they name are known later."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from agents_app.definitions.handlers import handlers
from agents_app.definitions.registry import registry


@register
def check_handlers(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Every handler that names agents."""
    known = {name for agent in registry.classes() for name in (getattr(agent, "name", None), *_formerly(agent))}
    return [
        Error(
            f"@on: no agent is called “{name}”, so that no event of it ever comes.",
            hint="Name an agent of the project, or give its class.",
            obj=handler.name,
            id="agents_app.E024",
        )
        for handler in handlers.all()
        for name in handler.named_agents
        if name not in known
    ]


def _formerly(agent: Any) -> tuple[str, ...]:
    return tuple(agent.formerly) if isinstance(agent.formerly, tuple | list) else ()
