"""Does a cluster do its work? Its processes may all be there and nothing happen, so only two things count: how long
runs have been due, and when one of its workers last gave a sign of life."""

from dataclasses import dataclass
from enum import StrEnum

from agents_app.management.cluster.rounds import Look

MOST_SECONDS = 600.0
BLIND_SECONDS = 10.0
"""A look that is older says nothing. While nobody could look, nobody could work either: the database was away."""


class Verdict(StrEnum):
    """What a look came to."""

    FINE = "fine"
    SUSPECT = "suspect"
    STALLED = "stalled"


@dataclass(kw_only=True, slots=True)
class Progress:
    """Of one cluster, over its replacements. Moments are of a monotonic clock, in seconds.

    patience: how long runs may be due without any sign of life; doubled after each replacement that brought none, so
    that a queue that is dead does not take the cluster with it again and again. worked: whether the present one ever
    gave a sign.
    """

    patience: float
    sign_at: float = 0.0
    worked: bool = False
    replaced: int = 0

    def started(self, now: float) -> None:
        """A cluster begins; it is given time as if it had just given a sign."""
        self.sign_at = now
        self.worked = False

    def sign(self, now: float) -> None:
        """A worker began, ended, or goes on with a task."""
        self.sign_at = now
        self.worked = True
        self.replaced = 0

    def replace(self) -> None:
        """The cluster is replaced, because it stalled."""
        self.replaced += 1

    @property
    def limit(self) -> float:
        """The present patience, in seconds."""
        return max(self.patience, min(self.patience * 2.0 ** min(self.replaced, 30), MOST_SECONDS))

    def silent_for(self, seen: Look | None, now: float) -> float:
        """For how long runs have been due without a sign."""
        if seen is None or seen.due_for is None:
            return 0.0
        return max(min(seen.due_for, now - self.sign_at), 0.0)

    def judge(self, seen: Look | None, now: float) -> Verdict:
        """Suspect from half of the patience on: then it is given wake-ups, to show that it lives."""
        if seen is None or now - seen.at > BLIND_SECONDS:
            self.sign_at = now
        silent = self.silent_for(seen, now)
        if silent >= self.limit:
            return Verdict.STALLED
        return Verdict.SUSPECT if silent >= self.limit / 2 else Verdict.FINE
