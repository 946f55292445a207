"""Who may decide: what tools and policies say about it. Pure; the gate asks whether a person fits.

The same rule is written in code (`Approvers(group="Finance")`) and kept as JSON by policies and by each request.
"""

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

from pydantic import ConfigDict, TypeAdapter, ValidationError

from agents_app.core.risk import Risk

PERMISSION = re.compile(r"[a-zA-Z_]\w*\.\w+")
RESOLVER = re.compile(r"[a-zA-Z_][\w.-]{0,99}")
GROUP_LENGTH = 150
MOST_QUORUM = 50
MOST_STAGES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One of several decisions, made one after the other.

    Whatever is given must hold: the permission ("app.codename"), membership in the group of this name, and being named
    by the resolver. `quorum`: how many people must say yes. `name`: what people are shown.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    name: str = ""
    permission: str | None = None
    group: str | None = None
    resolver: str | None = None
    quorum: int = 1

    @property
    def label(self) -> str:
        """What people are shown."""
        return self.name or self.group or self.resolver or self.permission or "everybody who decides"

    def problems(self) -> list[str]:
        """What is wrong, each a sentence; empty if nothing is."""
        return _problems_of(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Approvers:
    """Who may decide on a call, besides having the permission to decide at all and the tool's own.

    Either the fields of a single stage, or `stages`, in their order. four_eyes: who asked for it may not approve it,
    and an edit is a proposal to somebody else; None: by the setting FOUR_EYES_EFFECTS, which names effects.
    Nothing is checked before it is used: `problems` says what is wrong with it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    permission: str | None = None
    group: str | None = None
    resolver: str | None = None
    quorum: int = 1
    stages: tuple[Stage, ...] | list[Stage] = ()
    four_eyes: bool | None = None

    def ordered(self) -> tuple[Stage, ...]:
        """All stages; a rule without has one."""
        if self.stages:
            return tuple(self.stages)
        return (Stage(permission=self.permission, group=self.group, resolver=self.resolver, quorum=self.quorum),)

    def with_four_eyes(self, default: bool) -> "Approvers":
        """The same with `four_eyes` decided."""
        return replace(self, four_eyes=default if self.four_eyes is None else self.four_eyes)

    def as_json(self) -> dict[str, Any]:
        """As it is stored: without what is left at its default."""
        found: dict[str, Any] = {} if self.stages else _given(self.ordered()[0])
        if self.stages:
            found["stages"] = [_given(stage) for stage in self.stages]
        return found if self.four_eyes is None else {**found, "four_eyes": self.four_eyes}

    def problems(self) -> list[str]:
        """What is wrong, each a sentence; empty if nothing is."""
        four_eyes: object = self.four_eyes
        if four_eyes is not None and not isinstance(four_eyes, bool):
            return ["`four_eyes` is True, False or None."]
        if not isinstance(self.stages, list | tuple) or not all(isinstance(stage, Stage) for stage in self.stages):
            return ["`stages` is a list of Stage(…)."]
        if not self.stages:
            return _problems_of(self)
        if len(self.stages) > MOST_STAGES:
            return [f"There are at most {MOST_STAGES} stages."]
        if (self.permission, self.group, self.resolver, self.quorum) != (None, None, None, 1):
            return ["With `stages`, permission, group, resolver and quorum stand in each of them."]
        return [f"Stage {place}: {text}" for place, stage in enumerate(self.stages, 1) for text in stage.problems()]


ANYBODY = Approvers()
"""Everybody who has the permission to decide and the tool's own."""

Named: TypeAlias = dict[int, dict[str, str]]
"""By stage: whom its resolver names, the name by the key. Stages without a resolver are left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Whom a question is put to: the rule with four eyes decided, the tool's own permission, whom resolvers name.

    risk: of the call, as they are told.
    """

    approvers: Approvers = ANYBODY
    permission: str = ""
    named: Named = field(default_factory=dict)
    risk: Risk = Risk.MEDIUM


_ADAPTER = TypeAdapter(Approvers)


def read_approvers(value: Any) -> Approvers:
    """The rule that is stored as this JSON. Raises ValueError with what is wrong, for people."""
    try:
        rule = _ADAPTER.validate_json(json.dumps(value))
    except (TypeError, ValueError, RecursionError) as error:
        if not isinstance(error, ValidationError):
            raise ValueError("It cannot be written as JSON.") from None
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part not in ("tuple[Stage, ...]", "list[Stage]"))
        raise ValueError(f"{place}: {first['msg']}." if place else f"{first['msg']}.") from None
    if problems := rule.problems():
        raise ValueError(" ".join(problems))
    return rule


def approvers_schema() -> dict[str, Any]:
    """JSON schema of what `read_approvers` takes."""
    return _ADAPTER.json_schema()


def _given(stage: Stage) -> dict[str, Any]:
    names = ("name", "permission", "group", "resolver")
    found: dict[str, Any] = {name: getattr(stage, name) for name in names if getattr(stage, name)}
    return found if stage.quorum == 1 else {**found, "quorum": stage.quorum}


def _problems_of(rule: Stage | Approvers) -> list[str]:
    named = rule.name if isinstance(rule, Stage) else ""
    rules = {
        "`name` is a text of at most 100 characters.": isinstance(named, str) and len(named) <= 100,
        '`permission` is a permission like "shop.refund_order", or None.': _fits(rule.permission, PERMISSION),
        "`group` is the name of a group, or None.": rule.group is None
        or (isinstance(rule.group, str) and 0 < len(rule.group.strip()) <= GROUP_LENGTH),
        "`resolver` is the name of an approver resolver, or None.": _fits(rule.resolver, RESOLVER),
        f"`quorum` is a whole number from 1 to {MOST_QUORUM}.": type(rule.quorum) is int
        and 1 <= rule.quorum <= MOST_QUORUM,
    }
    return [text for text, right in rules.items() if not right]


def _fits(value: Any, pattern: re.Pattern[str]) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= 200 and pattern.fullmatch(value) is not None)
