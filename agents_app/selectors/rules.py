"""Policies, switches and standing grants as everybody who judges reads them: kept in memory, as of a version."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from agents_app.conf import conf
from agents_app.core.approver_rules import Approvers, read_approvers
from agents_app.core.conditions import Condition, conditions_of
from agents_app.core.policy import Answer
from agents_app.exceptions import InvalidInput
from agents_app.models import ApprovalPolicy, KillSwitch, RuleVersion, StandingGrant


@dataclass(frozen=True, kw_only=True, slots=True)
class StaffRule:
    """An active policy. `broken`: why it cannot be evaluated at all, empty if it can."""

    id: UUID | None
    name: str
    agent: str
    tool: str
    conditions: tuple[Condition, ...]
    answer: Answer
    reason: str
    approvers: Approvers | None
    priority: int
    valid_from: datetime | None
    valid_until: datetime | None
    broken: str = ""

    def is_valid(self, now: datetime) -> bool:
        """Whether it counts at this moment."""
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_until is None or now < self.valid_until
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SwitchedOff:
    """What is switched off: calls of this tool of this agent (empty: of all)."""

    id: UUID
    agent: str
    tool: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """All of them as of a version; "" is that of an installation that never had any.

    `granted`: the names of tools of which calls may be allowed by standing grants.
    """

    version: str = ""
    policies: tuple[StaffRule, ...] = ()
    switches: tuple[SwitchedOff, ...] = ()
    granted: frozenset[str] = frozenset()


NONE = Rules()
_known: dict[str, Rules] = {}
"""By the database's alias. Replaced as a whole."""


def known_rules(version: str | None = None) -> Rules:
    """The rules of this version, read if this process does not have them. None: those that it knows.

    What it knows may be out of date: whoever acts on it asks the database whether its version is still that.
    """
    if version == "":
        # Nobody ever had one, or the rows are gone (a restored backup, a test's end).
        _known[conf.DATABASE] = NONE
    known = _known.get(conf.DATABASE, NONE)
    return known if version is None or known.version == version else read_rules()


def read_rules() -> Rules:
    """The rules as of now."""
    # The version first: what is read after it may be newer than it says, never older.
    version = RuleVersion.objects.values_list("version", flat=True).first() or ""
    policies = ApprovalPolicy.objects.filter(active=True).order_by("-priority", "pk")
    switches = KillSwitch.objects.filter(Q(on_at=None)).order_by("off_at", "pk")
    rules = Rules(
        version=version,
        policies=tuple(rule_of(policy) for policy in policies),
        switches=tuple(_switched_off(switch) for switch in switches),
        granted=frozenset(StandingGrant.objects.standing().order_by().values_list("tool", flat=True).distinct()),
    )
    _known[conf.DATABASE] = rules
    return rules


def forget_rules() -> None:
    """Know nothing (tests, whose rows go away)."""
    _known.clear()


def rule_of(policy: ApprovalPolicy) -> StaffRule:
    """A stored policy as it is evaluated. What cannot be read in it makes it broken."""
    broken, conditions, approvers = "", tuple[Condition, ...](), None
    try:
        conditions = conditions_of(policy.conditions)
    except InvalidInput as error:
        broken = f"Its conditions cannot be read: {error.message}"
    try:
        approvers = None if policy.approvers is None else read_approvers(policy.approvers)
    except ValueError as error:
        broken = broken or f"Its approvers cannot be read: {error}"
    return StaffRule(
        id=policy.pk,
        name=policy.name,
        agent=policy.agent,
        tool=policy.tool,
        conditions=conditions,
        answer=Answer(policy.answer),
        reason=policy.reason,
        approvers=approvers,
        priority=policy.priority,
        valid_from=policy.valid_from,
        valid_until=policy.valid_until,
        broken=broken,
    )


def _switched_off(switch: KillSwitch) -> SwitchedOff:
    return SwitchedOff(
        id=switch.pk,
        agent=switch.agent,
        tool=switch.tool,
        reason=switch.reason,
        by=switch.off_by,
        at=switch.off_at,
    )
