"""Wires the app together at start-up."""

from typing import Any

from django.apps import AppConfig, apps
from django.db import connections, router
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy

SWEEP = "agents_app.tasks.recover"
CLEANING = "agents_app.tasks.clean_up"
SCHEDULES = ((SWEEP, "agents_app: sweep", 1), (CLEANING, "agents_app: clean up", 10))
"""What django-q2 calls by itself: the function, the name of the schedule, minutes."""


class AgentsAppConfig(AppConfig):
    """`agents_app`: durable AI agents with a person in front of every act that matters."""

    name = "agents_app"
    label = "agents_app"
    verbose_name = gettext_lazy("Agents")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Find the agents and handlers of all apps, register the checks, connect those who tell to those who change."""
        from agents_app import checks  # noqa: F401 (they register themselves)
        from agents_app.live import publish
        from agents_app.logs import mark_records
        from agents_app.memory import extractor  # noqa: F401 (it and the summariser register themselves)
        from agents_app.notify import outbox
        from agents_app.services import extraction, summaries
        from agents_app.signals import run_changed

        mark_records()
        autodiscover_modules("agents", "event_handlers")
        outbox.listen()
        summaries.listen()
        extraction.listen()
        run_changed.connect(publish.announce, dispatch_uid="agents_app.live")
        post_migrate.connect(remember_definitions, sender=self, dispatch_uid="agents_app.remember_definitions")
        post_migrate.connect(schedule_sweep, sender=self, dispatch_uid="agents_app.schedule_sweep")
        post_migrate.connect(register_handlers, sender=self, dispatch_uid="agents_app.register_handlers")


def schedule_sweep(using: str, **kwargs: Any) -> None:
    """After each `migrate`: let django-q2 run the sweep every minute, and clean up now and then, if it is the queue.
    One row each, made once; an interval that was changed since stays."""
    from agents_app.conf import conf

    if conf.EXECUTOR != "django_q2" or not apps.is_installed("django_q"):
        return
    schedules = apps.get_model("django_q", "Schedule")
    if router.db_for_write(schedules) != using:
        return
    tables = connections[using].introspection.table_names()
    if schedules._meta.db_table not in tables:
        return  # not migrated yet; its own `migrate` comes by here
    kept = schedules._default_manager.using(using)
    if using == conf.DATABASE and f"{AgentsAppConfig.label}_agentcontext" not in tables:
        kept.filter(func__in=[function for function, _, _ in SCHEDULES]).delete()
        return  # migrated to zero: there is nothing to sweep any more
    for function, name, minutes in SCHEDULES:
        if not kept.filter(func=function).exists():
            kept.create(name=name, func=function, schedule_type="I", minutes=minutes, repeats=-1)


def remember_definitions(using: str, **kwargs: Any) -> None:
    """After each `migrate`: note which code there is now, so that later what has changed since can be told."""
    from agents_app.conf import conf
    from agents_app.definitions.registry import registry
    from agents_app.gate.definition_records import deployed
    from agents_app.models import DefinitionRecord

    if using == conf.DATABASE and DefinitionRecord._meta.db_table in connections[using].introspection.table_names():
        deployed(registry.all())


def register_handlers(using: str, **kwargs: Any) -> None:
    """After each `migrate`: new event handlers are known from now on, before the first event comes for them."""
    from agents_app.conf import conf
    from agents_app.core.subscriptions import subscriptions
    from agents_app.models import EventHandler, database_now
    from agents_app.transitions import cursors

    if not subscriptions or using != conf.DATABASE:
        return
    if EventHandler._meta.db_table in connections[using].introspection.table_names():
        cursors.forget_registered()
        cursors.register(subscriptions.names(), database_now())
