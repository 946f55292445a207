"""Commands on standing grants: allow the like of a request from now on, and end that."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from django.db import transaction
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.core.conditions import Condition, conditions_of, problems, stored_conditions
from agents_app.core.events import EventType
from agents_app.core.grants import GrantScope
from agents_app.core.json_paths import parse_path
from agents_app.core.status import ApprovalStatus
from agents_app.definitions.registry import registry
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import AgentsError, InvalidInput, NotFound, NotPermitted, WrongState
from agents_app.gate.approvers import Permission
from agents_app.gate.asking import rule_for
from agents_app.gate.grants import alone, may_grant
from agents_app.models import (
    AgentContext,
    ApprovalRequest,
    StandingGrant,
    as_stored,
    database_now,
)
from agents_app.selectors.delegations import key_of, user_of_key
from agents_app.selectors.grants import ADD_GRANT, REVOKE_GRANT, may_revoke, visible_grants
from agents_app.selectors.people import DECIDE, name_of, visible_approvals
from agents_app.selectors.runs import one_of
from agents_app.services.edits import tool_of
from agents_app.services.journal import ADDED, noted
from agents_app.services.principals import CODE, Origin
from agents_app.services.runs import checked_reason
from agents_app.transitions import change, grants

logger = logging.getLogger("agents_app.services")

NEVER: Literal["never"] = "never"
ANY: Literal["any"] = "any"
MOST_USES = 1_000_000
OPEN = (ApprovalStatus.PENDING, ApprovalStatus.APPROVED)
"""What a request may be for the like of it to be allowed."""


def may_make(user: Any, request: ApprovalRequest) -> Permission:
    """Whether this person may make a grant from this request."""
    if not (user.is_active and user.has_perm(ADD_GRANT)):
        return Permission(
            allowed=False,
            rule=ADD_GRANT,
            reason=gettext("This needs the permission %(permission)s.") % {"permission": ADD_GRANT},
        )
    return may_grant(user, request)


def make_grant(
    request_id: Any,
    *,
    by: Any,
    scope: GrantScope | str,
    conditions: Sequence[Condition | dict[str, Any]] | Literal["any"],
    expires_at: datetime | Literal["never"],
    uses: int | None = None,
    reason: str = "",
    origin: Origin = CODE,
) -> StandingGrant:
    """Allow calls like the one of this request from now on; the request itself is not decided by it.

    scope: in which runs: of the request's session, of its user, or all of its agent. conditions: on the arguments, all
    must hold; "any": whatever they are. uses: how many calls; None: as many as wanted. It needs add_standinggrant and
    the right to approve this very request alone. Raises NotFound, NotPermitted, WrongState, and InvalidInput.
    """
    request: ApprovalRequest = one_of(visible_approvals(by), request_id)
    permission = may_make(by, request)
    if not permission.allowed:
        raise NotPermitted(permission.reason, rule=permission.rule)
    if request.status not in OPEN:
        text = gettext("The request is %(status)s: only what is asked or approved can be allowed for longer.")
        raise WrongState(text % {"status": gettext(request.status)})
    tool, now = tool_of(request), database_now()
    row = StandingGrant(
        agent=request.context.agent,
        tool=request.call.tool,
        conditions=_conditions(conditions, tool),
        uses_left=_uses(uses),
        expires_at=_end(expires_at, now),
        reason=checked_reason(reason).strip(),
        owner_key=key_of(by),
        owner_name=name_of(by),
        door=origin.door,
        made_at=now,
        request_key=request.pk,
        run_key=request.context_id,
        **_scope(scope, request.context),
    )
    with change(request.context_id) as edit:
        row.save(force_insert=True)
        grants.tell(edit, EventType.GRANT_MADE, row, by=row.owner_name)
        noted(by, row, "made", ADDED)
    logger.info("%s made the standing grant %s for %s.", row.owner_name, row.pk, row.tool)
    return row


def revoke_grant(grant_id: Any, *, by: Any, reason: str = "") -> StandingGrant:
    """Let it count no more, from the very next start of a call on. What has started is not touched.

    Its owner may, and who has revoke_standinggrant. What is revoked stays as it was. Raises NotFound, NotPermitted.
    """
    row: StandingGrant = one_of(visible_grants(by), grant_id)
    if not may_revoke(by, row):
        text = gettext("Only %(who)s, and people with the permission %(permission)s, may revoke this.")
        text %= {"who": row.owner_name, "permission": REVOKE_GRANT}
        raise NotPermitted(text, rule=REVOKE_GRANT)
    words = {"revoked_by_name": name_of(by), "revoked_reason": checked_reason(reason).strip()}
    words["revoked_by_key"] = key_of(by)
    try:
        with change(row.run_key) as edit:
            if _end_now(row, words):
                grants.tell(edit, EventType.GRANT_REVOKED, row, by=name_of(by))
                noted(by, row, "revoked")
    except NotFound:  # the run that it was made from is archived
        with transaction.atomic(using=conf.DATABASE):
            if _end_now(row, words):
                noted(by, row, "revoked")
    row.refresh_from_db()
    return row


def grant_problems(row: StandingGrant) -> list[str]:
    """Why it allows nothing any more as things are, each a sentence, by the agents and people there are now."""
    try:
        tool = registry.get(row.agent).tools.get(row.tool)
    except AgentsError as error:
        return [error.message]
    if tool is None:
        named = {"agent": row.agent, "tool": row.tool}
        return [gettext("The agent %(agent)s has no tool “%(tool)s” any more.") % named]
    found = []
    try:
        found += [problem.message for problem in problems(conditions_of(row.conditions), tool.parameters)]
    except InvalidInput as error:
        found.append(gettext("Its conditions cannot be read: %(why)s") % {"why": error.message})
    owner = user_of_key(row.owner_key)
    if owner is None or not (owner.is_active and owner.has_perm(DECIDE)):
        found.append(gettext("%(who)s, who allows it, may not decide any more.") % {"who": row.owner_name})
    if not alone(rule_for(tool, None)):
        found.append(gettext("Several people have to approve such calls now."))
    return found


def sensitive_of(row: StandingGrant) -> tuple[str, ...]:
    """The parameters of its tool whose values not everybody may see: where the tool is gone, all of them."""
    try:
        tool = registry.get(row.agent).tools.get(row.tool)
    except AgentsError:
        tool = None
    if tool is not None:
        return tuple(tool.sensitive)
    try:
        return tuple(str(parse_path(condition.path)[0]) for condition in conditions_of(row.conditions))
    except InvalidInput:
        return ()


def _end_now(row: StandingGrant, words: dict[str, Any]) -> bool:
    """Whether this was it; False if it was revoked already."""
    return StandingGrant.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=database_now(), **words) > 0


def _scope(scope: GrantScope | str, context: AgentContext) -> dict[str, Any]:
    try:
        where = GrantScope(scope)
    except ValueError:
        text = gettext("The scope is one of: %(names)s.") % {"names": ", ".join(GrantScope)}
        raise _wrong("scope", text) from None
    if where is GrantScope.SESSION:
        if context.session_id is None:
            raise _wrong("scope", gettext("The run of this request has no session."))
        return {"scope": where, "session_id": context.session_id}
    if where is GrantScope.USER:
        if context.user_id is None:
            raise _wrong("scope", gettext("The run of this request has no user."))
        return {"scope": where, "user_key": str(context.user_id), "user_name": context.details.user_name}
    return {"scope": where}


def _conditions(given: Any, tool: ToolSpec) -> list[dict[str, Any]]:
    if given == ANY:
        return []
    try:
        found = conditions_of(given)
        wrong = problems(found, tool.parameters)
    except InvalidInput as error:
        wrong = list(error.details.get("problems", ()))
        if not wrong:
            raise _wrong("conditions", error.message) from None
    if wrong:
        errors = [{"path": ["conditions", each.index, each.field], "message": each.message} for each in wrong]
        named = {"number": wrong[0].index + 1, "text": wrong[0].message}
        raise InvalidInput(gettext("Condition %(number)s: %(text)s") % named, errors=errors)
    if not found:
        text = gettext('Without a condition it holds whatever the arguments are: say so by the word "any".')
        raise _wrong("conditions", text)
    return stored_conditions(found)


def _uses(uses: Any) -> int | None:
    if uses is not None and not (type(uses) is int and 1 <= uses <= MOST_USES):
        raise _wrong("uses", gettext("The number of uses is a whole number from 1 to %(most)s.") % {"most": MOST_USES})
    return uses


def _end(given: Any, now: datetime) -> datetime | None:
    if given == NEVER:
        return None
    if not isinstance(given, datetime):
        raise _wrong("expires_at", gettext('Say until when, or by the word "never" that it has no end.'))
    moment = as_stored(given)
    if moment <= now:
        raise _wrong("expires_at", gettext("It would have ended already."))
    return moment


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, errors=[{"path": [field], "message": message}])


__all__ = ["ANY", "NEVER", "grant_problems", "make_grant", "may_make", "revoke_grant", "sensitive_of"]
