"""What a chaos prints: what was done, what was reached, what was broken."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.verdict import Verdict

SHOWN = 8
"""Findings printed of each promise; the rest is counted."""


@dataclass(kw_only=True)
class Report:
    """The figures of one chaos."""

    seed: int
    seconds: float
    runs: int
    kills: int
    done: dict[str, int]
    statuses: dict[str, int]
    events: int
    hits: dict[str, int]
    never_hit: list[str]
    too_little: list[str]
    repeated: int
    frozen: int
    findings: dict[str, list[str]] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether all was reached and nothing was broken."""
        return not (self.findings or self.never_hit or self.too_little)

    def write(self, path: Path) -> None:
        """As JSON, for programs."""
        path.write_text(json.dumps(asdict(self) | {"good": self.good}, indent=1))

    def text(self) -> str:
        """For people."""
        parts = [
            f"Seed {self.seed}, {self.seconds:.0f} s: {self.runs} runs, {self.kills} kills, {self.events} events.",
            f"Runs: {_counted(self.statuses)}.",
            f"Done: {_counted(self.done)}.",
            f"Executions beyond the first, as the effect allows: {self.repeated}; "
            f"by a process that was stopped between check and call: {self.frozen}.",
            f"Broken: duplicate {self._count('duplicate')}, lost {self._count('lost')}, gap {self._count('gap')}, "
            f"two-holders {self._count('two-holders')}, ungated {self._count('ungated')}.",
            "Hits per failpoint:",
            *(f"  {count:6} {name}" for name, count in sorted(self.hits.items())),
            *(f"NEVER HIT: {name}" for name in self.never_hit),
            *(f"TOO LITTLE: {what}" for what in self.too_little),
        ]
        for promise, texts in self.findings.items():
            parts += [f"BROKEN ({promise}): {text}" for text in texts[:SHOWN]]
            if len(texts) > SHOWN:
                parts.append(f"BROKEN ({promise}): and {len(texts) - SHOWN} more")
        return "\n".join([*parts, "GOOD" if self.good else "BAD"])

    def _count(self, promise: str) -> int:
        return len(self.findings.get(promise, []))


def _counted(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in sorted(numbers.items())) or "nothing"


def report_of(verdict: Verdict, hits: Counter[str], **figures: Any) -> Report:
    """Put together."""
    return Report(
        hits=dict(hits),
        repeated=verdict.repeated,
        frozen=verdict.frozen,
        findings=dict(verdict.findings),
        **figures,
    )
