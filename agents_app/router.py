"""Sends this app's rows to AGENTS_APP["DATABASE"], and reads of the team's own objects back to theirs.

Needed only where that alias is not `default`: DATABASE_ROUTERS = ["agents_app.router.AgentsRouter"].
"""

from typing import Any

from django.db import models
from django.db.utils import DEFAULT_DB_ALIAS

from agents_app.conf import conf

LABELS = ("agents_app", "agents_knowledge")


def _ours(model: type[models.Model] | models.Model) -> bool:
    return model._meta.app_label in LABELS


class AgentsRouter:
    """A database router; see Django's documentation on multiple databases."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        if _ours(model):
            return conf.DATABASE
        instance = hints.get("instance")
        # Without this Django looks for the user of a run in the run's own database.
        return DEFAULT_DB_ALIAS if instance is not None and _ours(instance) else None

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str | None:
        return self.db_for_read(model, **hints)

    def allow_relation(self, first: models.Model, second: models.Model, **hints: Any) -> bool | None:
        return True if _ours(first) or _ours(second) else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return db == conf.DATABASE if app_label in LABELS else None
