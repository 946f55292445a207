"""What of a run's rows its hash chain holds: the ledger of tool calls, the questions, and what people said to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address
from typing import Any

from django.db import models
from django.db.models.expressions import DatabaseDefault

from agents_app.core.chain import digest_of, json_text, link_of, new_salt
from agents_app.core.status import ToolCallStatus
from agents_app.models.approval import ApprovalRequest, Decision, NamedApprover
from agents_app.models.event import AgentEvent
from agents_app.models.input_request import InputRequest
from agents_app.models.tool_call import ToolCall

AUDITED: tuple[type[models.Model], ...] = (ToolCall, ApprovalRequest, NamedApprover, Decision, InputRequest)

LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    # When somebody looks again, and by whom: that changes without an event. `sealed` is sealed anew with newer keys;
    # what is in it is bound by `digest`.
    "toolcall": (*("sealed", "status_at", "claim_number", "deadline_at", "not_before", "postponements", "reconcile"),),
}
"""By table, the columns that the chain does not hold. Every other one is held, also those that come later: a row that
has a column's default is as if it had no such column. So such a column keeps its name and its default for ever."""

EVENT = "agentevent"
"""How an event is bound whose words were erased."""

SAME: Mapping[Any, str] = {ToolCallStatus.READY: ToolCallStatus.PROPOSED}
"""Statuses between which a call moves without an event."""


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    default: Any
    kind: str


@cache
def _columns(model: type[models.Model]) -> tuple[tuple[_Column, ...], tuple[_Column, ...]]:
    """What its digest covers, and the references that may become empty."""
    held: list[_Column] = []
    loose: list[_Column] = []
    left_out = LEFT_OUT.get(str(model._meta.model_name), ())
    for field in model._meta.concrete_fields:
        if field.primary_key or field.name in left_out:
            continue
        column = _Column(field.attname, _default(field), type(field).__name__)
        (loose if _may_be_emptied(field) else held).append(column)
    return tuple(sorted(held, key=lambda column: column.name)), tuple(loose)


def _default(field: Any) -> Any:
    return None if field.is_relation or callable(field.default) else field.get_default()


def _may_be_emptied(field: Any) -> bool:
    """A person may be deleted, and other rows of theirs with them: what was said stays, with the name."""
    return bool(field.is_relation and field.null and field.remote_field.on_delete is not models.CASCADE)


def bound(salt: str, row: models.Model) -> list[Any]:
    """How an event binds this row as it is."""
    kind, held, loose = _kind(row), *_columns(type(row))
    entry: list[Any] = [kind, str(row.pk), digest_of(salt, kind, row.pk, _text(row, held))]
    references = {column.name: _reference(salt, row, column) for column in loose if getattr(row, column.name)}
    return [*entry, references] if references else entry


def differs(salt: str, row: models.Model, entry: list[Any]) -> bool:
    """Whether the row is not what was bound. A reference may have been emptied since."""
    now = bound(salt, row)
    if now[:3] != list(entry[:3]):
        return True
    then: Mapping[str, str] = entry[3] if len(entry) > 3 else {}
    return any(then.get(name) != digest for name, digest in (now[3] if len(now) > 3 else {}).items())


def event_digest(salt: str, event: AgentEvent) -> str:
    """Of what the event says."""
    return digest_of(salt, EVENT, event.sequence, json_text(event.data))


def event_link(before: str, event: AgentEvent, data: str) -> str:
    """The link that the event has after this one. data: the digest of what it says."""
    return link_of(
        before,
        run=event.context_id,
        sequence=event.sequence,
        type=event.type,
        at=moment_text(event.at),
        data=data,
        bound=event.bound or (),
    )


class Rebinding:
    """Binding a run's rows anew under another salt, once a person was erased from them. `bound` is for the event that
    tells of it."""

    def __init__(self, before: str | None) -> None:
        self.salt = new_salt()
        self.bound: list[list[Any]] = []
        self._before = before or ""

    def digest(self, event: AgentEvent) -> str:
        """What the event keeps of what it said; asked before it is changed."""
        return event.digest or event_digest(self._before, event)

    def bind(self, row: models.Model) -> None:
        """Bind the row as it is now."""
        if isinstance(row, AgentEvent):
            if row.link is not None:
                self.bound.append([EVENT, str(row.sequence), event_digest(self.salt, row)])
        elif type(row) in AUDITED:
            self.bound.append(bound(self.salt, row))


def moment_text(value: datetime) -> str:
    """One text for one moment."""
    if value.tzinfo is not None and value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat()


def _kind(row: models.Model) -> str:
    return str(row._meta.model_name)


def _reference(salt: str, row: models.Model, column: _Column) -> str:
    return digest_of(salt, column.name, row.pk, str(getattr(row, column.name)))


def _text(row: models.Model, columns: tuple[_Column, ...]) -> str:
    values: dict[str, Any] = {}
    for column in columns:
        value = getattr(row, column.name)
        if column.name == "status":
            value = SAME.get(value, value)
        if value is None or value == column.default or isinstance(value, DatabaseDefault):
            continue
        values[column.name] = _plain(value, column)
    return json_text(values)


def _plain(value: Any, column: _Column) -> Any:
    if isinstance(value, str):
        return _address(value) if column.kind == "GenericIPAddressField" else value
    if isinstance(value, datetime):
        return moment_text(value)
    return value if isinstance(value, bool | int | float | list | tuple | dict) else str(value)


def _address(text: str) -> str:
    """Databases have one way of their own to write an address."""
    try:
        return str(ip_address(text))
    except ValueError:
        return text
