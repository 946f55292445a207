"""What agents_app has left outside of its own tables, which `migrate agents_app zero` does not take away."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connections, router

OURS = "agents_app."


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftover:
    """Rows of another app that are there because of agents_app. `what`: one of them; `names`: which they are."""

    what: str
    count: int
    names: tuple[str, ...]
    remove: Callable[[], object]


def leftovers() -> list[Leftover]:
    """Schedules and messages of django-q2, as far as they are rows, and what it noted of our tasks."""
    if not apps.is_installed("django_q"):
        return []
    return [found for found in _of_django_q() if found.count]


def _of_django_q() -> Iterator[Leftover]:
    schedules, results = _rows("Schedule"), _rows("Task")
    if schedules is not None:
        mine = schedules.filter(func__startswith=OURS)
        yield Leftover(what="schedule", count=mine.count(), names=_named(mine), remove=mine.delete)
    if results is not None:
        noted = results.filter(func__startswith=OURS)
        yield Leftover(what="noted result", count=noted.count(), names=(), remove=noted.delete)
    messages = _rows("OrmQ")
    if messages is not None:
        # What a message is about stands in its signed payload alone.
        keys = [each.pk for each in messages.iterator() if str(each.task.get("func")).startswith(OURS)]
        queued = messages.filter(pk__in=keys)
        yield Leftover(what="queued message", count=len(keys), names=(), remove=queued.delete)


def _named(schedules: Any) -> tuple[str, ...]:
    return tuple(name or func for name, func in schedules.order_by("pk").values_list("name", "func"))


def _rows(name: str) -> Any:
    """The rows of this model of django-q2; None where its table is not there."""
    model = apps.get_model("django_q", name)
    alias = router.db_for_write(model)
    there = model._meta.db_table in connections[alias].introspection.table_names()
    return model._default_manager.using(alias) if there else None
