"""Rows as JSON values, as far as a viewer may see them. All doors that speak JSON say the same.

`rows_for_*` name the related rows that a presentation reads, so that a list asks for them once.
"""

from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Prefetch

from agents_app.core.internal import is_internal
from agents_app.core.priority import priority_of
from agents_app.core.status import YES_VERDICTS, ApprovalStatus, InputStatus, ToolCallStatus
from agents_app.core.transcript import AssistantMessage, CallResult, Correction, Message, UserMessage
from agents_app.models import (
    AgentContext,
    AgentEvent,
    AgentSession,
    AgentStep,
    ApprovalRequest,
    Decision,
    InputRequest,
    RunDetails,
    ToolCall,
)
from agents_app.selectors.budgets import budget_shape
from agents_app.selectors.cited import ANSWERS, cited_by
from agents_app.selectors.people import (
    may_read_approval,
    may_read_call,
    may_read_input,
    may_view_sensitive,
    may_view_transcript,
)
from agents_app.selectors.shapes import (
    AgentShape,
    ApprovalShape,
    CodeChangeShape,
    DecisionShape,
    DifferenceShape,
    EventShape,
    InputRequestShape,
    MessageShape,
    MisfitShape,
    NeedsApproval,
    ProposedShape,
    Role,
    RunShape,
    SessionShape,
    Shape,
    StageShape,
    StepShape,
    ToolCallShape,
    ToolShape,
    TranscriptShape,
    WaitsForShape,
)
from agents_app.selectors.transcript import arguments_of, hides_something, messages_of

JSONObject = dict[str, Any]

WAITS_FOR = (
    Prefetch(
        "approvals", ApprovalRequest.objects.filter(status=ApprovalStatus.PENDING).only("pk", "context"), "now_asked"
    ),
    Prefetch(
        "input_requests", InputRequest.objects.filter(status=InputStatus.PENDING).only("pk", "context"), "now_put"
    ),
    Prefetch("tool_calls", ToolCall.objects.filter(status=ToolCallStatus.UNKNOWN).only("pk", "context"), "now_unknown"),
)


def rows_for_runs(runs: Any) -> Any:
    """A queryset of runs with all that `run_as_dict` reads."""
    return runs.select_related("details", "session").prefetch_related(*WAITS_FOR, ANSWERS, "budgets")


def rows_for_steps(steps: Any) -> Any:
    """A queryset of steps with all that `step_as_dict` reads."""
    return steps.select_related("context", "tool_call", "input_request")


def rows_for_approvals(requests: Any) -> Any:
    """A queryset of approval requests with all that `approval_as_dict` reads."""
    return requests.select_related("call", "context").prefetch_related("decisions", "named_approvers")


def run_as_dict(context: AgentContext, viewer: Any) -> JSONObject:
    """A run, as far as this person may see it."""
    details, shown = context.details, may_view_transcript(viewer, context)
    return _json(
        RunShape(
            **_fields(context, _OF_CONTEXT),
            **_fields(details, _OF_DETAILS),
            internal=is_internal(context.agent),
            user=_key(context.user_id),
            started_by=details.started_by_name,
            session=context.session.key if context.session else None,
            session_id=context.session_id,
            subject=subject_of(details),
            budgets=[budget_shape(budget) for budget in context.budgets.all()],
            waits_for=_waits_for(context),
            priority=priority_of(context.priority),
            content_hidden=not shown,
            input=details.input if shown else None,
            output=details.output if shown else None,
            citations=cited_by(context) if shown else None,
            error=details.error if shown else None,
            metadata=details.metadata if shown else None,
        )
    )


_OF_CONTEXT = (
    *("id", "agent", "status", "status_at", "version", "run_at", "due_at", "deadline_at"),
    *("cancel_requested_at", "paused_at", "steps_used", "max_steps", "waits_for_slot", "hidden_at"),
    "waits_for_code_since",
)
_OF_DETAILS = (
    *("user_name", "created_at", "started_at", "ended_at", "held_by", "held_why", "cancelled_by", "cancelled_why"),
    *("held_code", "error_code", "restored_at", "hidden_by", "hidden_why", "erased_at"),
)


def code_change_as_dict(change: Any) -> JSONObject:
    """A change of code; None: there is none."""
    if change is None:
        nothing: JSONObject = {"before": None, "after": None, "code": None, "differences": [], "misfits": []}
        return _json(CodeChangeShape(changed=False, recorded=True, **nothing))
    return _json(
        CodeChangeShape(
            changed=True,
            before=change.before,
            after=change.after,
            code=change.code,
            recorded=change.recorded,
            differences=[
                DifferenceShape(what=each.what, before=each.before, after=each.after) for each in change.differences
            ],
            misfits=[
                MisfitShape(call=each.call_id, tool=each.tool, code=each.code, message=each.message)
                for each in change.misfits
            ],
        )
    )


