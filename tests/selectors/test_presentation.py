"""Rows as JSON."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType

from agents_app.api.bodies import StartRun
from agents_app.models import AgentContext, AgentEvent, AgentStep, ApprovalRequest, InputRequest, ToolCall
from agents_app.selectors import presentation, shapes
from agents_app.services import SYSTEM, start_run
from agents_app.testing import AgentsKit
from tests.api.conftest import client_of, desk, make_people, people, run_of  # noqa: F401 (fixtures)


def test_every_noun_is_json_by_itself(run_of: Any, people: Any) -> None:  # noqa: F811
    runs = [run_of(plan, session=plan) for plan in ("look", "refund", "ask", "pay")]
    contexts = AgentContext.objects.filter(pk__in=[run.id for run in runs])
    found = [
        *(presentation.run_as_dict(row, SYSTEM) for row in contexts),
        *(presentation.step_as_dict(row, SYSTEM) for row in AgentStep.objects.all()),
        *(presentation.call_as_dict(row, SYSTEM) for row in ToolCall.objects.all()),
        *(presentation.approval_as_dict(row, SYSTEM) for row in ApprovalRequest.objects.all()),
        *(presentation.input_as_dict(row, SYSTEM) for row in InputRequest.objects.all()),
        *(presentation.event_as_dict(row) for row in AgentEvent.objects.all()),
        *(presentation.transcript_as_dict(row, SYSTEM) for row in contexts),
    ]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert not any(each.get("content_hidden") for each in found)


def test_a_run_alone_and_a_run_in_a_list_are_presented_alike(run_of: Any, people: Any) -> None:  # noqa: F811
    run = run_of("refund")
    [listed] = presentation.rows_for_runs(AgentContext.objects.filter(pk=run.id))
    alone = presentation.run_as_dict(AgentContext.objects.get(pk=run.id), people["customer"])
    assert presentation.run_as_dict(listed, people["customer"]) == alone
    assert len(alone["waits_for"]["approvals"]) == 1


def test_a_subject_whose_kind_is_gone_is_none(run_of: Any, people: Any) -> None:  # noqa: F811
    kind = ContentType.objects.create(app_label="gone", model="order")
    details = AgentContext.objects.get(pk=run_of("answer").id).details
    details.subject_type, details.subject_id = kind, "7"
    assert presentation.subject_of(details) == "gone.order:7"
    key = kind.pk
    kind.delete()
    ContentType.objects.clear_cache()
    details.subject_type_id = key
    assert presentation.subject_of(details) is None


def test_naive_times_of_a_project_without_time_zones_get_their_offset(settings: Any) -> None:
    class Moments(shapes.Shape):
        at: shapes.Moment

    settings.USE_TZ = False
    naive, aware = datetime(2026, 11, 20, 12), datetime(2026, 11, 20, 12, tzinfo=UTC)  # noqa: DTZ001 (as rows hold it)
    assert Moments(at=naive).model_dump(mode="json") == {"at": "2026-11-20T12:00:00+05:30"}
    assert Moments(at=aware).model_dump(mode="json") == {"at": "2026-11-20T12:00:00Z"}
    StartRun(agent="a", input="b", run_at=aware)


@pytest.mark.django_db
def test_a_run_of_nobody_has_no_user(desk: AgentsKit) -> None:  # noqa: F811
    run = start_run("desk", "answer", by=SYSTEM)
    shown = presentation.run_as_dict(AgentContext.objects.get(pk=run.id), SYSTEM)
    assert (shown["user"], shown["user_name"], shown["started_by"]) == (None, "", "system")
