"""COMMANDS: what acts. Every door calls these; no rule lives in a door."""

from agents_app.services.approvals import approve, reject, send_back, settle_outcome
from agents_app.services.archiving import archive_runs
from agents_app.services.budgets import set_budget
from agents_app.services.code_changes import CodeChange, read_code_change
from agents_app.services.driving import run_and_wait
from agents_app.services.erasing import erase_user
from agents_app.services.handlers import forget_handler, release_handler
from agents_app.services.hiding import hide_run, reveal_run
from agents_app.services.inputs import answer_input
from agents_app.services.key_rotation import rotate_keys
from agents_app.services.links import LinkedRequest, decide_by_link, read_link
from agents_app.services.llms import close_breaker
from agents_app.services.notifications import release_notification, set_preferences
from agents_app.services.principals import CODE, SYSTEM, Origin
from agents_app.services.restoring import restore_run
from agents_app.services.runs import cancel_run, pause_run, resume_run, retry_run
from agents_app.services.start import start_run
from agents_app.services.values import Run, read_run

__all__ = [
    "CODE",
    "SYSTEM",
    "CodeChange",
    "LinkedRequest",
    "Origin",
    "Run",
    "answer_input",
    "approve",
    "archive_runs",
    "cancel_run",
    "close_breaker",
    "decide_by_link",
    "erase_user",
    "forget_handler",
    "hide_run",
    "pause_run",
    "read_code_change",
    "read_link",
    "read_run",
    "reject",
    "release_handler",
    "release_notification",
    "restore_run",
    "resume_run",
    "retry_run",
    "reveal_run",
    "rotate_keys",
    "run_and_wait",
    "send_back",
    "set_budget",
    "set_preferences",
    "settle_outcome",
    "start_run",
]
