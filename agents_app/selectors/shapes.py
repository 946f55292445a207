"""What the doors say about rows, as JSON: REST answers it, the command line prints it with `--json`.

What somebody may not see is null, and `content_hidden` (or `sensitive_hidden`) says so.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from django.utils import timezone
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agents_app.core.approval_times import OnExpiry
from agents_app.core.budgets import Period, Scope
from agents_app.core.citations import Citation
from agents_app.core.events import EventType
from agents_app.core.priority import Priority
from agents_app.core.risk import Risk
from agents_app.core.status import (
    ApprovalStatus,
    Effect,
    InputStatus,
    RunStatus,
    StepKind,
    StepStatus,
    ToolCallStatus,
    Verdict,
)


def _with_offset(moment: Any) -> Any:
    """Rows of a project without USE_TZ hold naive local times; JSON always says the offset."""
    if isinstance(moment, datetime) and timezone.is_naive(moment):
        return timezone.make_aware(moment)
    return moment


Moment = Annotated[datetime, BeforeValidator(_with_offset)]
Hidden = Annotated[bool, Field(description="You may not see what was said and done; those fields are null.")]
Secret = Annotated[bool, Field(description="Some arguments are sensitive and shown as ***.")]


class Shape(BaseModel):
    """Base of the shapes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WaitsForShape(Shape):
    """What people can do now so that the run goes on: ids of approval requests, input requests and tool calls."""

    approvals: list[UUID]
    inputs: list[UUID]
    outcomes: list[UUID]


class AmountsShape(Shape):
    """An amount of each kind."""

    steps: int | None
    tool_calls: int | None
    tokens: int | None
    money: Decimal | None = Field(description="USD, as a string.")


class BudgetShape(Shape):
    """What a run, a session or a user may spend per period, and has spent in the present one."""

    id: UUID
    scope: Scope
    period: Period
    run: UUID | None
    session_id: UUID | None
    user: str | None = Field(description="The primary key of the user.")
    from_settings: bool = Field(description="The limits are the settings' for everybody.")
    ends_at: Moment | None = Field(description="Nothing more may be spent after this.")
    limits: AmountsShape = Field(description="Null: no limit.")
    spent: AmountsShape
    reserved: AmountsShape = Field(description="Held for calls of the LLM that are under way.")


class RunShape(Shape):
    """One run."""

    id: UUID
    agent: str
    internal: bool = Field(description="It does memory's own work for the user; staff alone see it.")
    status: RunStatus
    status_at: Moment
    version: int = Field(description="The number of its last event.")
    user: str | None = Field(description="The primary key of the user whose run it is.")
    user_name: str
    started_by: str = Field(description="The name of who started it.")
    session: str | None = Field(description="The key of its session.")
    session_id: UUID | None
    subject: str | None = Field(description="The object that it is about: app.model:key.")
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None
    restored_at: Moment | None = Field(description="It was archived, and brought back since then to be read only.")
    hidden_at: Moment | None = Field(description="Since when only those with agents_app.view_hidden see it.")
    hidden_by: str
    hidden_why: str
    erased_at: Moment | None = Field(description="Since when it holds nothing of its user any more.")
    run_at: Moment | None
    due_at: Moment | None = Field(description="When a worker or the clock acts on it; null if nobody has to.")
    deadline_at: Moment | None
    priority: Priority
    waits_for_slot: str = Field(
        description="The limit at which it waits for a free slot: agent, user or session; empty if it does not."
    )
    waits_for_code_since: Moment | None = Field(
        description="Since when no worker knows the code it needs next. After ten minutes its agent's policy decides."
    )
    cancel_requested_at: Moment | None
    cancelled_by: str
    cancelled_why: str
    paused_at: Moment | None
    held_by: str
    held_why: str
    held_code: str = Field(description="What holds it, if no person does: code_changed, migration_failed, poison.")
    steps_used: int
    max_steps: int
    budgets: list[BudgetShape] = Field(description="Its own; `budgets/` has those of its session and its user, too.")
    waits_for: WaitsForShape
    error_code: str
    content_hidden: Hidden
    input: str | None
    output: Any = Field(description="The agent's answer, once the run has completed.")
    citations: list[Citation] | None = Field(description="The passages that the answer names.")
    error: str | None
    metadata: dict[str, Any] | None


class DifferenceShape(Shape):
    """One thing that changed in an agent's code; null: it is not there."""

    what: str = Field(description="Like `instructions` or `tools.refund.timeout`.")
    before: Any
    after: Any


class MisfitShape(Shape):
    """An open call that the present code cannot make as it is stored."""

    call: UUID
    tool: str
    code: str
    message: str


class CodeChangeShape(Shape):
    """What has changed in an agent's code since a run went on last."""

    changed: bool
    before: str | None = Field(description="The version it went on with last.")
    after: str | None = Field(description="The version there is now.")
    code: str | None = Field(description="What `accept_changes` takes.")
    recorded: bool = Field(description="The earlier code is on record; else there are no differences to show.")
    differences: list[DifferenceShape]
    misfits: list[MisfitShape]


class StepShape(Shape):
    """One action of a run."""

    id: UUID
    run: UUID
    number: int
    kind: StepKind
    status: StepStatus
    status_at: Moment
    attempt: int
    started_at: Moment
    ended_at: Moment | None
    llm: str
    input_tokens: int
    output_tokens: int
    cost: Decimal | None = Field(description="USD, as a string.")
    tool_call: UUID | None
    input_request: UUID | None
    error_code: str
    content_hidden: Hidden
    text: str | None = Field(description="What the LLM said besides its calls.")
    citations: list[Citation] | None = Field(description="The passages that its answer names.")
    error: str | None


