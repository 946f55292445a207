"""COMMANDS: what acts. Every door calls these; no rule lives in a door."""

from agents_app.core.bulk import Choice, Report
from agents_app.services.approvals import approve, reject, send_back, settle_outcome
from agents_app.services.archiving import archive_runs
from agents_app.services.budgets import set_budget
from agents_app.services.bulk import decide_many
from agents_app.services.claiming import claim_request, reassign_request, release_request
from agents_app.services.code_changes import CodeChange, read_code_change
from agents_app.services.delegating import delegate, revoke_delegation
from agents_app.services.driving import run_and_wait
from agents_app.services.erasing import Erasure, erase_user
from agents_app.services.explaining import Explanation, explain_call
from agents_app.services.exporting import export_anchors, export_decisions
from agents_app.services.grants import grant_problems, make_grant, revoke_grant
from agents_app.services.handlers import forget_handler, release_handler
from agents_app.services.hiding import hide_run, reveal_run
from agents_app.services.inputs import answer_input
from agents_app.services.key_rotation import rotate_keys
from agents_app.services.links import LinkedRequest, decide_by_link, read_link
from agents_app.services.llms import close_breaker
from agents_app.services.memory import (
    correct_entity,
    correct_fact,
    forget_entity,
    forget_fact,
    forget_working_memory,
    merge_entities,
    remember_entity,
    remember_fact,
    update_working_memory,
)
from agents_app.services.memory_export import export_memory
from agents_app.services.notifications import release_notification, set_preferences
from agents_app.services.policies import PolicyProblem, delete_policy, policy_problems, save_policy
from agents_app.services.principals import CODE, SYSTEM, Origin
from agents_app.services.priorities import set_priority
from agents_app.services.restoring import restore_run
from agents_app.services.runs import cancel_run, pause_run, resume_run, retry_run
from agents_app.services.start import start_run
from agents_app.services.switches import switch_off, switch_on
from agents_app.services.values import Run, read_run

__all__ = [
    "CODE",
    "SYSTEM",
    "Choice",
    "CodeChange",
    "Erasure",
    "Explanation",
    "LinkedRequest",
    "Origin",
    "PolicyProblem",
    "Report",
    "Run",
    "answer_input",
    "approve",
    "archive_runs",
    "cancel_run",
    "claim_request",
    "close_breaker",
    "correct_entity",
    "correct_fact",
    "decide_by_link",
    "decide_many",
    "delegate",
    "delete_policy",
    "erase_user",
    "explain_call",
    "export_anchors",
    "export_decisions",
    "export_memory",
    "forget_entity",
    "forget_fact",
    "forget_handler",
    "forget_working_memory",
    "grant_problems",
    "hide_run",
    "make_grant",
    "merge_entities",
    "pause_run",
    "policy_problems",
    "read_code_change",
    "read_link",
    "read_run",
    "reassign_request",
    "reject",
    "release_handler",
    "release_notification",
    "release_request",
    "remember_entity",
    "remember_fact",
    "restore_run",
    "resume_run",
    "retry_run",
    "reveal_run",
    "revoke_delegation",
    "revoke_grant",
    "rotate_keys",
    "run_and_wait",
    "save_policy",
    "send_back",
    "set_budget",
    "set_preferences",
    "set_priority",
    "settle_outcome",
    "start_run",
    "switch_off",
    "switch_on",
    "update_working_memory",
]
