"""Wires the app together at start-up."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AgentsAppConfig(AppConfig):
    """`agents_app`: durable AI agents with a person in front of every act that matters."""

    name = "agents_app"
    label = "agents_app"
    verbose_name = "Agents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Find the agents of all apps, register the checks, and connect those who tell to those who change."""
        from agents_app import checks  # noqa: F401 (registers itself)
        from agents_app.live import publish
        from agents_app.signals import run_changed

        autodiscover_modules("agents")
        run_changed.connect(publish.announce, dispatch_uid="agents_app.live")