class ToolCallShape(Shape):
    """One requested use of a tool."""

    id: UUID
    run: UUID
    agent: str
    number: int
    tool: str
    effect: Effect
    status: ToolCallStatus
    status_at: Moment
    proposed_at: Moment
    started_at: Moment | None
    settled_at: Moment | None
    deadline_at: Moment | None
    not_before: Moment | None
    attempt: int
    failures: int
    step: int | None = Field(description="The number of the step that uses the tool; null before its first start.")
    edited: bool = Field(description="A person changed the arguments.")
    digest: str
    idempotency_key: str
    grant: UUID | None = Field(description="The standing grant that allowed its last start; null: none was needed.")
    error_code: str
    content_hidden: Hidden
    sensitive_hidden: Secret
    arguments: Any = Field(description="An object; the LLM's own text if it never fitted the tool's parameters.")
    result: Any
    note: str | None
    error: str | None


class DecisionShape(Shape):
    """One person's word."""

    id: UUID
    verdict: Verdict
    user: str | None
    user_name: str
    door: str
    decided_at: Moment
    on_behalf_of: str | None = Field(description="The name of whose decision it was, by a delegation.")
    stage: int = Field(description="Counted from 1.")
    reason: str | None
    digest_shown: str
    digest: str


class StageShape(Shape):
    """One of the decisions that it takes, in their order."""

    label: str
    permission: str | None
    group: str | None
    named: list[str] | None = Field(description="The names of those who may decide; null: nobody is named.")
    quorum: int = Field(description="How many people must say yes.")
    approved_by: list[str] = Field(description="The names of those who have.")


class ApprovalShape(Shape):
    """The question about one exact call. Decide with the `digest` that you were shown."""

    id: UUID
    run: UUID
    agent: str
    call: UUID
    tool: str
    effect: Effect
    status: ApprovalStatus
    status_at: Moment
    created_at: Moment
    expires_at: Moment | None
    on_expiry: OnExpiry
    overdue_at: Moment | None = Field(description="Since when it keeps waiting, though the time to decide is over.")
    reminded_at: Moment | None
    escalate_at: Moment | None
    escalated_at: Moment | None = Field(description="Since when those named by the escalation may decide as well.")
    escalate_to: str = Field(description="A permission.")
    escalate_to_group: str
    valid_until: Moment | None
    rule: str
    risk: Risk = Field(description="How bad a wrong yes would be, in the words of the tool's author.")
    permission: str = Field(description="What a decider needs besides agents_app.decide_approvalrequest.")
    stage: int = Field(description="The one that it is at, counted from 1.")
    stages: list[StageShape]
    four_eyes: bool = Field(description="Who asked for it may not approve it; an edit is a proposal to somebody else.")
    requester: str = Field(description="The name of who asked for it: the run's user, else who started the run.")
    claimed_by: str | None = Field(description="The name of who has taken it on; others may still decide.")
    claimed_at: Moment | None
    supersedes: UUID | None
    digest: str
    decisions: list[DecisionShape]
    content_hidden: Hidden
    sensitive_hidden: Secret
    reason: str | None = Field(description="Why a person is asked.")
    summary: str | None = Field(description="What will happen, in one sentence.")
    arguments: Any


class InputRequestShape(Shape):
    """A question of an agent to its user."""

    id: UUID
    run: UUID
    agent: str
    step: int
    status: InputStatus
    status_at: Moment
    created_at: Moment
    expires_at: Moment | None
    answered_by: str
    content_hidden: Hidden
    question: str | None
    answer_schema: dict[str, Any] | None = Field(description="JSON schema of an answer; null: any text.")
    answer: Any


class EventShape(Shape):
    """An immutable fact about a run; reference/events says what `data` holds for each type."""

    run: UUID
    sequence: int
    type: EventType
    at: Moment
    data: dict[str, Any]


class SessionShape(Shape):
    """A conversation that several runs share."""

    id: UUID
    key: str
    agent: str
    user: str | None
    created_at: Moment


class NeedsApproval(StrEnum):
    """How often calls of a tool wait for people. Sometimes: a rule decides on each call."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    NEVER = "never"


class ToolShape(Shape):
    """One tool of an agent."""

    name: str
    description: str
    effect: Effect
    risk: Risk
    needs_approval: NeedsApproval
    permission: str | None
    timeout: float
    retries: int
    parameters: dict[str, Any]


class AgentShape(Shape):
    """An agent, with the JSON schemas of its answer (null: plain text) and of its tools."""

    name: str
    description: str
    version: str
    llm: str | None = Field(description="null: the default of the installation.")
    max_steps: int
    timeout: float | None
    asks_user: bool
    answer_schema: dict[str, Any] | None
    tools: list[ToolShape]


class ProposedShape(Shape):
    """A function that the LLM wanted called."""

    id: str
    name: str
    arguments: str = Field(description="JSON text.")


class Role(StrEnum):
    """Who says something: the run's user, the LLM, a tool (or whoever settled its call), or this app."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    CORRECTION = "correction"


class MessageShape(Shape):
    """One message of the conversation. `call_id` and `name` are set for role `tool`, `calls` for `assistant`."""

    role: Role
    text: str
    calls: list[ProposedShape] = []
    call_id: str | None = None
    name: str | None = None
    failed: bool = False


class TranscriptShape(Shape):
    """The conversation of a run with the LLM."""

    run: UUID
    messages: list[MessageShape]
