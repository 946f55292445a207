"""System checks: mistakes are told at start-up, each with a hint. Importing this registers them."""

from agents_app.checks.agents import agent_problems, check_agents
from agents_app.checks.approvers import check_approver_groups, check_approvers
from agents_app.checks.aws import check_aws
from agents_app.checks.celery import check_celery
from agents_app.checks.database import check_durability
from agents_app.checks.grants import check_grants
from agents_app.checks.handlers import check_handlers
from agents_app.checks.keys import check_keys
from agents_app.checks.knowledge import check_collections
from agents_app.checks.knowledge_settings import check_knowledge_settings
from agents_app.checks.limits import check_limits
from agents_app.checks.notify import check_notify
from agents_app.checks.policies import check_policies
from agents_app.checks.push import check_push
from agents_app.checks.queue import check_queue
from agents_app.checks.settings import check_settings

__all__ = [
    "agent_problems",
    "check_agents",
    "check_approver_groups",
    "check_approvers",
    "check_aws",
    "check_celery",
    "check_collections",
    "check_durability",
    "check_grants",
    "check_handlers",
    "check_keys",
    "check_knowledge_settings",
    "check_limits",
    "check_notify",
    "check_policies",
    "check_push",
    "check_queue",
    "check_settings",
]
