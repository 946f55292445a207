"""Wires the app together at start-up."""

from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy

from agents_app.knowledge.compatible import teach

SWEEP = "agents_app.knowledge.tasks.recover"
NEEDED = ("semantic_text_splitter", "pypdf")


class KnowledgeConfig(AppConfig):
    """`agents_app.knowledge`: what agents may look up."""

    name = "agents_app.knowledge"
    label = "agents_knowledge"
    verbose_name = gettext_lazy("Knowledge")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say what is not installed, let SQLite index words, and the sweep be scheduled."""
        missing = [name for name in NEEDED if find_spec(name) is None]
        if missing:
            raise ImproperlyConfigured(
                f"agents_app.knowledge needs {' and '.join(missing)}: pip install 'django-agents-app[knowledge]'"
            )
        connection_created.connect(teach, dispatch_uid="agents_knowledge.teach")
        post_migrate.connect(schedule_sweep, sender=self, dispatch_uid="agents_knowledge.schedule_sweep")


def schedule_sweep(using: str, **kwargs: Any) -> None:
    """After each `migrate`: let django-q2 sweep for documents every minute. One row, made once; it goes with the
    tables."""
    from agents_app.conf import conf

    if not apps.is_installed("django_q") or conf.EXECUTOR == "immediate":
        return
    schedules = apps.get_model("django_q", "Schedule")
    if router.db_for_write(schedules) != using:
        return
    tables = connections[using].introspection.table_names()
    if schedules._meta.db_table not in tables:
        return  # not migrated yet; its own `migrate` comes by here
    kept = schedules._default_manager.using(using).filter(func=SWEEP)
    if using == conf.DATABASE and f"{KnowledgeConfig.label}_document" not in tables:
        kept.delete()
    elif not kept.exists():
        schedules._default_manager.using(using).create(
            name="agents_app.knowledge: sweep", func=SWEEP, schedule_type="I", minutes=1, repeats=-1
        )
