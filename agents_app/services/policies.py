"""Policies that staff keep: made, changed and removed here; whether they fit the tools there are."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.core.approver_rules import read_approvers
from agents_app.core.canonical import clean_text
from agents_app.core.conditions import conditions_of, problems, stored_conditions
from agents_app.core.policy import MOST_PRIORITY, NAME_LENGTH, Answer
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.registry import registry
from agents_app.definitions.resolvers import resolvers
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import AgentsError, InvalidInput
from agents_app.models import ApprovalPolicy, as_stored, database_now
from agents_app.selectors.approver_names import missing_groups, missing_permissions
from agents_app.selectors.approvers import rows_tell
from agents_app.selectors.people import lacking, name_of
from agents_app.selectors.runs import one_of
from agents_app.selectors.switches import (
    ADD_POLICY,
    CHANGE_POLICY,
    DELETE_POLICY,
    visible_policies,
)
from agents_app.services.journal import ADDED, CHANGED, REMOVED, noted

logger = logging.getLogger("agents_app.services")

FIELDS = (
    *("name", "agent", "tool", "conditions", "answer", "reason", "approvers", "priority", "active"),
    *("valid_from", "valid_until"),
)
REASON_LENGTH = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyProblem:
    """What is wrong with a policy; `field` names one of its fields, `index` and `part` the condition and its part.

    `fatal`: it cannot be stored. Else it can, and is there perhaps: it asks a person, or does nothing.
    """

    field: str
    message: str
    index: int | None = None
    part: str = ""
    fatal: bool = False

    def as_error(self) -> dict[str, Any]:
        """As errors are given through the doors."""
        place = [] if self.index is None else [self.index, *([self.part] if self.part else [])]
        return {"path": [self.field, *place] if self.field else [], "message": self.message}


def save_policy(values: Mapping[str, Any], *, by: Any, policy_id: Any = None) -> ApprovalPolicy:
    """Make a policy, or (policy_id) change the given fields of one; what is left out stays or takes its default.

    It holds for every call that starts from now on, for those already approved if it denies. Needs add_ or
    change_approvalpolicy. Raises NotPermitted, NotFound, and InvalidInput with `errors`.
    """
    _require(by, ADD_POLICY if policy_id is None else CHANGE_POLICY)
    unknown = sorted(set(values) - set(FIELDS))
    if unknown:
        raise InvalidInput(gettext("A policy has no %(names)s.") % {"names": ", ".join(unknown)})
    now, name = database_now(), name_of(by)
    row = ApprovalPolicy(made_by=name, made_at=now) if policy_id is None else one_of(visible_policies(by), policy_id)
    changed = sorted(field for field, value in values.items() if getattr(row, field) != value)
    for field, value in values.items():
        setattr(row, field, value)
    wrong = policy_problems(row)
    if wrong:
        raise InvalidInput(gettext("The policy cannot be used."), errors=[problem.as_error() for problem in wrong])
    row.conditions = stored_conditions(conditions_of(row.conditions))
    row.reason = clean_text(row.reason)[0]
    row.updated_by, row.updated_at = name, now
    for field in ("valid_from", "valid_until"):
        moment: datetime | None = getattr(row, field)
        setattr(row, field, None if moment is None else as_stored(moment))
    try:
        with transaction.atomic(using=conf.DATABASE):
            row.save()
            text = "made" if policy_id is None else f"changed: {', '.join(changed) or 'nothing'}"
            noted(by, row, text, ADDED if policy_id is None else CHANGED)
    except IntegrityError:
        raise InvalidInput(
            gettext("There is a policy “%(name)s” already.") % {"name": row.name}, errors=[_taken(row).as_error()]
        ) from None
    logger.info("%s stored the policy %s.", name, row.name)
    return row


def delete_policy(policy_id: Any, *, by: Any) -> None:
    """Remove a policy. Needs delete_approvalpolicy. Raises NotPermitted and NotFound."""
    _require(by, DELETE_POLICY)
    row = one_of(visible_policies(by), policy_id)
    with transaction.atomic(using=conf.DATABASE):
        noted(by, row, "removed", REMOVED)
        row.delete()
    logger.info("%s removed the policy %s.", name_of(by), row.name)


def policy_problems(row: ApprovalPolicy) -> list[PolicyProblem]:
    """Everything that is wrong with it, by the agents that there are now: first what cannot be stored at all."""
    return _fatal(row) or [*_misfits(row), *_missing_approvers(row)]


def _require(by: Any, permission: str) -> None:
    if not (by.is_active and by.has_perm(permission)):
        raise lacking(permission)


def _taken(row: ApprovalPolicy) -> PolicyProblem:
    return PolicyProblem(
        field="name", message=gettext("There is a policy “%(name)s” already.") % {"name": row.name}, fatal=True
    )


def _fatal(row: ApprovalPolicy) -> list[PolicyProblem]:
    rules: Mapping[str, tuple[bool, str]] = {
        "name": (
            _is_text(row.name, 1, NAME_LENGTH),
            gettext("A policy has a name of at most %(most)s characters.") % {"most": NAME_LENGTH},
        ),
        "agent": (_is_text(row.agent, 0, 100), gettext("An agent's name, or empty.")),
        "tool": (_is_text(row.tool, 0, 64), gettext("A tool's name, or empty.")),
        "answer": (
            row.answer in list(Answer),
            gettext("The answer is one of: %(names)s.") % {"names": ", ".join(Answer)},
        ),
        "reason": (
            _is_text(row.reason, 0, REASON_LENGTH),
            gettext("A reason has at most %(most)s characters.") % {"most": REASON_LENGTH},
        ),
        "priority": (
            type(row.priority) is int and abs(row.priority) <= MOST_PRIORITY,
            gettext("A priority is a whole number from -%(most)s to %(most)s.") % {"most": MOST_PRIORITY},
        ),
        "active": (isinstance(row.active, bool), gettext("True or false.")),
        "valid_from": (_is_moment(row.valid_from), gettext("A moment, or empty.")),
        "valid_until": (_is_moment(row.valid_until), gettext("A moment, or empty.")),
    }
    found = [PolicyProblem(field=name, message=text, fatal=True) for name, (right, text) in rules.items() if not right]
    return [*found, *_condition_problems(row), *_approver_problems(row)] or _span_problems(row)


def _span_problems(row: ApprovalPolicy) -> list[PolicyProblem]:
    begins, ends = row.valid_from, row.valid_until
    if begins is not None and ends is not None and as_stored(ends) <= as_stored(begins):
        return [PolicyProblem(field="valid_until", message=gettext("It would end before it begins."), fatal=True)]
    return []


def _condition_problems(row: ApprovalPolicy) -> list[PolicyProblem]:
    try:
        conditions_of(row.conditions)
    except InvalidInput as error:
        found = [
            PolicyProblem(field="conditions", message=each.message, index=each.index, part=each.field, fatal=True)
            for each in error.details.get("problems", ())
            if each.index >= 0
        ]
        return found or [PolicyProblem(field="conditions", message=error.message, fatal=True)]
    return []


def _approver_problems(row: ApprovalPolicy) -> list[PolicyProblem]:
    try:
        if row.approvers is not None:
            read_approvers(row.approvers)
    except ValueError as error:
        return [PolicyProblem(field="approvers", message=str(error), fatal=True)]
    return []


def _missing_approvers(row: ApprovalPolicy) -> list[PolicyProblem]:
    """Groups, resolvers and permissions that there are not: nobody, or superusers alone, could decide. Where there are
    other backends than Django's, what a permission means that is in no table is their matter."""
    stages = () if row.approvers is None else read_approvers(row.approvers).ordered()
    groups = missing_groups(stage.group for stage in stages if stage.group)
    named = missing_permissions(stage.permission for stage in stages if stage.permission) if rows_tell() else []
    unknown = {stage.resolver for stage in stages if stage.resolver} - set(resolvers.names())
    return [
        *(_missing(gettext("There is no group “%(name)s”."), name) for name in groups),
        *(_missing(gettext("There is no permission “%(name)s”."), name) for name in named),
        *(_missing(gettext("No approver resolver is called “%(name)s”."), name) for name in sorted(unknown)),
    ]


