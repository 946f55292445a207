"""Which tables belong to a run, and rows as JSON and back."""

from typing import Any

import pytest
from django.apps import apps
from django.db import models

from agents_app.core.archive_lines import StoredRow
from agents_app.models import AgentContext, PartialReply
from agents_app.models.belongings import belongings, row_from, rows_of, values_of
from tests.models import rows

MAKERS = {
    "agentcontext": rows.context,
    "rundetails": rows.details,
    "agentstep": rows.step,
    "toolcall": rows.call,
    "approvalrequest": rows.request,
    "decision": rows.decision,
    "inputrequest": rows.question,
    "agentevent": rows.event,
    "eventcursor": rows.cursor,
    "notification": rows.notification,
}


def test_every_table_with_a_way_to_a_run_is_known_and_stands_behind_what_it_refers_to() -> None:
    names = [kind.name for kind in belongings()]
    assert set(MAKERS) <= set(names)
    assert names[0] == "agentcontext"
    for kind in belongings():
        for field in kind.model._meta.concrete_fields:
            target = field.remote_field.model._meta.model_name if field.is_relation else ""
            if target in names and target != kind.name:
                assert names.index(target) < names.index(kind.name)


def test_what_goes_with_its_run_is_kept_or_is_known_to_be_no_record() -> None:
    """A new table with a reference to a run must not be forgotten by archives."""
    kept = {kind.model for kind in belongings()}
    for model in apps.get_app_config("agents_app").get_models():
        fields = [field for field in model._meta.concrete_fields if field.is_relation]
        owned = [f for f in fields if f.related_model in kept and f.remote_field.on_delete is models.CASCADE]
        assert not owned or model in kept or model is PartialReply


@pytest.mark.django_db
@pytest.mark.parametrize("name", MAKERS)
def test_a_row_comes_back_as_it_was(name: str) -> None:
    made: Any = MAKERS[name]()
    row = type(made)._base_manager.get(pk=made.pk)
    back = row_from(StoredRow(model=name, values=values_of(row)))
    assert back is not None
    assert back.pk == row.pk
    assert values_of(back) == values_of(row)
    for field in row._meta.concrete_fields:
        assert getattr(back, field.attname) == getattr(row, field.attname)


@pytest.mark.django_db
def test_rows_of_gives_each_run_its_own() -> None:
    one, other = rows.decision(), rows.event()
    contexts = list(AgentContext.objects.filter(pk__in=[one.call.context_id, other.context_id]))
    found = {run.id: sorted(row.model for row in run.rows) for run in rows_of(contexts)}
    assert found[one.call.context_id] == ["agentcontext", "agentstep", "approvalrequest", "decision", "toolcall"]
    assert found[other.context_id] == ["agentcontext", "agentevent"]


@pytest.mark.django_db
def test_fields_of_another_release_are_left_out_or_take_their_default() -> None:
    values = values_of(rows.context())
    del values["hints"]
    back = row_from(StoredRow(model="agentcontext", values={**values, "gone": 1}))
    assert isinstance(back, AgentContext)
    assert back.hints == 0
    assert row_from(StoredRow(model="of_another_release", values={})) is None


@pytest.mark.django_db
def test_a_user_who_is_gone_is_left_out() -> None:
    values = {**values_of(rows.context()), "user_id": 4711}
    back = row_from(StoredRow(model="agentcontext", values=values))
    assert isinstance(back, AgentContext)
    assert back.user_id is None
