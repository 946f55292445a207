"""The commands of the websocket on what is kept: delegations, policies, parked notifications.

Their replies carry what REST would answer.
"""

from collections.abc import Mapping
from typing import Any

from agents_app import services
from agents_app.models import database_now
from agents_app.selectors.delegations import delegation_as_dict, visible_delegations
from agents_app.selectors.notifications import notification_as_dict
from agents_app.selectors.people import lacking, user_named
from agents_app.selectors.runs import one_of
from agents_app.selectors.switches import VIEW_POLICY, may_view_policies, policy_as_dict, visible_policies
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


def _list_policies(command: frames.ListPoliciesCommand, caller: Caller) -> Any:
    if not may_view_policies(caller.user):
        raise lacking(VIEW_POLICY)
    return list(visible_policies(caller.user))


def _read_policy(command: frames.ReadPolicyCommand, caller: Caller) -> Any:
    return one_of(visible_policies(caller.user), command.policy)


def _save_policy(command: frames.SavePolicyCommand, caller: Caller) -> Any:
    values = command.values.model_dump(exclude_unset=True)
    return services.save_policy(values, by=caller.user, policy_id=command.policy)


def _remove_policy(command: frames.RemovePolicyCommand, caller: Caller) -> Any:
    row = one_of(visible_policies(caller.user), command.policy)
    services.delete_policy(command.policy, by=caller.user)
    row.pk = command.policy  # as it was
    return row


def _check_policy(command: frames.CheckPolicyCommand, caller: Caller) -> Any:
    user = None if command.user is None else user_named(command.user)
    return services.explain_call(command.agent, command.tool, command.arguments, by=caller.user, user=user)


def _explanation(found: services.Explanation) -> Any:
    return found.as_dict()


def _policies(rows: Any) -> Any:
    return [policy_as_dict(row) for row in rows]


def _release_notification(command: frames.ReleaseNotificationCommand, caller: Caller) -> Any:
    return services.release_notification(command.notification, by=caller.user)


def _delegation(row: Any) -> Any:
    return delegation_as_dict(row, database_now())


def _delegations(rows: Any) -> Any:
    now = database_now()
    return [delegation_as_dict(row, now) for row in rows]


KEEPING: Mapping[str, Command] = {
    "list_delegations": Command(frames.ListDelegationsCommand, _list_delegations, _delegations),
    "delegate": Command(frames.DelegateCommand, _delegate, _delegation),
    "revoke_delegation": Command(frames.RevokeDelegationCommand, _revoke_delegation, _delegation),
    "list_policies": Command(frames.ListPoliciesCommand, _list_policies, _policies),
    "read_policy": Command(frames.ReadPolicyCommand, _read_policy, policy_as_dict),
    "save_policy": Command(frames.SavePolicyCommand, _save_policy, policy_as_dict),
    "remove_policy": Command(frames.RemovePolicyCommand, _remove_policy, policy_as_dict),
    "check_policy": Command(frames.CheckPolicyCommand, _check_policy, _explanation),
    "release_notification": Command(frames.ReleaseNotificationCommand, _release_notification, notification_as_dict),
}
