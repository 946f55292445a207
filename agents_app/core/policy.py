"""What rules say of a call, and how their answers add up: deny beats ask beats allow. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from agents_app.core.approver_rules import Approvers
from agents_app.core.conditions import Condition


class Answer(StrEnum):
    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


STRENGTH = {Answer.ALLOW: 0, Answer.ASK: 1, Answer.DENY: 2}
MOST_PRIORITY = 10_000
NAME_LENGTH = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A rule of an agent, in its code: `Rule(answer="deny", tool="refund", when=[Condition(…)])`.

    It speaks of calls of `tool` (None: of all) for which all of `when` hold. `reason` is read by whoever decides, and
    of a call that is denied by the LLM. Of rules that answer alike the highest `priority` is named, and its
    `approvers` decide. Nothing is checked before it is used: `problems` says what is wrong with it.
    """

    answer: Answer | str
    tool: str | None = None
    when: Sequence[Condition] = ()
    reason: str = ""
    name: str = ""
    priority: int = 0
    approvers: Approvers | None = None

    def problems(self) -> list[str]:
        """What is wrong, each a sentence; empty if nothing is."""
        rules = {
            f"`answer` is one of: {', '.join(Answer)}.": self.answer in list(Answer),
            "`tool` is a tool's name, or None.": self.tool is None or isinstance(self.tool, str),
            "`when` is a list of conditions.": isinstance(self.when, list | tuple)
            and all(isinstance(each, Condition) for each in self.when),
            "`reason` is a text.": isinstance(self.reason, str),
            f"`name` is a text of at most {NAME_LENGTH} characters.": isinstance(self.name, str)
            and len(self.name) <= NAME_LENGTH,
            f"`priority` is a whole number up to {MOST_PRIORITY}.": type(self.priority) is int
            and abs(self.priority) <= MOST_PRIORITY,
        }
        found = [text for text, right in rules.items() if not right]
        return found + self._approver_problems()

    def _approver_problems(self) -> list[str]:
        given: Any = self.approvers
        if given is None:
            return []
        if not isinstance(given, Approvers):
            return ["`approvers` is Approvers(…), or None."]
        return [f"`approvers`: {text}" for text in given.problems()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """What the policy says of a call, by which rule, and why.

    `told`: the reason as everybody may read it who knows of the run; a tool's own may speak of arguments. `approvers`:
    who decides, if rules say so. `doubt`: the rule could not be evaluated.
    """

    answer: Answer
    rule: str = ""
    reason: str = ""
    told: str = ""
    priority: int = 0
    approvers: Approvers | None = None
    doubt: bool = False


ALLOWED = Ruling(answer=Answer.ALLOW, rule="no rule asks")


def strongest(rulings: Iterable[Ruling]) -> Ruling:
    """Of several rulings the one that counts: deny beats ask beats allow, then the higher priority, then the earlier.

    Its approvers are those of the first of its answer, in that order, whose rule names any.
    """
    found = list(rulings)
    if not found:
        return ALLOWED
    most = max(STRENGTH[ruling.answer] for ruling in found)
    alike = sorted((ruling for ruling in found if STRENGTH[ruling.answer] == most), key=lambda each: -each.priority)
    first = alike[0]
    approvers = next((ruling.approvers for ruling in alike if ruling.approvers is not None), None)
    return replace(first, approvers=approvers)
