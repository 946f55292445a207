"""Standing grants: may a yes that somebody gave for the like of a call stand for asking them, or anybody.

A grant gives nothing that its owner, asked alone and today, could not give: where several have to say yes, where the
owner asked for the call, where a rule could not be evaluated, a person is asked as if there were none.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext
from pydantic import BaseModel

from agents_app.core.approver_rules import Approvers
from agents_app.core.conditions import conditions_of, holds
from agents_app.core.grants import GrantScope
from agents_app.core.policy import Answer, Ruling, strongest
from agents_app.core.status import Verdict
from agents_app.definitions.tool_context import ToolContext
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import InvalidInput
from agents_app.gate.approvers import Permission, PutTo, by_own_right, may_decide, put_to_now
from agents_app.gate.asking import named_by, rule_for
from agents_app.gate.policy import is_same_agent
from agents_app.models import AgentContext, ApprovalRequest, StandingGrant, ToolCall
from agents_app.models.requester import requester_of
from agents_app.selectors.delegations import key_of, user_of_key
from agents_app.selectors.rules import Rules

MOST_ASKED = 500
"""Grants that may be about one call; whoever has more is asked about what the others would allow."""

NARROWEST = (GrantScope.SESSION, GrantScope.USER, GrantScope.AGENT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Granted:
    """The grant that allows a call. counts: this start is a use of it; the call has not been started by it before."""

    id: UUID
    counts: bool


def alone(rule: Approvers) -> bool:
    """Whether one person's yes is enough."""
    stages = rule.ordered()
    return len(stages) == 1 and stages[0].quorum == 1


def may_grant(user: Any, request: ApprovalRequest) -> Permission:
    """Whether this person may allow the like of a request from now on: who may approve it alone, by their own right."""
    if not alone(request.approver_rule):
        reason = gettext("Several people have to approve such a call: nobody can allow it for the future alone.")
        return Permission(allowed=False, rule="quorum", reason=reason)
    found = by_own_right(user, request, put_to_now(request))
    return may_decide(user, request, Verdict.APPROVED) if found.allowed else found


def granted(
    call: ToolCall,
    tool: ToolSpec,
    context: ToolContext,
    arguments: BaseModel,
    found: Sequence[Ruling],
    rules: Rules,
) -> Granted | None:
    """The standing grant that allows this call, which people would be asked about; None: ask them.

    Its uses are counted, and whether it still stands is asked again, by the transaction that starts the call.
    """
    if tool.name not in rules.granted:
        return None
    grant = next(_allowing(_about, call, tool, context, arguments, found), None)
    return None if grant is None else Granted(id=grant.pk, counts=grant.pk != call.grant_id)


def would_grant(
    call: ToolCall, tool: ToolSpec, context: ToolContext, arguments: BaseModel, found: Sequence[Ruling]
) -> list[StandingGrant]:
    """The grants that would allow a call that nobody makes, the narrowest first. Its run has no session yet: those of
    any session are among them, and without a user those of any user."""
    return list(_allowing(_imaginable, call, tool, context, arguments, found))


def _allowing(
    about: Callable[[ToolCall], Iterable[StandingGrant]],
    call: ToolCall,
    tool: ToolSpec,
    context: ToolContext,
    arguments: BaseModel,
    found: Sequence[Ruling],
) -> Iterator[StandingGrant]:
    ruling = strongest(found)
    rule = rule_for(tool, ruling.approvers)
    # A rule in doubt may be one that denies: somebody has to look.
    if ruling.answer is not Answer.ASK or any(each.doubt for each in found) or not alone(rule):
        return
    named: frozenset[str] | None = None
    if rule.ordered()[0].resolver:
        named = frozenset(named_by(rule, tool, context, arguments).get(0, ()))
    question = _as_asked(call, rule, tool)
    values = json.loads(tool.text(arguments), parse_float=Decimal)
    for grant in about(call):
        if _holds(grant, tool, values) and _yes_of(grant, question, rule, named):
            yield grant


def _imaginable(call: ToolCall) -> Iterable[StandingGrant]:
    run: AgentContext = call.context
    rows = StandingGrant.objects.live().filter(tool=call.tool).order_by("pk")
    if run.user_id is not None:
        rows = rows.filter(~Q(scope=GrantScope.USER) | Q(user_key=str(run.user_id)))
    return sorted((grant for grant in rows[:MOST_ASKED] if is_same_agent(grant.agent, run.agent)), key=_order)


def _about(call: ToolCall) -> Iterable[StandingGrant]:
    """Those that may be about this call: first the one that allowed it before, then the narrowest, then the first to
    end."""
    run: AgentContext = call.context
    scopes = Q(scope=GrantScope.AGENT)
    if run.session_id is not None:
        scopes |= Q(scope=GrantScope.SESSION, session_id=run.session_id)
    if run.user_id is not None:
        scopes |= Q(scope=GrantScope.USER, user_key=str(run.user_id))
    live = StandingGrant.objects.live()
    if call.grant_id is not None:
        live |= StandingGrant.objects.standing().filter(pk=call.grant_id)
    rows = list(live.filter(scopes, tool=call.tool).order_by("pk")[:MOST_ASKED])
    same = (grant for grant in rows if grant.agent == run.agent or is_same_agent(grant.agent, run.agent))
    return sorted(same, key=lambda grant: (grant.pk != call.grant_id, *_order(grant)))


def _order(grant: StandingGrant) -> tuple[Any, ...]:
    ends = "" if grant.expires_at is None else grant.expires_at.isoformat()
    return NARROWEST.index(GrantScope(grant.scope)), not ends, ends, grant.pk


def _holds(grant: StandingGrant, tool: ToolSpec, values: Any) -> bool:
    """Whether it is about these arguments. What cannot be told is not."""
    try:
        conditions = conditions_of(grant.conditions)
    except InvalidInput:
        return False
    return holds(conditions, values, tool.parameters, sensitive=tool.sensitive).held is True


def _as_asked(call: ToolCall, rule: Approvers, tool: ToolSpec) -> ApprovalRequest:
    """The question that is not put: what the rule on who may decide looks at."""
    return ApprovalRequest(
        context=call.context,
        call=call,
        permission=tool.permission or "",
        four_eyes=bool(rule.four_eyes),
        **requester_of(call.context),
    )


def _yes_of(grant: StandingGrant, question: ApprovalRequest, rule: Approvers, named: frozenset[str] | None) -> bool:
    """Whether its owner could say yes to this call now, alone and by their own right."""
    owner, stage = user_of_key(grant.owner_key), rule.ordered()[0]
    put_to = PutTo(
        permission=question.permission,
        stage_permission=stage.permission or "",
        group=stage.group or "",
        named=named,
    )
    if question.four_eyes and key_of(owner) == question.requester_key:
        return False
    return by_own_right(owner, question, put_to).allowed
