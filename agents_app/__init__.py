"""Durable AI agents for Django, with people in front of every act that matters.

What is exported here *declares*, and is safe to import before Django's app registry is ready.
What *acts* (start_run, approve, …) is in `agents_app.services`.
"""

from agents_app.core.approval_times import ApprovalTimes
from agents_app.core.approver_rules import Approvers, Stage
from agents_app.core.budgets import Budget
from agents_app.core.conditions import Condition
from agents_app.core.policy import Rule
from agents_app.definitions.agent import Agent
from agents_app.definitions.code_change import MigratingCall, MigratingRun, migrates
from agents_app.definitions.handlers import on
from agents_app.definitions.knowledge import Knowledge
from agents_app.definitions.markers import Money, Ref, Sensitive
from agents_app.definitions.memory import Memory
from agents_app.definitions.reconcile import Happened, NotHappened, happened, not_happened
from agents_app.definitions.registry import override_llm, register
from agents_app.definitions.resolvers import approver_resolver
from agents_app.definitions.retrieval import Passage, Retriever
from agents_app.definitions.tool_context import ToolContext, tool_context
from agents_app.definitions.tools import Toolset, tool
from agents_app.exceptions import ApprovalRequired, Postpone, ToolFailed, ToolRetry

__all__ = [
    "Agent",
    "ApprovalRequired",
    "ApprovalTimes",
    "Approvers",
    "Budget",
    "Condition",
    "Happened",
    "Knowledge",
    "Memory",
    "MigratingCall",
    "MigratingRun",
    "Money",
    "NotHappened",
    "Passage",
    "Postpone",
    "Ref",
    "Retriever",
    "Rule",
    "Sensitive",
    "Stage",
    "ToolContext",
    "ToolFailed",
    "ToolRetry",
    "Toolset",
    "approver_resolver",
    "happened",
    "migrates",
    "not_happened",
    "on",
    "override_llm",
    "register",
    "tool",
    "tool_context",
]
