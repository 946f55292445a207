"""The settings of knowledge, of the wrong kind or beyond what makes sense."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, register
from django.core.checks import Warning as CheckWarning

from agents_app.conf import conf
from agents_app.definitions.knowledge import KNOWLEDGE_APP
from agents_app.definitions.options import is_count, is_duration

# What each setting is at least; a PDF is read by a process of its own, whose Python alone takes so much memory.
COUNTS = {
    "KNOWLEDGE_BYTES": 1,
    "KNOWLEDGE_CHARACTERS": 1,
    "KNOWLEDGE_PAGES": 1,
    "KNOWLEDGE_MEMORY": 100_000_000,
    "KNOWLEDGE_ATTEMPTS": 1,
    "KNOWLEDGE_CHUNK": 100,
    "EMBEDDING_BATCH": 1,
}
DURATIONS = ("KNOWLEDGE_PAGE_SECONDS", "EMBEDDING_SECONDS")
QUEUED = ("django_q2", "immediate")
"""Executors with which documents are read by themselves."""


@register
def check_knowledge_settings(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """KNOWLEDGE_… and EMBEDDING_…, where knowledge is installed."""
    if not apps.is_installed(KNOWLEDGE_APP):
        return []
    wrong = list(_wrong())
    return wrong or [*_served(), *_queue()]


def _wrong() -> Iterator[CheckMessage]:
    for name, least in COUNTS.items():
        if not is_count(getattr(conf, name)) or getattr(conf, name) < least:
            yield _error(name, f"It is a whole number, {least} or more.")
    for name in DURATIONS:
        if not is_duration(getattr(conf, name)):
            yield _error(name, "It is a number of seconds above 0.")
    folder: object = conf.KNOWLEDGE_FOLDER
    if not isinstance(folder, str | Path) or not str(folder).strip():
        yield _error("KNOWLEDGE_FOLDER", "It is the path of a folder, absolute or below BASE_DIR.")


def _error(name: str, hint: str) -> CheckMessage:
    return Error(f"AGENTS_APP[{name!r}] is {getattr(conf, name)!r}.", hint=hint, id="agents_app.E182")


def _served() -> Iterator[CheckMessage]:
    """Documents are for those who see their collection, not for whoever knows an address."""
    if "agents_knowledge" in settings.STORAGES:
        return
    folder = Path(getattr(settings, "BASE_DIR", None) or Path.cwd(), conf.KNOWLEDGE_FOLDER).resolve()
    for name in ("MEDIA_ROOT", "STATIC_ROOT"):
        root = getattr(settings, name, None)
        if root and folder.is_relative_to(Path(root).resolve()):
            message = f"Documents lie in {folder}, below {name}, which web servers give to everybody."
            hint = 'Set AGENTS_APP["KNOWLEDGE_FOLDER"] to a folder elsewhere, or STORAGES["agents_knowledge"].'
            yield CheckWarning(message, hint=hint, id="agents_app.W182")


def _queue() -> Iterator[CheckMessage]:
    if conf.EXECUTOR not in QUEUED and not apps.is_installed("django_q"):
        message = f"No queue reads documents: the executor is {conf.EXECUTOR!r}, and django_q is not installed."
        hint = "Run `manage.py agents_ingest --every 10` beside the workers, or `manage.py agents_ingest` from cron."
        yield Info(message, hint=hint, id="agents_app.I182")
