"""Figures as ratios to a floor that was measured in the same run, because machines differ and are noisy."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One line. value over floor is the ratio; target: the most it may be, None where there is none."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    floor_name: str = ""
    target: float | None = None

    @property
    def measure(self) -> float:
        """What the target is about: the ratio where there is a floor, else the value."""
        return self.value if self.floor is None else self.value / self.floor

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.target is None:
            return ""
        return "met" if self.measure <= self.target else "MISSED"


HEAD = ("case", "measured", "floor", "ratio", "target", "")


def table(figures: list[Figure]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for figure in figures:
        floor = "" if figure.floor is None else f"{figure.floor:,.4g} {figure.unit} ({figure.floor_name})"
        ratio = "" if figure.floor is None else f"{figure.measure:.2f}"
        target = "" if figure.target is None else f"≤ {figure.target:g}"
        cells = (figure.name, f"{figure.value:,.4g} {figure.unit}", floor, ratio, target, figure.verdict)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
