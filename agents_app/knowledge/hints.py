"""Tells the queue what to read. A hint may be lost or double: the rows say what is due, and the sweep repeats it."""

import logging
from functools import partial
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import transaction
from django.utils.module_loading import import_string

from agents_app.conf import conf

logger = logging.getLogger("agents_app.knowledge")

READ = "agents_app.knowledge.tasks.read_document"
EMBED = "agents_app.knowledge.tasks.embed_collection"
KEEP = "agents_app.knowledge.tasks.keep_source"
REMOVE = "agents_app.knowledge.tasks.remove_collection"


def after_commit(document_id: UUID) -> None:
    """Have this document read soon after the transaction has committed."""
    transaction.on_commit(partial(send, READ, document_id), using=conf.DATABASE, robust=True)


def send(task: str, about: UUID | str) -> bool:
    """Have the task called with this id: by django-q2, or here and now with the executor "immediate".

    False if the queue does not take it, or if there is none: then `manage.py agents_ingest` does the work.
    """
    try:
        if conf.EXECUTOR == "immediate":
            import_string(task)(str(about))
            return True
        if apps.is_installed("django_q"):
            _async_task(task, str(about), save=False, ack_failure=True, group="agents_app.knowledge")
            return True
    except Exception:
        logger.warning("The queue did not take a document; the sweep tries again.", exc_info=True)
    return False


def _async_task(*args: Any, **options: Any) -> None:
    import_string("django_q.tasks.async_task")(*args, **options)
