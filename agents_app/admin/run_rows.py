"""The rows of one run, read with a fixed number of queries, and what of them this person may read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agents_app.core.status import ApprovalStatus, InputStatus, ToolCallStatus, Verdict
from agents_app.models import (
    AgentContext,
    AgentEvent,
    AgentStep,
    ApprovalRequest,
    Decision,
    InputRequest,
    PartialReply,
    StandingGrant,
    ToolCall,
)
from agents_app.selectors.people import may_view_sensitive, may_view_transcript
from agents_app.selectors.transcript import arguments_of
from agents_app.services.amounts import currencies_of_call

EVENTS_SHOWN = 1000
"""The newest events of a run that its page shows; the list of events has them all."""


@dataclass(frozen=True, kw_only=True)
class RunRows:
    """`transcript`: may read what was said and done. `sensitive`: may see sensitive arguments."""

    context: AgentContext
    events: tuple[AgentEvent, ...]
    steps: Mapping[UUID, AgentStep]
    calls: Mapping[UUID, ToolCall]
    requests: Mapping[UUID, ApprovalRequest]
    inputs: Mapping[UUID, InputRequest]
    decisions: tuple[Decision, ...]
    grants: Mapping[str, StandingGrant]
    partial: PartialReply | None
    transcript: bool
    sensitive: bool

    def decision_on(self, request: UUID) -> Decision | None:
        """The word that settled a request."""
        found = [made for made in self.decisions if made.request_id == request]
        return next((made for made in found if made.verdict not in (Verdict.ENDORSED, Verdict.EDITED)), None)

    def proposals_on(self, request: UUID) -> list[Decision]:
        """Other arguments that people proposed, in order."""
        return [made for made in self.decisions if made.request_id == request and made.verdict == Verdict.EDITED]

    def settlings_of(self, call: UUID) -> list[Decision]:
        """People's words on an unknown outcome of this call, in order."""
        return [made for made in self.decisions if made.call_id == call and made.request_id is None]

    def arguments(self, call: ToolCall) -> Any:
        """The call's arguments as this person may see them."""
        return arguments_of(call, sensitive=self.sensitive)

    def currencies(self, call: ToolCall) -> Mapping[str, str]:
        """By name, those of the call's arguments that are amounts."""
        return currencies_of_call(self.context.agent, call)

    @property
    def pending_requests(self) -> list[ApprovalRequest]:
        """What waits for a decision."""
        return [row for row in self.requests.values() if row.status == ApprovalStatus.PENDING]

    @property
    def pending_inputs(self) -> list[InputRequest]:
        """What waits for an answer."""
        return [row for row in self.inputs.values() if row.status == InputStatus.PENDING]

    @property
    def unknown_calls(self) -> list[ToolCall]:
        """What waits for somebody to say what became of it."""
        return [row for row in self.calls.values() if row.status == ToolCallStatus.UNKNOWN]


def read_run_rows(context: AgentContext, user: Any) -> RunRows:
    """Everything that a run's page shows."""
    transcript = may_view_transcript(user, context)
    newest = list(AgentEvent.objects.filter(context=context).order_by("-sequence")[:EVENTS_SHOWN])
    granted = {row.data["grant"] for row in newest if row.data.get("grant")}
    return RunRows(
        context=context,
        events=tuple(reversed(newest)),
        steps={row.pk: row for row in AgentStep.objects.filter(context=context).order_by("number")},
        calls={row.pk: row for row in ToolCall.objects.filter(context=context).order_by("number")},
        requests={row.pk: row for row in ApprovalRequest.objects.filter(context=context).order_by("pk")},
        inputs={row.pk: row for row in InputRequest.objects.filter(context=context).order_by("pk")},
        decisions=tuple(Decision.objects.filter(call__context=context).order_by("pk")),
        grants={str(row.pk): row for row in StandingGrant.objects.filter(pk__in=granted)} if granted else {},
        partial=partial_of(context, user),
        transcript=transcript,
        sensitive=may_view_sensitive(user),
    )


def partial_of(context: AgentContext, user: Any) -> PartialReply | None:
    """What the LLM has written so far, for those who may read it."""
    if not may_view_transcript(user, context):
        return None
    return PartialReply.objects.filter(context=context).first()
