"""Workers of the last release go on while `migrate` has run: their INSERT, SELECT and UPDATE must still work."""

from typing import Any

import pytest
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState
from django.db.models import NOT_PROVIDED

RELEASED = {"0.1.0": "0001_initial"}
"""The last migration of each release."""

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def states(name: str | None = None) -> dict[str, ModelState]:
    """The models after this migration; None: after the last."""
    loader = MigrationLoader(connection)
    nodes: Any = [("agents_app", name)] if name else loader.graph.leaf_nodes("agents_app")
    found = loader.project_state(nodes).models
    return {model: state for (app, model), state in found.items() if app == "agents_app"}


def why_not(before: ModelState, after: ModelState | None) -> list[str]:
    """What would break a worker that knows the model as it was."""
    if after is None:
        return ["the table is gone"]
    problems = [f"{name} is gone" for name in before.fields if name not in after.fields]
    for name, field in after.fields.items():
        if name not in before.fields:
            if not (field.null or field.db_default is not NOT_PROVIDED or field.many_to_many):
                problems.append(f"{name} is new: it must be null or have a db_default, or an old INSERT fails")
        elif _kind(field) != _kind(before.fields[name]):
            problems.append(f"{name} has another type: the whole table would be written anew")
        elif before.fields[name].null and not field.null:
            problems.append(f"{name} must not be null any more: an old INSERT may say null")
    return problems


def _kind(field: Any) -> tuple[str, Any]:
    return field.get_internal_type(), field.max_length


@pytest.mark.parametrize("release", RELEASED)
def test_a_worker_of_an_earlier_release_can_go_on(release: str) -> None:
    now = states()
    problems = {name: why_not(before, now.get(name)) for name, before in states(RELEASED[release]).items()}
    assert not {name: found for name, found in problems.items() if found}


def _state(**fields: Any) -> ModelState:
    return ModelState("agents_app", "Row", [("id", models.BigAutoField(primary_key=True)), *fields.items()])


@pytest.mark.parametrize(
    ("after", "word"),
    [
        (_state(), "gone"),
        (_state(a=models.TextField()), "type"),
        (_state(a=models.CharField(max_length=10)), "null"),
        (_state(a=models.CharField(max_length=10, null=True), b=models.TextField(default="")), "db_default"),
        (None, "table"),
    ],
    ids=["removed", "retyped", "not null", "no default in the database", "dropped"],
)
def test_what_would_break_it_is_found(after: ModelState | None, word: str) -> None:
    (problem,) = why_not(_state(a=models.CharField(max_length=10, null=True)), after)
    assert word in problem


def test_what_is_harmless_passes() -> None:
    after = _state(a=models.TextField(), b=models.TextField(db_default=""), c=models.TextField(null=True))
    assert why_not(_state(a=models.TextField()), after) == []
