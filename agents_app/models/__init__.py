"""STORES: one file per noun. Rows are the truth; only `transitions` writes a status."""

from agents_app.models.approval import ApprovalRequest, Decision, NamedApprover
from agents_app.models.approval_policy import ApprovalPolicy
from agents_app.models.archive import Archive, ArchivedRun
from agents_app.models.audit_anchor import AuditAnchor
from agents_app.models.briefing import RunBriefing
from agents_app.models.budget import AgentBudget
from agents_app.models.clock import (
    DatabaseNow,
    Reading,
    as_stored,
    clock,
    database_now,
    seconds_from_now,
)
from agents_app.models.context import SCHEMA_VERSION, AgentContext, RunDetails
from agents_app.models.definition_record import DefinitionRecord
from agents_app.models.delegation import Delegation
from agents_app.models.driver import takes_several
from agents_app.models.event import AgentEvent
from agents_app.models.event_cursor import EventCursor
from agents_app.models.event_handler import EventHandler
from agents_app.models.fact import Entity, Fact
from agents_app.models.idempotency import StoredResponse
from agents_app.models.input_request import InputRequest
from agents_app.models.kill_switch import KillSwitch
from agents_app.models.llm_state import LLMPlace, LLMState
from agents_app.models.notification import ChannelState, Mode, Notification, NotificationPreference, NotificationState
from agents_app.models.partial import PartialReply
from agents_app.models.prepared import Bound, Prepared, read_once
from agents_app.models.rule_version import RuleVersion
from agents_app.models.session import AgentSession
from agents_app.models.session_summary import SessionSummary
from agents_app.models.slot import RunSlot
from agents_app.models.standing_grant import StandingGrant
from agents_app.models.step import AgentStep
from agents_app.models.tool_call import ToolCall
from agents_app.models.working_memory import MemoryChange, WorkingMemory

__all__ = [
    "SCHEMA_VERSION",
    "AgentBudget",
    "AgentContext",
    "AgentEvent",
    "AgentSession",
    "AgentStep",
    "ApprovalPolicy",
    "ApprovalRequest",
    "Archive",
    "ArchivedRun",
    "AuditAnchor",
    "Bound",
    "ChannelState",
    "DatabaseNow",
    "Decision",
    "DefinitionRecord",
    "Delegation",
    "Entity",
    "EventCursor",
    "EventHandler",
    "Fact",
    "InputRequest",
    "KillSwitch",
    "LLMPlace",
    "LLMState",
    "MemoryChange",
    "Mode",
    "NamedApprover",
    "Notification",
    "NotificationPreference",
    "NotificationState",
    "PartialReply",
    "Prepared",
    "Reading",
    "RuleVersion",
    "RunBriefing",
    "RunDetails",
    "RunSlot",
    "SessionSummary",
    "StandingGrant",
    "StoredResponse",
    "ToolCall",
    "WorkingMemory",
    "as_stored",
    "clock",
    "database_now",
    "read_once",
    "seconds_from_now",
    "takes_several",
]
