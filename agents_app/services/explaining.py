"""What would become of a call, and by which rules: asked of the same engine that judges calls, without running any."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from django.utils.translation import gettext

from agents_app.core.policy import ALLOWED, Answer, Ruling, strongest
from agents_app.definitions.registry import registry
from agents_app.definitions.tool_context import ToolContext
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import InvalidInput, NotPermitted
from agents_app.gate.grants import would_grant
from agents_app.gate.policy import rulings, switched_off
from agents_app.models import AgentContext, RunDetails, StandingGrant, ToolCall, database_now
from agents_app.selectors.grants import visible_grants
from agents_app.selectors.people import DECIDE, name_of
from agents_app.selectors.rules import Rules, StaffRule, SwitchedOff, read_rules
from agents_app.selectors.switches import VIEW_POLICY, may_view_policies


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """The answer, the rule that gives it and why; `rulings` is what each rule says that speaks of such a call.

    `off`: a kill switch that refuses the call, whatever the rules say. `grants`: those that would let the call through
    where the answer is to ask, as far as one may know of them; whether one does depends on the run's session and user.
    """

    answer: Answer
    rule: str
    reason: str
    rulings: tuple[Ruling, ...]
    off: SwitchedOff | None = None
    grants: tuple[StandingGrant, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As the doors give it."""
        return {
            "answer": str(self.answer),
            "rule": self.rule,
            "reason": self.reason,
            "switched_off": self.off is not None,
            "rules": [
                {"answer": str(each.answer), "rule": each.rule, "reason": each.reason, "priority": each.priority}
                for each in self.rulings
            ],
            "grants": [
                {
                    "id": str(grant.pk),
                    "owner": grant.owner_name,
                    "scope": str(grant.scope),
                    "user": grant.user_name or None,
                    "session": None if grant.session_id is None else str(grant.session_id),
                    "uses_left": grant.uses_left,
                    "expires_at": None if grant.expires_at is None else grant.expires_at.isoformat(),
                }
                for grant in self.grants
            ],
        }


def explain_call(
    agent: str,
    tool: str,
    arguments: Any,
    *,
    by: Any,
    user: Any = None,
    draft: StaffRule | None = None,
) -> Explanation:
    """What the policy answers to this call. user: of the run, for rules that ask who it is.

    draft: a policy that is not stored, instead of the stored one of its id. The tool is not called, its hook
    `needs_approval` is. Raises NotPermitted, UnknownAgent, InvalidInput, InvalidArguments.
    """
    if not (may_view_policies(by) or (by.is_active and by.has_perm(DECIDE))):
        raise NotPermitted(gettext("This needs the permission to view policies, or to decide."), rule=VIEW_POLICY)
    definition = registry.get(agent)
    spec = definition.tools.get(tool)
    if spec is None:
        names = ", ".join(sorted(definition.tools)) or gettext("none")
        raise InvalidInput(
            gettext("The agent %(name)s has no tool “%(tool)s”. Its tools: %(names)s.")
            % {"name": definition.name, "tool": tool, "names": names},
            code="unknown_tool",
        )
    value = spec.validate(arguments)
    rules = _with_draft(read_rules(), draft)
    about = _nobodys(definition.name, tool, user)
    try:
        found = rulings(spec, about, value, rules=rules, now=database_now())
        answer = explained(found, switched_off(rules, definition.name, tool))
        if answer.answer is not Answer.ASK or tool not in rules.granted:
            return answer
        known = set(visible_grants(by).filter(tool=tool).values_list("pk", flat=True))
        call = _call_of_nobody(definition.name, spec, spec.text(value), user)
        grants = would_grant(call, spec, about, value, found)
        return replace(answer, grants=tuple(grant for grant in grants if grant.pk in known))
    finally:
        about.close()


def explained(found: list[Ruling], off: SwitchedOff | None) -> Explanation:
    """What these rulings come to."""
    decided = strongest(found)
    if off is not None:
        reason = gettext("Staff have switched this off: %(reason)s") % {"reason": off.reason}
        return Explanation(answer=Answer.DENY, rule="switched_off", reason=reason, rulings=tuple(found), off=off)
    reason = gettext("No rule speaks of this call.") if decided is ALLOWED else decided.reason
    return Explanation(answer=decided.answer, rule=decided.rule, reason=reason, rulings=tuple(found))


def _with_draft(rules: Rules, draft: StaffRule | None) -> Rules:
    if draft is None:
        return rules
    others = [rule for rule in rules.policies if rule.id != draft.id]
    policies = sorted([*others, draft], key=lambda rule: -rule.priority)
    return replace(rules, policies=tuple(policies))


def _call_of_nobody(agent: str, tool: ToolSpec, arguments: str, user: Any) -> ToolCall:
    """A call that is stored nowhere, as its run would make it."""
    run = AgentContext(agent=agent, user=user)
    run.details = RunDetails(user_name="" if user is None else name_of(user))
    return ToolCall(context=run, tool=tool.name, arguments=arguments)


def _nobodys(agent: str, tool: str, user: Any) -> ToolContext:
    """The context of a call that is not made."""
    return ToolContext(run_id=uuid4(), agent=agent, tool=tool, user=user)
