"""Any order of commands, time and work leaves legal rows: hypothesis plays people, clock and worker."""

from contextlib import suppress
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from agents_app import Postpone, ToolFailed
from agents_app.core.derive import due_at_of, status_of
from agents_app.core.events import EVENTS, EventType
from agents_app.core.status import ENDED, SETTLED, WAITING_FOR_PEOPLE, RunStatus, ToolCallStatus
from agents_app.exceptions import AgentsError, LLMError
from agents_app.models import AgentContext, AgentEvent, ApprovalRequest, InputRequest, ToolCall, database_now
from agents_app.services import (
    SYSTEM,
    Run,
    answer_input,
    approve,
    cancel_run,
    pause_run,
    reject,
    resume_run,
    retry_run,
    settle_outcome,
    start_run,
)
from agents_app.testing import calls, fails, move_time, run_until_idle, scripted_llm
from agents_app.transitions.rows import read_open_rows, snapshot_of
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db

TURNS = [
    calls("pay", to="Ada", amount="99"),
    calls("order", what="tea"),
    calls("ring", number="1"),
    calls("ask_user", question="Which?"),
    [calls("look", number="1"), calls("pay", to="Bob", amount="98"), calls("book", text="x")],
    fails(1, LLMError("busy", transient=True, retry_after=30), then=calls("look", number="1")),
    LLMError("no key", code="auth"),
]
COMMANDS = [
    "approve",
    "reject",
    "edit",
    "answer",
    "cancel",
    "pause",
    "resume",
    "retry",
    "settle",
    "again",
    "wait",
    "work",
]
ENDINGS = [None, None, ValueError(), ToolFailed("no"), "postpone"]


def behave(ending: Any) -> Any:
    def act(*_: Any) -> str:
        if ending == "postpone":
            raise Postpone(database_now())
        if ending is not None:
            raise ending
        return "ok"

    return act


def play(run: Run[Any], dora: Any, command: str) -> None:
    request = ApprovalRequest.objects.filter(context_id=run.id).order_by("-id").first()
    question = InputRequest.objects.filter(context_id=run.id).order_by("-id").first()
    unknown = ToolCall.objects.filter(context_id=run.id, status="unknown").first()
    match command:
        case "approve" if request:
            approve(request.pk, by=dora, digest=request.call.digest)
        case "edit" if request and request.call.tool == "pay":
            approve(request.pk, by=dora, digest=request.call.digest, arguments={"to": "Eve", "amount": "77"})
        case "reject" if request:
            reject(request.pk, by=dora, reason="no")
        case "answer" if question:
            answer_input(question.pk, "red", by=SYSTEM)
        case "settle" if unknown:
            settle_outcome(unknown.pk, "happened", by=dora, result="done")
        case "again" if unknown:
            settle_outcome(unknown.pk, "try_again", by=dora)
        case "cancel" | "pause" | "resume" | "retry":
            {"cancel": cancel_run, "pause": pause_run, "resume": resume_run, "retry": retry_run}[command](
                run.id, by=SYSTEM
            )
        case "work":
            run_until_idle()


def check(run: Run[Any]) -> None:
    context = office.context_of(run)
    events = list(AgentEvent.objects.filter(context_id=run.id).order_by("sequence"))
    assert [event.sequence for event in events] == list(range(1, context.version + 1))
    for event in events:
        EVENTS[EventType(event.type)].payload.model_validate(event.data)
    look = snapshot_of(context, read_open_rows(context), context.status_at, None)
    assert context.lease_until is None  # nobody works between commands
    if context.status in ENDED:
        assert context.due_at is None
        open_calls = ToolCall.objects.filter(context_id=run.id).exclude(status__in=SETTLED)
        assert {call.status for call in open_calls} <= {ToolCallStatus.UNKNOWN}
        assert not InputRequest.objects.filter(context_id=run.id, status="pending").exists()
        assert not ApprovalRequest.objects.filter(context_id=run.id, status="pending").exists()
        assert not context.steps.filter(status="started").exclude(tool_call__status="unknown").exists()
        return
    if context.status in WAITING_FOR_PEOPLE | {RunStatus.IDLE, RunStatus.THINKING}:
        assert status_of(look) == context.status
    assert (due_at_of(look) is None) == (context.due_at is None)
    for call in ToolCall.objects.filter(context_id=run.id, status="awaiting_approval"):
        assert ApprovalRequest.objects.filter(call=call, status="pending").count() == 1


@budget(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    turns=st.lists(st.sampled_from(TURNS), min_size=1, max_size=3),
    commands=st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=12),
    ending=st.sampled_from(ENDINGS),
)
def test_any_order_of_commands_leaves_legal_rows(
    turns: list[Any], commands: list[str], ending: Any, dora: list[Any]
) -> None:
    AgentContext.objects.all().delete()  # of the example before
    office.done.clear()
    for name in ("ring", "book", "pay", "order", "look"):
        office.behaviour[name] = behave(ending)
    waiting = {**settings.AGENTS_APP, "EXECUTOR": "agents_app.testing.executor.WaitingExecutor"}
    with override_settings(AGENTS_APP=waiting), scripted_llm(Clerk, *turns, "Done."):
        run = start_run(Clerk, "x")
        seconds = 0
        for command in ["work", *commands]:
            seconds += 200 if command == "wait" else 1
            with move_time(seconds):
                with suppress(AgentsError):  # a clear refusal is a good answer
                    play(run, dora[0], command)
                check(run)
        approved = ApprovalRequest.objects.filter(context_id=run.id, valid_until__isnull=False)
        gated = {name for name in office.names() if name in ("pay", "order")}
        assert gated <= {request.call.tool for request in approved}


@pytest.fixture
def dora() -> list[Any]:
    return [office.person("dora", *office.DECIDES, "agents_app.settle_toolcall", "agents_app.view_agentcontext")]
