"""Policies that staff keep, what they answer, and the kill switch."""

from typing import Any

from rest_framework.response import Response

from agents_app.api.bodies import CheckPolicy, ExplanationShape, PolicyBody, SwitchOff, WithReason
from agents_app.api.idempotency import once
from agents_app.api.openapi import all_of, operation
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiView
from agents_app.selectors.people import lacking, user_named
from agents_app.selectors.runs import one_of
from agents_app.selectors.switches import (
    VIEW_POLICY,
    VIEW_SWITCH,
    PolicyShape,
    SwitchShape,
    may_view_policies,
    may_view_switches,
    policy_as_dict,
    switch_as_dict,
    visible_policies,
    visible_switches,
)
from agents_app.services import delete_policy, explain_call, save_policy, switch_off, switch_on


class Policies(ApiView):
    """The policies."""

    @operation("policies_list", "List policies", answer=all_of(PolicyShape))
    def get(self, request: Any) -> Response:
        """By name. Needs the permission agents_app.view_approvalpolicy."""
        if not may_view_policies(request.user):
            raise lacking(VIEW_POLICY)
        return Response({"results": [policy_as_dict(row) for row in visible_policies(request.user)]})

    @operation("policies_add", "Make a policy", body=PolicyBody, answer=PolicyShape, status=201, errors=[409])
    def post(self, request: Any) -> Response:
        """It holds for every call that starts from now on. Needs the permission agents_app.add_approvalpolicy."""
        values = body_of(request.data, PolicyBody).model_dump(exclude_unset=True)
        return once(request, 201, lambda: policy_as_dict(save_policy(values, by=request.user)))


class Policy(ApiView):
    """One policy."""

    @operation("policies_read", "Read a policy", answer=PolicyShape, path=["policy_id"], errors=[404])
    def get(self, request: Any, policy_id: str) -> Response:
        """Needs the permission agents_app.view_approvalpolicy."""
        return Response(policy_as_dict(one_of(visible_policies(request.user), policy_id)))


class ChangePolicy(ApiView):
    """Change one policy."""

    @operation(
        "policies_change", "Change a policy", body=PolicyBody, answer=PolicyShape, path=["policy_id"], errors=[404, 409]
    )
    def post(self, request: Any, policy_id: str) -> Response:
        """What is left out stays. Needs the permission agents_app.change_approvalpolicy."""
        values = body_of(request.data, PolicyBody).model_dump(exclude_unset=True)
        return once(request, 200, lambda: policy_as_dict(save_policy(values, by=request.user, policy_id=policy_id)))


class RemovePolicy(ApiView):
    """Remove one policy."""

    @operation(
        "policies_remove", "Remove a policy", body=WithReason, answer=PolicyShape, path=["policy_id"], errors=[404, 409]
    )
    def post(self, request: Any, policy_id: str) -> Response:
        """Gives what it was. Needs the permission agents_app.delete_approvalpolicy."""
        body_of(request.data, WithReason)

        def act() -> dict[str, Any]:
            before = policy_as_dict(one_of(visible_policies(request.user), policy_id))
            delete_policy(policy_id, by=request.user)
            return before

        return once(request, 200, act)


class PolicyCheck(ApiView):
    """What the policy would answer."""

    @operation("policies_check", "Ask the policy", body=CheckPolicy, answer=ExplanationShape, errors=[404])
    def post(self, request: Any) -> Response:
        """What it answers to a call, by which rule and why. Nothing is called but the tool's own rule."""
        body = body_of(request.data, CheckPolicy)
        user = None if body.user is None else user_named(body.user)
        return Response(explain_call(body.agent, body.tool, body.arguments, by=request.user, user=user).as_dict())


class Switches(ApiView):
    """The kill switches."""

    @operation("switches_list", "List kill switches", answer=all_of(SwitchShape))
    def get(self, request: Any) -> Response:
        """What is off first, then the newest of the past; at most 200."""
        if not may_view_switches(request.user):
            raise lacking(VIEW_SWITCH)
        off = list(visible_switches(request.user).filter(on_at=None))
        past = visible_switches(request.user).filter(on_at__isnull=False).order_by("-on_at")[:200]
        return Response({"results": [switch_as_dict(row) for row in [*off, *past][:200]]})

    @operation("switches_off", "Switch off", body=SwitchOff, answer=SwitchShape, status=201, errors=[409])
    def post(self, request: Any) -> Response:
        """No call of it starts any more, approved or not. Needs the permission agents_app.stop_agents."""
        body = body_of(request.data, SwitchOff)

        def act() -> dict[str, Any]:
            return switch_as_dict(switch_off(by=request.user, reason=body.reason, agent=body.agent, tool=body.tool))

        return once(request, 201, act)


class SwitchOn(ApiView):
    """End a kill switch."""

    @operation("switches_on", "Switch on", body=WithReason, answer=SwitchShape, path=["switch_id"], errors=[404, 409])
    def post(self, request: Any, switch_id: str) -> Response:
        """Calls start again. Needs the permission agents_app.stop_agents."""
        reason = body_of(request.data, WithReason).reason
        return once(request, 200, lambda: switch_as_dict(switch_on(switch_id, by=request.user, reason=reason)))