def step_as_dict(step: AgentStep, viewer: Any) -> JSONObject:
    """A step, as far as this person may see it."""
    shown = may_view_transcript(viewer, step.context)
    return _json(
        StepShape(
            **_fields(step, _OF_STEP),
            run=step.context_id,
            tool_call=_related(step, "tool_call"),
            input_request=_related(step, "input_request"),
            content_hidden=not shown,
            text=str((step.response or {}).get("text", "")) if shown else None,
            citations=(step.response or {}).get("citations", []) if shown else None,
            error=step.error if shown else None,
        )
    )


_OF_STEP = (
    *("id", "number", "kind", "status", "status_at", "attempt", "started_at", "ended_at", "llm"),
    *("input_tokens", "output_tokens", "cost", "error_code"),
)


def call_as_dict(call: ToolCall, viewer: Any) -> JSONObject:
    """A tool call, as far as this person may see it."""
    shown, sensitive = may_read_call(viewer, call), may_view_sensitive(viewer)
    return _json(
        ToolCallShape(
            **_fields(call, _OF_CALL),
            run=call.context_id,
            agent=call.context.agent,
            step=call.step.number if call.step else None,
            grant=call.grant_id,
            content_hidden=not shown,
            sensitive_hidden=hides_something(call, sensitive=shown and sensitive),
            arguments=arguments_of(call, sensitive=sensitive) if shown else None,
            result=call.result if shown else None,
            note=call.note if shown else None,
            error=call.error if shown else None,
        )
    )


_OF_CALL = (
    *("id", "number", "tool", "effect", "status", "status_at", "proposed_at", "started_at", "settled_at"),
    *("deadline_at", "not_before", "attempt", "failures", "edited", "digest", "idempotency_key", "error_code"),
)


def approval_as_dict(request: ApprovalRequest, viewer: Any) -> JSONObject:
    """An approval request, as far as this person may see it."""
    return _json(ApprovalShape(**_approval(request, viewer)))


def _approval(request: ApprovalRequest, viewer: Any) -> JSONObject:
    call, shown, sensitive = request.call, may_read_approval(viewer, request), may_view_sensitive(viewer)
    return {
        **_fields(request, _OF_APPROVAL),
        "run": request.context_id,
        "agent": request.context.agent,
        "call": call.pk,
        "tool": call.tool,
        "effect": call.effect,
        "stage": request.stage + 1,
        "stages": stages_of(request),
        "requester": request.requester_name,
        "claimed_by": request.claimed_by_name or None,
        "supersedes": request.supersedes_id,
        "decisions": [_decision(decision, shown) for decision in request.decisions.all()],
        "content_hidden": not shown,
        "sensitive_hidden": hides_something(call, sensitive=shown and sensitive),
        "reason": request.reason if shown else None,
        "summary": request.summary if shown else None,
        "arguments": arguments_of(call, sensitive=sensitive) if shown else None,
    }


_OF_APPROVAL = (
    *("id", "status", "status_at", "created_at", "expires_at", "on_expiry", "overdue_at", "reminded_at", "escalate_at"),
    *("escalated_at", "escalate_to", "escalate_to_group", "valid_until", "rule", "risk", "permission"),
    *("digest", "four_eyes", "claimed_at"),
)


def stages_of(request: ApprovalRequest) -> list[StageShape]:
    """The decisions that a request takes, and who has said yes to its present arguments."""
    rule = request.approver_rule
    made = [each for each in request.decisions.all() if each.round == request.round and each.verdict in YES_VERDICTS]
    named = [each for each in request.named_approvers.all() if each.round == request.round]
    return [
        StageShape(
            label=stage.label,
            permission=stage.permission,
            group=stage.group,
            named=[each.person_name for each in named if each.stage == number] if stage.resolver else None,
            quorum=stage.quorum,
            approved_by=[each.user_name for each in made if each.stage == number],
        )
        for number, stage in enumerate(rule.ordered())
    ]


def _decision(decision: Decision, shown: bool) -> DecisionShape:
    return DecisionShape(
        **_fields(decision, ("id", "verdict", "user_name", "door", "decided_at", "digest_shown", "digest")),
        user=_key(decision.user_id),
        on_behalf_of=decision.on_behalf_of_name or None,
        stage=decision.stage + 1,
        reason=decision.reason if shown else None,
    )


