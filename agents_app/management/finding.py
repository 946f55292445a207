"""Finding a row by its id, or by the beginning of it."""

import re
from typing import Any
from uuid import UUID

from agents_app.exceptions import InvalidInput, NotFound
from agents_app.models import AgentContext
from agents_app.selectors.archives import archived, visible_archived_runs
from agents_app.selectors.people import visible_runs
from agents_app.selectors.runs import one_of

ID_LENGTH = 32
ABBREVIATED = re.compile(r"[0-9a-f]{4,31}")
SHOWN = 5


def find_run(user: Any, text: str) -> AgentContext:
    """The run that this person may know of. Raises NotFound, Archived, and InvalidInput."""
    try:
        context: AgentContext = find(visible_runs(user), text)
    except NotFound as error:
        try:
            entry = find(visible_archived_runs(user), text)
        except NotFound:
            raise error from None
        raise archived(entry) from None
    return context


def find(rows: Any, text: str) -> Any:
    """The one of these rows whose id is this, or begins so (4 characters or more).

    Raises NotFound, and InvalidInput if several begin so.
    """
    beginning = text.strip().replace("-", "").lower()
    if not ABBREVIATED.fullmatch(beginning):
        return one_of(rows, text.strip())
    first = UUID(beginning.ljust(ID_LENGTH, "0"))
    last = UUID(beginning.ljust(ID_LENGTH, "f"))
    found = list(rows.filter(pk__gte=first, pk__lte=last).order_by("pk")[: SHOWN + 1])
    noun = rows.model._meta.verbose_name
    if not found:
        raise NotFound(f"There is no {noun} whose id begins with {text}, or you may not see it.")
    if len(found) > 1:
        more = " …" if len(found) > SHOWN else ""
        ids = " ".join(str(row.pk) for row in found[:SHOWN])
        raise InvalidInput(f"Several {noun}s begin with {text}: {ids}{more}", code="ambiguous_id")
    return found[0]
