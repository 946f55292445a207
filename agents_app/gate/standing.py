"""Does what people decided still stand: each stage's quorum complete, each decider still active and permitted."""

from collections.abc import Sequence
from dataclasses import replace

from django.db.models import PositiveIntegerField, UUIDField
from pydantic import BaseModel

from agents_app.core.approver_rules import Named
from agents_app.core.policy import Answer, Ruling
from agents_app.core.status import YES_VERDICTS
from agents_app.definitions.tool_context import ToolContext
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.gate.approvers import edited_by, may_at, put_to_at
from agents_app.gate.asking import named_by, rule_for
from agents_app.models import ApprovalRequest, Bound, Decision, Prepared
from agents_app.selectors.delegations import key_of, user_of_key


def stands(
    request: ApprovalRequest, tool: ToolSpec, context: ToolContext, arguments: BaseModel, ruling: Ruling
) -> str | None:
    """What speaks against the approval today, in a sentence; None if nothing does.

    By the rule as it was when people were asked, and by what the tool asks for today; resolvers are asked anew.
    """
    rule = request.approver_rule
    if request.approvers is not None and ruling.answer is Answer.ASK:
        today = rule_for(tool, ruling.approvers)
        if today.as_json() != rule.as_json():
            return "The rule on who may decide has changed since."
    made = _made(request_id=request.pk, round=request.round)
    if not made:
        return "Nobody's approval is recorded."
    named = named_by(rule, tool, context, arguments)
    return _incomplete(request, made) or next(
        (doubt for decision in made if (doubt := _doubt(request, tool, decision, named))), None
    )


_made = Prepared(
    lambda: Decision.objects.filter(
        request=Bound("request_id", UUIDField()),
        round=Bound("round", PositiveIntegerField()),
        verdict__in=YES_VERDICTS,
    ).order_by("pk")
)


def _incomplete(request: ApprovalRequest, made: Sequence[Decision]) -> str | None:
    """Whether each stage has as many people as it needs, all of them different ones."""
    people = [key for decision in made for key in {str(decision.user_id), decision.on_behalf_of_key} - {""}]
    if len(set(people)) != len(people):
        return "The same person has said yes more than once."
    for number, stage in enumerate(request.approver_rule.ordered()):
        if sum(decision.stage == number for decision in made) < stage.quorum:
            return "Not enough people have approved this."
    return None


def _doubt(request: ApprovalRequest, tool: ToolSpec, decision: Decision, named: Named) -> str | None:
    user = user_of_key("" if decision.user_id is None else str(decision.user_id))
    # By what the tool asks for today, too.
    needs = {request.permission, tool.permission or ""}
    asked = [replace(put_to_at(request, decision.stage, named.get(decision.stage)), permission=each) for each in needs]
    # In the capacity in which they did: by another delegation somebody could count twice.
    capacity = decision.on_behalf_of_key
    if not all(may_at(user, request, put_to, instead_of=capacity).allowed for put_to in asked):
        return f"{decision.user_name}, who approved this, may no longer decide."
    if request.four_eyes and {key_of(user), capacity} & {request.requester_key or None, edited_by(request)}:
        return f"{decision.user_name}, who approved this, asked for it or changed it."
    if decision.digest != request.digest:
        return "The arguments are not those that were decided on."
    return None
