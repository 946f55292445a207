"""Valid rows, to be made invalid in one respect."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from agents_app.core.status import Effect, StepKind
from agents_app.models import (
    AgentBudget,
    AgentContext,
    AgentEvent,
    AgentSession,
    AgentStep,
    ApprovalPolicy,
    ApprovalRequest,
    Archive,
    ArchivedRun,
    Decision,
    Delegation,
    Entity,
    EventCursor,
    Fact,
    InputRequest,
    KillSwitch,
    MemoryChange,
    NamedApprover,
    Notification,
    NotificationPreference,
    RunDetails,
    RunSlot,
    StandingGrant,
    StoredResponse,
    ToolCall,
    WorkingMemory,
)


def context(**fields: Any) -> AgentContext:
    return AgentContext.objects.create(agent="clerk", **{"status_at": timezone.now(), **fields})


def details(**fields: Any) -> RunDetails:
    given = {"context": fields.pop("context", None) or context(), "definition_hash": "h", "created_at": timezone.now()}
    return RunDetails.objects.create(**given, **fields)


def session(**fields: Any) -> AgentSession:
    return AgentSession.objects.create(**{"key": "s", "agent": "clerk", **fields})


def step(**fields: Any) -> AgentStep:
    now = timezone.now()
    given = {"number": 1, "kind": StepKind.RESPOND, "status_at": now, "started_at": now, **fields}
    return AgentStep.objects.create(**{"context": given.pop("context", None) or context(), **given})


def call(**fields: Any) -> ToolCall:
    now = timezone.now()
    by = fields.pop("proposed_by", None) or step()
    given = {"number": 1, "provider_id": "c1", "tool": "send", "effect": Effect.READ, "arguments": "{}", **fields}
    return ToolCall.objects.create(
        **{"proposed_by": by, "context": by.context, "status_at": now, "proposed_at": now, **given}
    )


def request(**fields: Any) -> ApprovalRequest:
    of, now = fields.pop("call", None) or call(), timezone.now()
    given = {"status_at": now, "created_at": now, "reason": "r", "rule": "r", "summary": "s", "digest": "d", **fields}
    return ApprovalRequest.objects.create(call=of, context=of.context, **given)


def decision(**fields: Any) -> Decision:
    about = fields.pop("request", None) or request()
    given = {"verdict": "rejected", "user_name": "dora", "door": "code", "decided_at": timezone.now(), **fields}
    return Decision.objects.create(request=about, call=about.call, **given)


def question(**fields: Any) -> InputRequest:
    by = fields.pop("proposed_by", None) or step()
    own = fields.pop("step", None) or step(context=by.context, number=by.number + 1)
    now = timezone.now()
    given = {"provider_id": "c1", "question": "?", "status_at": now, "created_at": now, **fields}
    return InputRequest.objects.create(context=by.context, proposed_by=by, step=own, **given)


def event(**fields: Any) -> AgentEvent:
    of = fields.pop("context", None) or context()
    return AgentEvent.objects.create(
        context=of, **{"sequence": 1, "type": "run.started", "at": timezone.now(), **fields}
    )


def cursor(**fields: Any) -> EventCursor:
    of = fields.pop("context", None) or context()
    return EventCursor.objects.create(context=of, **{"handler": "h", "wanted": 1, "due_at": timezone.now(), **fields})


def slot(**fields: Any) -> RunSlot:
    of = fields.pop("context", None) or context()
    return RunSlot.objects.create(context=of, **{"limit": "agent:clerk", "claim_number": 1, **fields})


def policy(**fields: Any) -> ApprovalPolicy:
    values = {"name": "p", "made_at": timezone.now(), "updated_at": timezone.now(), **fields}
    return ApprovalPolicy.objects.create(**values)


def switch(**fields: Any) -> KillSwitch:
    return KillSwitch.objects.create(**{"reason": "r", "off_by": "ann", "off_at": timezone.now(), **fields})


def grant(**fields: Any) -> StandingGrant:
    """Ann's, for every call of a tool."""
    made = {"door": "code", "made_at": timezone.now(), "request_key": uuid4(), "run_key": uuid4()}
    given = {"agent": "clerk", "tool": "pay", "scope": "agent", "owner_key": "ann", "owner_name": "ann", **made}
    return StandingGrant.objects.create(**{**given, **fields})


def fact(**fields: Any) -> Fact:
    """Of the user 7."""
    now = timezone.now()
    given = {"place": "user:7", "user_key": "7", "origin": "llm", "text": "Likes tea.", "digest": "d"}
    return Fact.objects.create(**{**given, "created_at": now, "updated_at": now, **fields})


def entity(**fields: Any) -> Entity:
    """Of the user 7."""
    now = timezone.now()
    given = {"place": "user:7", "user_key": "7", "origin": "llm", "type": "dog", "name": "Rex", "normal_name": "rex"}
    return Entity.objects.create(**{**given, "created_at": now, "updated_at": now, **fields})


def working_memory(**fields: Any) -> WorkingMemory:
    """Of a session of the user 7."""
    given = {"user_key": "7", "origin": "llm", "document": {"city": "Basel"}, "updated_at": timezone.now()}
    return WorkingMemory.objects.create(**{**given, **fields})


def memory_change(**fields: Any) -> MemoryChange:
    """Of a fact that was added."""
    given = {"kind": "fact", "act": "added", "row_key": uuid4(), "at": timezone.now()}
    return MemoryChange.objects.create(**{**given, **fields})


def delegation(**fields: Any) -> Delegation:
    """Ann's, to bob, for a day."""
    now = timezone.now()
    people = {"giver_key": "ann", "giver_name": "ann", "receiver_key": "bob", "receiver_name": "bob"}
    times = {"begins_at": now, "ends_at": now + timedelta(days=1), "made_at": now}
    return Delegation.objects.create(**{**people, **times, "made_by_name": "ann", **fields})


def named_approver(**fields: Any) -> NamedApprover:
    return NamedApprover.objects.create(**{"person_key": "1", "person_name": "ann", **fields})


def response(**fields: Any) -> StoredResponse:
    return StoredResponse.objects.create(**{"principal": "p", "key": "k", "fingerprint": "f", **fields})


def archive(**fields: Any) -> Archive:
    return Archive.objects.create(**{"name": "a", "created_at": timezone.now(), **fields})


def archived(**fields: Any) -> ArchivedRun:
    given = {"id": uuid4(), "agent": "clerk", "status": "completed", "version": 1}
    times = dict.fromkeys(("created_at", "ended_at", "archived_at"), timezone.now())
    file = fields.pop("archive", None) or archive()
    return ArchivedRun.objects.create(archive=file, **{**given, **times, **fields})


def budget(**fields: Any) -> AgentBudget:
    """A user's that nobody has, if not told otherwise."""
    return AgentBudget.objects.create(**{"scope": "user", "window_at": timezone.now(), **fields})


def notification(**fields: Any) -> Notification:
    about = fields.pop("request", None) or request()
    now = timezone.now()
    given = {"channel": "email", "sequence": 1, "kind": "approval.requested", **fields}
    return Notification.objects.create(
        request=about, context=about.context, state_at=now, created_at=now, due_at=now, **given
    )


def preference(**fields: Any) -> NotificationPreference:
    return NotificationPreference.objects.create(
        **{"channel": "email", "mode": "off", "changed_at": timezone.now(), **fields}
    )
