"""The statements of a change: whole rows, guarded columns, and no more round trips than needed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.models.expressions import Value
from django.test.utils import CaptureQueriesContext

from agents_app.core.status import StepKind, StepStatus, ToolCallStatus
from agents_app.exceptions import StaleContext
from agents_app.models import (
    AgentContext,
    AgentEvent,
    AgentStep,
    ApprovalRequest,
    Decision,
    InputRequest,
    ToolCall,
    driver,
)
from agents_app.services import start_run
from agents_app.testing import AgentsKit
from agents_app.transitions import OpenRows
from agents_app.transitions.write import NOT_NULL, Statement, inserts, send, update
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db

MODELS = (AgentContext, AgentStep, ToolCall, ApprovalRequest, Decision, InputRequest, AgentEvent)


@pytest.fixture
def context(agents: AgentsKit) -> AgentContext:
    agents.scripted_llm(Clerk, "Done.")
    return office.context_of(start_run(Clerk, "x"))


def step_of(context: AgentContext, number: int, **fields: Any) -> AgentStep:
    moments = {"status_at": context.status_at, "started_at": context.status_at}
    return AgentStep(context=context, number=number, kind=StepKind.THINK, **(moments | fields))


def in_one(statements: list[Statement]) -> None:
    with transaction.atomic():
        send(statements)


def test_rows_are_inserted_as_the_orm_would(context: AgentContext) -> None:
    response = {"v": 1, "text": "it's 100 % “sure”; DROP", "cost": [1.5, None]}
    mine = step_of(context, 1, response=response, status=StepStatus.COMPLETED, input_tokens=7, llm="a%sb")
    theirs = step_of(context, 2, response=response, status=StepStatus.COMPLETED, input_tokens=7, llm="a%sb")
    in_one(inserts([mine]))
    theirs.save(force_insert=True)
    one, two = (
        {name: value for name, value in row.items() if name not in ("id", "number")}
        for row in AgentStep.objects.filter(context=context).order_by("number").values()
    )
    assert one == two
    assert AgentStep.objects.get(number=1, context=context) == mine
    assert not mine._state.adding


def test_an_update_writes_the_named_fields_alone(context: AgentContext) -> None:
    step = step_of(context, 1)
    step.save()
    later = context.status_at + timedelta(hours=1)
    step.status, step.ended_at, step.llm = StepStatus.COMPLETED, later, "not named"
    in_one([update(step, {"status", "ended_at"}, {"status": StepStatus.STARTED}, "lost")])
    stored = AgentStep.objects.get(pk=step.pk)
    assert (stored.status, stored.ended_at, stored.llm) == ("completed", later, "")


@pytest.mark.parametrize(
    ("guard", "matches"),
    [
        ({"version": 1}, True),
        ({"version": 2}, False),
        ({"version": 1, "claim_number": 0}, True),
        ({"version": 1, "claim_number": 1}, False),
        ({"due_at": NOT_NULL}, True),
        ({"lease_until": NOT_NULL}, False),
    ],
    ids=["same", "other", "both same", "one other", "something", "nothing"],
)
def test_a_guard_that_matches_no_row_rolls_everything_back(
    context: AgentContext, guard: dict[str, Any], matches: bool
) -> None:
    AgentContext.objects.filter(pk=context.pk).update(version=1, due_at=context.status_at)
    context.hints = 9
    statements = [*inserts([step_of(context, 1)]), update(context, ["hints"], guard, "lost")]
    if matches:
        in_one(statements)
    else:
        with pytest.raises(StaleContext, match="lost"):
            in_one(statements)
    assert AgentContext.objects.get(pk=context.pk).hints == (9 if matches else 0)
    assert AgentStep.objects.filter(context=context).exists() == matches


def test_a_guard_without_fields_to_write_still_guards(context: AgentContext) -> None:
    with pytest.raises(StaleContext):
        in_one([update(context, [], {"version": 77}, "lost")])
    in_one([update(context, [], {"version": context.version}, "lost")])


@pytest.mark.parametrize("several", [True, False])
def test_one_message_where_the_database_takes_it(
    context: AgentContext, several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not several:
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"server_side_binding": True})
    steps = [step_of(context, number, status=StepStatus.COMPLETED) for number in (1, 2)]
    context.hints = 1
    with CaptureQueriesContext(connection) as queries:
        send([update(context, ["hints"], {}, ""), *inserts(steps)])
    assert len(queries) == (1 if several and connection.vendor == "postgresql" else 2)
    assert AgentStep.objects.filter(context=context).count() == 2


def test_an_insert_speaks_of_what_is_not_null_alone(context: AgentContext) -> None:
    first, second, third = (
        step_of(context, number, status=StepStatus.COMPLETED, claim_number=7 if number == 2 else None)
        for number in (1, 2, 3)
    )
    (alone,), (both,) = inserts([first]), inserts([third, second])
    assert "claim_number" not in alone.sql
    assert "claim_number" in both.sql
    assert both.sql.count("%s") == len(both.parameters)
    send([alone, both])
    assert list(AgentStep.objects.order_by("number").values_list("number", "claim_number")) == [
        (1, None),
        (2, 7),
        (3, None),
    ]


def test_the_defaults_of_columns_that_writers_leave_out_are_constants() -> None:
    """`write` puts the default in; an expression it could not."""
    defaults = [
        (field.model.__name__, field.name, field.db_default)
        for model in MODELS
        for field in model._meta.concrete_fields
        if field.has_db_default()
    ]
    assert [
        each for each in defaults if isinstance(each[2], models.Expression) and not isinstance(each[2], Value)
    ] == []


def test_psycopg_3_is_known() -> None:
    assert driver.is_psycopg3()


def test_a_settled_call_is_forgotten() -> None:
    """What a worker carries does not grow with the calls that are over."""
    calls = [ToolCall(status=ToolCallStatus.SUCCEEDED), ToolCall(status=ToolCallStatus.READY)]
    rows = OpenRows(version=1, calls=calls)
    rows.close()
    assert [call.status for call in rows.calls] == [ToolCallStatus.READY]
