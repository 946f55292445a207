"""What auditors take away: the decisions of a period, and the seals of all anchors, a portion at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.translation import gettext

from agents_app.core.archive_lines import StoredRun
from agents_app.core.tables import FORMATS, as_text
from agents_app.exceptions import InvalidInput
from agents_app.models import AgentContext, ApprovalRequest, Archive, Decision, ToolCall, as_stored
from agents_app.models.archive import ArchiveState
from agents_app.models.audited import moment_text
from agents_app.models.belongings import row_from
from agents_app.models.fields import first_uuid7
from agents_app.selectors.anchors import anchors
from agents_app.selectors.by_key import by_key
from agents_app.selectors.people import EXPORT, VIEW_HIDDEN, lacking, may_export, not_hidden
from agents_app.services import archive_files

PORTION = 500
"""Decisions that are read together."""

SKEW = timedelta(days=1)
"""Keys are made of the time of the host that decided, which may be wrong; periods are of the database's time."""

DECISIONS = (
    *("decision", "decided_at", "verdict", "person", "person_id", "on_behalf_of", "door", "address", "reason"),
    *("digest_shown", "digest", "arguments_before", "arguments", "stage", "round"),
    *("request", "request_status", "rule", "requester", "call", "number", "tool", "effect", "call_status"),
    *("call_arguments", "run", "agent"),
)
ANCHORS = ("number", "made_at", "runs", "before", "seal")
"""Columns."""

EARLIEST, LATEST = as_stored(datetime(1971, 1, 1, tzinfo=UTC)), as_stored(datetime(9000, 1, 1, tzinfo=UTC))
"""Of what keys can say."""

Portions = Iterator[Sequence[Mapping[str, Any]]]


def export_decisions(
    *,
    by: Any,
    since: datetime,
    until: datetime,
    format: str = "csv",  # noqa: A002  its word
    archives: bool = False,
) -> Iterator[str]:
    """The decisions from `since` on and before `until` as a table, in pieces of text: memory stays small.

    Sensitive arguments are masked. archives: those of archived runs as well, after the others; that reads files. Runs
    that are hidden from this person are left out. Raises NotPermitted and InvalidInput, before the first piece.
    """
    _check(by, format)
    if until <= since:
        raise InvalidInput(gettext("The period ends before it begins."), code="period")
    since, until = (min(max(moment, EARLIEST), LATEST) for moment in (since, until))
    portions = _stored(by, since, until)
    if archives:
        portions = _chained(portions, _archived(by, since, until))
    return as_text(format, DECISIONS, portions)


def export_anchors(*, by: Any, format: str = "csv") -> Iterator[str]:  # noqa: A002  its word
    """All anchors with their seals, the same way: to be kept elsewhere, and compared with later."""
    _check(by, format)
    rows = ({name: _plain(getattr(anchor, name)) for name in ANCHORS} for anchor in anchors())
    return as_text(format, ANCHORS, ([row] for row in rows))


def _check(by: Any, format: str) -> None:  # noqa: A002  its word
    if not may_export(by):
        raise lacking(EXPORT)
    if format not in FORMATS:
        raise InvalidInput(gettext("The format is one of: %(formats)s.") % {"formats": ", ".join(FORMATS)})


def _chained(*sources: Portions) -> Portions:
    for source in sources:
        yield from source


def _stored(by: Any, since: datetime, until: datetime) -> Portions:
    # By the key, which is made of the time and has an index; the exact period is of the column.
    rows = not_hidden(Decision.objects.all(), by, "call__context__").filter(
        pk__lt=first_uuid7(until + SKEW), decided_at__gte=since, decided_at__lt=until
    )
    rows = rows.select_related("call__context", "request").order_by("pk")
    last = first_uuid7(since - SKEW)
    while portion := list(rows.filter(pk__gt=last)[:PORTION]):
        yield [_row(made, made.call, made.request, made.call.context) for made in portion]
        last = portion[-1].pk


def _archived(by: Any, since: datetime, until: datetime) -> Portions:
    entries = {"entries__created_at__lt": until + SKEW, "entries__archived_at__gte": since - SKEW}
    found = Archive.objects.filter(state=ArchiveState.COMPLETE, **entries).distinct()
    for archive in by_key(found, PORTION):
        for run in archive_files.read(archive):
            # One that was restored is among the others.
            if not AgentContext.objects.filter(pk=run.id).exists():
                yield _of_run(run, by, since, until)


def _of_run(run: StoredRun, by: Any, since: datetime, until: datetime) -> list[dict[str, Any]]:
    rows = [row for row in (row_from(row, to_save=False) for row in run.rows) if row is not None]
    context = next(row for row in rows if isinstance(row, AgentContext))
    if context.hidden_at is not None and not by.has_perm(VIEW_HIDDEN):
        return []
    calls = {row.pk: row for row in rows if isinstance(row, ToolCall)}
    requests = {row.pk: row for row in rows if isinstance(row, ApprovalRequest)}
    return [
        _row(made, calls[made.call_id], None if made.request_id is None else requests[made.request_id], context)
        for made in _by_key(row for row in rows if isinstance(row, Decision))
        if since <= made.decided_at < until
    ]


def _by_key(decisions: Iterable[Decision]) -> list[Decision]:
    return sorted(decisions, key=lambda made: made.pk)


def _row(made: Decision, call: ToolCall, request: ApprovalRequest | None, context: AgentContext) -> dict[str, Any]:
    values = {
        "decision": made.pk,
        "decided_at": made.decided_at,
        "verdict": made.verdict,
        "person": made.user_name,
        "person_id": made.user_id,
        "on_behalf_of": made.on_behalf_of_name,
        "door": made.door,
        "address": made.address,
        "reason": made.reason,
        "digest_shown": made.digest_shown,
        "digest": made.digest,
        "arguments_before": made.arguments_before,
        "arguments": made.arguments,
        "stage": None if request is None else made.stage + 1,
        "round": made.round,
        "request": None if request is None else request.pk,
        "request_status": None if request is None else request.status,
        "rule": None if request is None else request.rule,
        "requester": None if request is None else request.requester_name,
        "call": call.pk,
        "number": call.number,
        "tool": call.tool,
        "effect": call.effect,
        "call_status": call.status,
        "call_arguments": call.arguments,
        "run": context.pk,
        "agent": context.agent,
    }
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment_text(value)
    return value if value is None or isinstance(value, str | int) else str(value)