def without_sensitive(answer: JSONObject, call: ToolCall) -> JSONObject:
    """What was said about a call or its approval request, with sensitive arguments hidden from everybody."""
    if answer["arguments"] is None or not call.sealed:
        return answer
    return {**answer, "arguments": arguments_of(call, sensitive=False), "sensitive_hidden": True}


def input_as_dict(request: InputRequest, viewer: Any) -> JSONObject:
    """An input request, as far as this person may see it."""
    shown = may_read_input(viewer, request)
    return _json(
        InputRequestShape(
            **_fields(request, ("id", "status", "status_at", "created_at", "expires_at")),
            run=request.context_id,
            agent=request.context.agent,
            step=request.step.number,
            answered_by=request.answered_by_name,
            content_hidden=not shown,
            question=request.question if shown else None,
            answer_schema=request.schema if shown else None,
            answer=request.answer if shown else None,
        )
    )


def event_as_dict(event: AgentEvent) -> JSONObject:
    """An event; whoever may know of the run may know of it."""
    return _json(
        EventShape(
            **_fields(event, ("sequence", "type", "at", "data")),
            run=event.context_id,
        )
    )


def session_as_dict(session: AgentSession) -> JSONObject:
    """A session."""
    return _json(
        SessionShape(
            **_fields(session, ("id", "key", "agent", "created_at")),
            user=_key(session.user_id),
        )
    )


def agent_as_dict(definition: Any) -> JSONObject:
    """An agent from its definition."""
    return _json(
        AgentShape(
            **_fields(definition, ("name", "description", "version", "llm", "max_steps", "timeout", "asks_user")),
            answer_schema=definition.answer_schema,
            tools=[_tool(tool) for tool in definition.tools.values()],
        )
    )


def _tool(tool: Any) -> ToolShape:
    asks = NeedsApproval.SOMETIMES if tool.has_needs_approval else NeedsApproval.NEVER
    return ToolShape(
        **_fields(tool, ("name", "description", "effect", "risk", "permission", "timeout", "retries", "parameters")),
        needs_approval=NeedsApproval.ALWAYS if tool.requires_approval else asks,
    )


def transcript_as_dict(context: AgentContext, viewer: Any) -> JSONObject:
    """The conversation of a run; the caller has asked whether this person may read it."""
    try:
        messages = messages_of(context, sensitive=may_view_sensitive(viewer))
    except ImproperlyConfigured:  # no key opens what is hidden in it any more
        messages = messages_of(context, sensitive=False)
    return _json(TranscriptShape(run=context.pk, messages=[message_shape(message) for message in messages]))


def message_shape(message: Message) -> MessageShape:
    """One message, as JSON shows it."""
    match message:
        case UserMessage(text=text):
            return MessageShape(role=Role.USER, text=text)
        case AssistantMessage(text=text, calls=calls):
            proposed = [ProposedShape(id=call.id, name=call.name, arguments=call.arguments) for call in calls]
            return MessageShape(role=Role.ASSISTANT, text=text, calls=proposed)
        case CallResult(call_id=call_id, name=name, content=content, failed=failed):
            return MessageShape(role=Role.TOOL, text=content, call_id=call_id, name=name, failed=failed)
        case Correction(text=text):
            return MessageShape(role=Role.CORRECTION, text=text)


def subject_of(details: RunDetails) -> str | None:
    """The object that a run is about as `app.model:key`; None without one, or if its kind is gone."""
    if details.subject_type_id is None:
        return None
    try:
        kind = ContentType.objects.get_for_id(details.subject_type_id)
    except ContentType.DoesNotExist:
        return None
    return f"{kind.app_label}.{kind.model}:{details.subject_id}"


def _waits_for(context: AgentContext) -> WaitsForShape:
    if context.ended or context.paused_at is not None:
        return WaitsForShape(approvals=[], inputs=[], outcomes=[])
    if not hasattr(context, "now_asked"):
        context = rows_for_runs(AgentContext.objects.filter(pk=context.pk)).get()
    asked: Any = context
    return WaitsForShape(
        approvals=[row.pk for row in asked.now_asked],
        inputs=[row.pk for row in asked.now_put],
        outcomes=[row.pk for row in asked.now_unknown],
    )


def _related(step: AgentStep, name: str) -> UUID | None:
    row = getattr(step, name, None)
    return row.pk if row is not None else None


def _fields(row: Any, names: tuple[str, ...]) -> JSONObject:
    return {name: getattr(row, name) for name in names}


def _key(key: Any) -> str | None:
    return None if key is None else str(key)


def _json(shape: Shape) -> JSONObject:
    return shape.model_dump(mode="json")
