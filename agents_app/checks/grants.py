"""Standing grants that allow nothing any more, as agents and people are now: somebody relies on them perhaps."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db.utils import Error as DatabaseError

from agents_app.conf import conf
from agents_app.models import StandingGrant
from agents_app.services import grant_problems

HINT = "People are asked as if there were none: revoke it, and make another if it is still wanted."


@register(Tags.database)
def check_grants(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Asked where databases may be, by `migrate` and by `check --database …`."""
    if conf.DATABASE not in (databases or ()):
        return []
    try:
        found = [(row, problem) for row in StandingGrant.objects.live() for problem in grant_problems(row)]
    except DatabaseError:
        return []  # away, or not migrated yet
    return [
        CheckWarning(f"The standing grant {row}: {problem}", hint=HINT, id="agents_app.W030") for row, problem in found
    ]
