"""The commands of the websocket on what is kept: delegations. Their replies carry what REST would answer."""

from collections.abc import Mapping
from typing import Any

from agents_app import services
from agents_app.models import database_now
from agents_app.selectors.delegations import delegation_as_dict, visible_delegations
from agents_app.ws import keeping_frames as frames
from agents_app.ws.calling import Caller, Command

MOST = 200
"""Rows of one reply."""


def _list_delegations(command: frames.ListDelegationsCommand, caller: Caller) -> Any:
    return list(visible_delegations(caller.user)[:MOST])


def _delegate(command: frames.DelegateCommand, caller: Caller) -> Any:
    given: dict[str, Any] = {"giver": command.giver, "since": command.since, "reason": command.reason}
    return services.delegate(to=command.to, by=caller.user, until=command.until, **given)


def _revoke_delegation(command: frames.RevokeDelegationCommand, caller: Caller) -> Any:
    return services.revoke_delegation(command.delegation, by=caller.user)


def _delegation(row: Any) -> Any:
    return delegation_as_dict(row, database_now())


def _delegations(rows: Any) -> Any:
    now = database_now()
    return [delegation_as_dict(row, now) for row in rows]


KEEPING: Mapping[str, Command] = {
    "list_delegations": Command(frames.ListDelegationsCommand, _list_delegations, _delegations),
    "delegate": Command(frames.DelegateCommand, _delegate, _delegation),
    "revoke_delegation": Command(frames.RevokeDelegationCommand, _revoke_delegation, _delegation),
}
