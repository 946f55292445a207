"""Policies in rows that do not fit the agents in code: at every call they might be about they ask a person."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db.utils import Error as DatabaseError

from agents_app.conf import conf
from agents_app.models import ApprovalPolicy
from agents_app.services import policy_problems

HINT = "It asks a person wherever it cannot be evaluated: correct it in the admin, or remove it."


@register(Tags.database)
def check_policies(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Asked where databases may be, by `migrate` and by `check --database …`."""
    if conf.DATABASE not in (databases or ()):
        return []
    try:
        rows = list(ApprovalPolicy.objects.filter(active=True))
    except DatabaseError:
        return []  # away, or not migrated yet
    return [
        CheckWarning(f"The policy “{row.name}”: {problem.message}", hint=HINT, id="agents_app.W029")
        for row in rows
        for problem in policy_problems(row)
    ]
