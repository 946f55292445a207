"""Runs that were archived, and saying so where somebody looks for one."""

from typing import Any
from uuid import UUID

from pydantic import Field

from agents_app.core.status import RunStatus
from agents_app.exceptions import Archived, NotFound
from agents_app.models import AgentContext, ArchivedRun
from agents_app.selectors.people import CONTROL, VIEW_RUN, not_hidden, their_own, visible_runs
from agents_app.selectors.runs import is_id, one_of
from agents_app.selectors.shapes import Moment, Shape


class ArchivedRunShape(Shape):
    """What is still known of a run that was moved out of the database."""

    id: UUID = Field(description="The run's id.")
    agent: str
    status: RunStatus
    version: int = Field(description="The number of its last event.")
    user: str | None = Field(description="The primary key of the user whose run it is.")
    user_name: str
    session: str | None = Field(description="The key of its session.")
    created_at: Moment
    ended_at: Moment
    archived_at: Moment
    archive: str = Field(description="The name of the file that holds it.")
    hidden_at: Moment | None
    erased_at: Moment | None = Field(description="Since when it holds nothing of its user any more.")


def visible_archived_runs(user: Any) -> Any:
    """The archived runs that this person may know of (a queryset)."""
    runs = ArchivedRun.objects.all()
    if not user.is_active:
        return runs.none()
    runs = not_hidden(runs, user)
    return runs if user.has_perm(VIEW_RUN) else their_own(runs, user)


def may_restore(user: Any) -> bool:
    """Whether this person may bring archived runs back that they may know of."""
    return bool(user.is_active and user.has_perm(CONTROL))


def archived_run_as_dict(entry: ArchivedRun) -> dict[str, Any]:
    """What is still known of it, as JSON values, for those who may know of it."""
    kept = (
        "agent",
        "status",
        "version",
        "user_name",
        "created_at",
        "ended_at",
        "archived_at",
        "hidden_at",
        "erased_at",
    )
    return ArchivedRunShape(
        id=entry.pk,
        user=None if entry.user_id is None else str(entry.user_id),
        session=None if entry.session is None else entry.session.key,
        archive=entry.archive.name,
        **{name: getattr(entry, name) for name in kept},
    ).model_dump(mode="json")


def run_seen_by(user: Any, run_id: Any, runs: Any = None) -> AgentContext:
    """The run of this id, if this person may know of it; runs: other rows than `visible_runs` to look in.

    Raises NotFound, and Archived (which is one) if it was moved out of the database.
    """
    try:
        context: AgentContext = one_of(visible_runs(user) if runs is None else runs, run_id)
    except NotFound:
        entry = find_archived_run(user, run_id)
        if entry is None:
            raise
        raise archived(entry) from None
    return context


def find_archived_run(user: Any, run_id: Any) -> ArchivedRun | None:
    """The archived run of this id; None if there is none that this person may know of."""
    entries = visible_archived_runs(user).filter(pk=run_id) if is_id(run_id) else ArchivedRun.objects.none()
    found: ArchivedRun | None = entries.first()
    return found


def archived(entry: ArchivedRun) -> Archived:
    """The error that says what is still known of an archived run."""
    text = (
        f"This run of {entry.agent} was {entry.status} on {entry.ended_at:%Y-%m-%d} and archived on "
        f"{entry.archived_at:%Y-%m-%d}. An operator can bring it back: manage.py agents_restore {entry.pk}"
    )
    facts: dict[str, Any] = {"agent": entry.agent, "status": entry.status, "version": entry.version}
    times = {name: getattr(entry, name).isoformat() for name in ("created_at", "ended_at", "archived_at")}
    return Archived(text, run=str(entry.pk), **facts, **times)
