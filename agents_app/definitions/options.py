"""The options of a tool, with the defaults that follow from its effect."""

import math
import re
from dataclasses import dataclass
from string import Formatter
from typing import Any, Literal

from agents_app.core.approval_times import BY_SETTINGS, ApprovalTimes
from agents_app.core.approver_rules import PERMISSION, Approvers
from agents_app.core.risk import Risk
from agents_app.core.status import Effect
from agents_app.definitions.problems import Code, Problem
from agents_app.definitions.tools import ToolOptions

TIMEOUT = 60.0
ATOMIC_TIMEOUT = 5.0
RETRIES = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """All options of a tool."""

    effect: Effect
    requires_approval: bool
    timeout: float
    retries: int
    permission: str | None
    approvers: Approvers | None
    times: ApprovalTimes
    summary: str | None
    isolation: Literal["thread", "process"]
    decide_by_link: bool
    risk: Risk


def read_options(given: ToolOptions) -> tuple[Options | None, list[Problem]]:
    """The options with their defaults, or what is wrong with them."""
    problems = [*_unknown(given), *_wrong_values(given)]
    if problems:
        return None, problems
    effect = Effect(given.get("effect", Effect.EXTERNAL))
    if effect is Effect.EXTERNAL and given.get("retries"):
        message = "It has `retries` and the effect “external”, which is never repeated without a person."
        hint = 'Leave `retries` out, or declare effect="idempotent" if the same idempotency key acts once.'
        return None, [Problem(code=Code.EXTERNAL_RETRIES, message=message, hint=hint)]
    return Options(
        effect=effect,
        requires_approval=given.get("requires_approval", False),
        timeout=float(given.get("timeout", ATOMIC_TIMEOUT if effect is Effect.ATOMIC else TIMEOUT)),
        retries=given.get("retries", 0 if effect is Effect.EXTERNAL else RETRIES),
        permission=given.get("permission"),
        approvers=given.get("approvers"),
        times=given.get("times") or BY_SETTINGS,
        summary=given.get("summary"),
        isolation=given.get("isolation", "thread"),
        decide_by_link=given.get("decide_by_link", False),
        risk=Risk(given.get("risk", Risk.MEDIUM)),
    ), []


def template_names(template: str) -> set[str]:
    """The names in the braces of a summary template. Raises ValueError if it is no format string."""
    fields = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
    return {re.split(r"[.\[]", field)[0] for field in fields}


def _unknown(given: ToolOptions) -> list[Problem]:
    known = sorted(ToolOptions.__annotations__)
    return [
        Problem(
            code=Code.TOOL_OPTION,
            message=f"`tool` knows no option “{name}”.",
            hint=f"The options are: {', '.join(known)}.",
        )
        for name in given
        if name not in known
    ]


def _wrong_values(given: ToolOptions) -> list[Problem]:
    rules: dict[str, tuple[bool, str]] = {
        "effect": (given.get("effect", "read") in list(Effect), "is one of: read, idempotent, atomic, external"),
        "requires_approval": (isinstance(given.get("requires_approval", False), bool), "is True or False"),
        "timeout": (is_duration(given.get("timeout", 1.0)), "is a number of seconds above 0"),
        "retries": (is_count(given.get("retries", 0)), "is a whole number, 0 or more"),
        "permission": (_is_permission(given.get("permission")), 'is a permission like "shop.refund_order", or None'),
        "approvers": (not _approver_problems(given.get("approvers")), _approvers_hint(given.get("approvers"))),
        "times": (not _times_problems(given.get("times")), _times_hint(given.get("times"))),
        "summary": (_is_text(given.get("summary", "-")), "is a text"),
        "decide_by_link": (isinstance(given.get("decide_by_link", False), bool), "is True or False"),
        "risk": (given.get("risk", "low") in list(Risk), "is one of: low, medium, high"),
        "isolation": (given.get("isolation", "thread") in ("thread", "process"), 'is "thread" or "process"'),
    }
    return [
        Problem(code=Code.TOOL_OPTION, message=f"The option `{name}` is not valid.", hint=f"`{name}` {meaning}.")
        for name, (right, meaning) in rules.items()
        if not right
    ]


def is_duration(value: Any) -> bool:
    """Whether this is a finite number of seconds above 0."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def is_count(value: Any) -> bool:
    """Whether this is a whole number, 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_permission(value: Any) -> bool:
    return value is None or (isinstance(value, str) and PERMISSION.fullmatch(value) is not None)


def _approver_problems(value: Any) -> list[str]:
    if value is None:
        return []
    return value.problems() if isinstance(value, Approvers) else ["is Approvers(…), or None"]


def _approvers_hint(value: Any) -> str:
    return (
        f"is not right: {' '.join(_approver_problems(value))}"
        if isinstance(value, Approvers)
        else ('is None or Approvers(…): Approvers(group="Finance", quorum=2)')
    )


def _times_problems(value: Any) -> list[str]:
    if value is None:
        return []
    return value.problems() if isinstance(value, ApprovalTimes) else ["is ApprovalTimes(…), or None"]


def _times_hint(value: Any) -> str:
    if isinstance(value, ApprovalTimes):
        return f"is not right: {' '.join(value.problems())}"
    return "is None or ApprovalTimes(…): ApprovalTimes(expires_after=3600, remind_after=600)"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
