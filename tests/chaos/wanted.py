"""What a chaos is to do."""

from dataclasses import dataclass

from tests.chaos import failpoints


@dataclass(frozen=True, kw_only=True)
class Bed:
    """Where a plant shows soon. kinds: of the plans of the runs. deadly: where somebody must be killed for that."""

    kinds: tuple[str, ...]
    deadly: str | None = None


PLANTS = {
    "duplicate": Bed(kinds=("sender",), deadly="tool.called"),
    "lost": Bed(kinds=("gated",)),
    "gap": Bed(kinds=("mixed",)),
    "two-holders": Bed(kinds=("slow",)),
    "ungated": Bed(kinds=("gated",)),
}
"""What can be broken on purpose: the names are those of the findings."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be done. patience: seconds without any event after which runs that are not at rest are lost."""

    seed: int
    seconds: float
    runs: int
    kills: int
    patience: float
    plant: str | None

    @property
    def points(self) -> list[str]:
        """The failpoints that must be reached; a plant only has to be noticed."""
        return failpoints.in_source() if self.plant is None else []
