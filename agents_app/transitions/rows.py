"""The open rows of a run, read under its lock, and the snapshot made from them."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import UUIDField

from agents_app.conf import conf
from agents_app.core.snapshot import CallView, Snapshot, ThinkView
from agents_app.core.status import (
    WAITING_FOR_PEOPLE,
    ApprovalStatus,
    Effect,
    InputStatus,
    RunStatus,
    StepKind,
    StepStatus,
    ToolCallStatus,
)
from agents_app.models import (
    AgentContext,
    AgentStep,
    ApprovalRequest,
    Bound,
    InputRequest,
    Prepared,
    Reading,
    ToolCall,
)

OPEN_REQUEST = (ApprovalStatus.PENDING, ApprovalStatus.APPROVED)
"""A call has at most one request with one of these statuses."""


@dataclass(kw_only=True)
class OpenRows:
    """What of a run is not settled, as of `version`. A worker carries it from one change to the next.

    context, read: the run's row at that version, and when it was read; None for who must look again.
    """

    version: int
    context: AgentContext | None = None
    read: Reading | None = None
    think: AgentStep | None = None
    wait: AgentStep | None = None
    calls: list[ToolCall] = field(default_factory=list)
    requests: list[ApprovalRequest] = field(default_factory=list)
    inputs: list[InputRequest] = field(default_factory=list)

    def call(self, call_id: object) -> ToolCall | None:
        """The open call of this id."""
        return next((call for call in self.calls if call.pk == call_id), None)

    def close(self) -> None:
        """Forget what is settled."""
        self.calls = [call for call in self.calls if not call.settled]
        unsettled = {call.pk for call in self.calls}
        self.requests = [
            request for request in self.requests if request.status in OPEN_REQUEST and request.call_id in unsettled
        ]
        self.inputs = [question for question in self.inputs if question.status == InputStatus.PENDING]

    def request_of(self, call: ToolCall) -> ApprovalRequest | None:
        """The call's open request."""
        mine = (request for request in self.requests if request.call_id == call.pk)
        return next((request for request in mine if request.status in OPEN_REQUEST), None)


def read_open_rows(context: AgentContext) -> OpenRows:
    """Read them from the database."""
    if not context.last_step:
        return OpenRows(version=context.version)  # nothing was done yet
    calls = _calls(run_id=context.pk)
    return OpenRows(
        version=context.version,
        think=next(iter(_last_turn(run_id=context.pk)), None),
        wait=next(iter(_open_wait(run_id=context.pk)), None) if context.status in WAITING_FOR_PEOPLE else None,
        calls=calls,
        requests=_requests(run_id=context.pk) if calls else [],
        inputs=_inputs(run_id=context.pk),
    )


_OF_RUN = {"context": Bound("run_id", UUIDField())}
_calls = Prepared(lambda: ToolCall.objects.filter(**_OF_RUN).unsettled().select_related("step").order_by("number"))
_last_turn = Prepared(lambda: AgentStep.objects.filter(**_OF_RUN, kind=StepKind.THINK).order_by("-number")[:1])
_open_wait = Prepared(
    lambda: AgentStep.objects.filter(**_OF_RUN, kind=StepKind.WAIT, status=StepStatus.STARTED).order_by("number")[:1]
)
_requests = Prepared(
    lambda: ApprovalRequest.objects.filter(
        **_OF_RUN, status__in=OPEN_REQUEST, call__in=ToolCall.objects.filter(**_OF_RUN).unsettled()
    )
)
_inputs = Prepared(lambda: InputRequest.objects.filter(**_OF_RUN, status=InputStatus.PENDING).select_related("step"))


def snapshot_of(context: AgentContext, rows: OpenRows, now: datetime, claim: int | None) -> Snapshot:
    """The snapshot that `decide` looks at. claim: the claim that looks; None for anybody else."""
    return Snapshot(
        now=now,
        version=context.version,
        status=RunStatus(context.status),
        paused=context.paused_at is not None,
        cancel_requested=context.cancel_requested_at is not None,
        steps_used=context.steps_used,
        max_steps=context.max_steps,
        run_at=context.run_at,
        deadline_at=context.deadline_at,
        think=_view_think(rows.think, claim),
        calls=tuple(_view_call(call, claim) for call in rows.calls if not call.settled),
        open_inputs=sum(request.status == InputStatus.PENDING for request in rows.inputs),
        timers=_timers(rows),
        lease_until=context.lease_until,
    )


def _view_think(step: AgentStep | None, claim: int | None) -> ThinkView | None:
    if step is None:
        return None
    held = step.status == StepStatus.STARTED and claim is not None and step.claim_number == claim
    exhausted = step.attempt - (step.earlier_attempts or 0) >= conf.LLM_ATTEMPTS
    return ThinkView(status=StepStatus(step.status), held=held, exhausted=exhausted, answered=step.answered)


def _view_call(call: ToolCall, claim: int | None) -> CallView:
    return CallView(
        id=call.pk,
        number=call.number,
        effect=Effect(call.effect),
        status=ToolCallStatus(call.status),
        held=call.status == ToolCallStatus.STARTED and call.claim_number == claim,
        not_before=call.not_before,
        reconcile=call.reconcile and call.status == ToolCallStatus.UNKNOWN,
        counted=call.step_id is not None,
    )


def _alarms(request: ApprovalRequest) -> list[datetime | None]:
    """When the clock acts on a question, each time once."""
    if request.status != ApprovalStatus.PENDING:
        return []
    return [
        request.expires_at if request.overdue_at is None else None,
        request.remind_at if request.reminded_at is None else None,
        request.escalate_at if request.escalated_at is None else None,
    ]


def _timers(rows: OpenRows) -> tuple[datetime, ...]:
    asked = [moment for request in rows.requests for moment in _alarms(request)]
    put = [question.expires_at for question in rows.inputs if question.status == InputStatus.PENDING]
    return tuple(moment for moment in (*asked, *put) if moment is not None)
