"""A DOOR: the Django admin. Importing it registers with the default site; `register_with` serves any other."""

from django.contrib import admin

from agents_app.admin.anchors import AuditAnchorAdmin
from agents_app.admin.approvals import ApprovalRequestAdmin
from agents_app.admin.archives import ArchivedRunAdmin
from agents_app.admin.budgets import AgentBudgetAdmin
from agents_app.admin.calls import ToolCallAdmin
from agents_app.admin.delegations import DelegationAdmin
from agents_app.admin.events import AgentEventAdmin
from agents_app.admin.grants import StandingGrantAdmin
from agents_app.admin.handlers import EventCursorAdmin
from agents_app.admin.inlines import AgentRunsInline
from agents_app.admin.inputs import InputRequestAdmin
from agents_app.admin.llms import LLMStateAdmin
from agents_app.admin.memory import EntityAdmin, FactAdmin, WorkingMemoryAdmin
from agents_app.admin.notifications import ChannelStateAdmin, NotificationAdmin, NotificationPreferenceAdmin
from agents_app.admin.policies import ApprovalPolicyAdmin
from agents_app.admin.runs import AgentContextAdmin
from agents_app.admin.sessions import AgentSessionAdmin
from agents_app.admin.switches import KillSwitchAdmin
from agents_app.models import (
    AgentBudget,
    AgentContext,
    AgentEvent,
    AgentSession,
    ApprovalPolicy,
    ApprovalRequest,
    ArchivedRun,
    AuditAnchor,
    ChannelState,
    Delegation,
    Entity,
    EventCursor,
    Fact,
    InputRequest,
    KillSwitch,
    LLMState,
    Notification,
    NotificationPreference,
    StandingGrant,
    ToolCall,
    WorkingMemory,
)

__all__ = ["AgentRunsInline", "register_with"]


def register_with(site: admin.AdminSite) -> None:
    """Register all pages of this app with an admin site."""
    site.register(AgentContext, AgentContextAdmin)
    site.register(ApprovalRequest, ApprovalRequestAdmin)
    site.register(InputRequest, InputRequestAdmin)
    site.register(ToolCall, ToolCallAdmin)
    site.register(AgentSession, AgentSessionAdmin)
    site.register(Fact, FactAdmin)
    site.register(Entity, EntityAdmin)
    site.register(WorkingMemory, WorkingMemoryAdmin)
    site.register(AgentBudget, AgentBudgetAdmin)
    site.register(AgentEvent, AgentEventAdmin)
    site.register(EventCursor, EventCursorAdmin)
    site.register(ApprovalPolicy, ApprovalPolicyAdmin)
    site.register(Delegation, DelegationAdmin)
    site.register(StandingGrant, StandingGrantAdmin)
    site.register(KillSwitch, KillSwitchAdmin)
    site.register(LLMState, LLMStateAdmin)
    site.register(Notification, NotificationAdmin)
    site.register(NotificationPreference, NotificationPreferenceAdmin)
    site.register(ChannelState, ChannelStateAdmin)
    site.register(ArchivedRun, ArchivedRunAdmin)
    site.register(AuditAnchor, AuditAnchorAdmin)


register_with(admin.site)
