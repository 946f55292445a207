"""Rows that are made without asking each field."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import models
from django.db.models.expressions import DatabaseDefault

from agents_app.core.events import EventType
from agents_app.core.status import StepKind
from agents_app.models import AgentContext, AgentEvent, AgentStep, ToolCall
from agents_app.models.new_rows import new_row

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = AgentContext(agent="clerk")
GIVEN: dict[type[models.Model], dict[str, Any]] = {
    AgentEvent: {"context": RUN, "sequence": 1, "type": EventType.RUN_STARTED, "at": NOW},
    AgentStep: {"context": RUN, "number": 1, "kind": StepKind.THINK, "status_at": NOW},
    ToolCall: {"context": RUN, "tool": "look", "proposed_at": NOW, "step_id": RUN.pk},
    AgentContext: {"agent": "clerk", "user_id": 7},
}


def said(row: models.Model) -> dict[str, Any]:
    """What it holds, but for its key."""
    values = {name: value for name, value in vars(row).items() if name not in ("_state", "id")}
    return {
        name: repr(value.expression) if isinstance(value, DatabaseDefault) else value for name, value in values.items()
    }


@pytest.mark.parametrize("model", GIVEN, ids=lambda model: model.__name__)
def test_they_are_what_the_constructor_makes(model: type[models.Model]) -> None:
    row, usual = new_row(model, **GIVEN[model]), model(**GIVEN[model])
    assert said(row) == said(usual)
    assert vars(row).keys() == vars(usual).keys()
    assert row._state.fields_cache == usual._state.fields_cache
    assert (row._state.adding, row._state.db) == (True, usual._state.db)


def test_each_has_its_own_key_and_its_own_containers() -> None:
    steps = [new_row(AgentStep, **GIVEN[AgentStep]) for _ in range(2)]
    assert steps[0].pk != steps[1].pk
    events = [new_row(AgentEvent, **GIVEN[AgentEvent]) for _ in range(2)]
    events[0].data["told"] = True
    assert events[1].data == {}
    assert new_row(AgentStep, id=RUN.pk, **GIVEN[AgentStep]).pk == RUN.pk


def test_what_a_model_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="AgentStep has no field 'colour'"):
        new_row(AgentStep, colour="red")