def _missing(text: str, name: str) -> PolicyProblem:
    return PolicyProblem(field="approvers", message=text % {"name": name})


def _misfits(row: ApprovalPolicy) -> list[PolicyProblem]:
    """What it says that does not fit the agents there are."""
    try:
        agents = [registry.get(row.agent)] if row.agent else registry.all()
    except AgentsError as error:
        return [PolicyProblem(field="agent", message=error.message)]
    if not row.tool:
        message = gettext("Conditions are about one tool's arguments: choose the tool.")
        return [PolicyProblem(field="tool", message=message)] if row.conditions else []
    tools = [(definition, definition.tools[row.tool]) for definition in agents if row.tool in definition.tools]
    if not tools:
        text = (
            gettext("The agent %(agent)s has no tool “%(tool)s”.")
            if row.agent
            else gettext("No agent has a tool “%(tool)s”.")
        )
        return [PolicyProblem(field="tool", message=text % {"agent": row.agent, "tool": row.tool})]
    conditions, found = conditions_of(row.conditions), dict[tuple[int, str, str], PolicyProblem]()
    for definition, tool in tools:
        for problem in problems(conditions, tool.parameters):
            text = problem.message + _where(definition, tool, several=len(tools) > 1)
            key = (problem.index, problem.field, problem.message)
            found.setdefault(
                key, PolicyProblem(field="conditions", message=text, index=problem.index, part=problem.field)
            )
    return list(found.values())


def _where(definition: AgentDefinition, tool: ToolSpec, *, several: bool) -> str:
    return f" ({tool.name}, {definition.name})" if several else ""


def _is_text(value: Any, least: int, most: int) -> bool:
    return isinstance(value, str) and least <= len(value.strip()) and len(value) <= most and not clean_text(value)[1]


def _is_moment(value: Any) -> bool:
    return value is None or isinstance(value, datetime)


__all__ = ["PolicyProblem", "delete_policy", "policy_problems", "save_policy"]
