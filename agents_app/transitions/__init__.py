"""THE ONLY WRITER OF STATUS. Each function performs a move inside one `change` of one run."""

from agents_app.transitions import (
    approvals,
    briefings,
    budgets,
    calls,
    claims,
    code_changes,
    grants,
    inputs,
    runs,
    thinking,
)
from agents_app.transitions.change import Change, change, change_known, look
from agents_app.transitions.rows import OpenRows

__all__ = [
    "Change",
    "OpenRows",
    "approvals",
    "briefings",
    "budgets",
    "calls",
    "change",
    "change_known",
    "claims",
    "code_changes",
    "grants",
    "inputs",
    "look",
    "runs",
    "thinking",
]
