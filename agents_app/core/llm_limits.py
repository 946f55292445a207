"""How often an LLM may be asked, and when it counts as down. Pure arithmetic; all times come in.

A bucket is one moment: when it will be full again. Drawing from it moves that moment on, beyond what it holds too:
then whoever draws has a place in the queue, and the time at which its turn comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

BURST_SECONDS = 10.0
"""What a bucket holds: the tokens of so many seconds. So in no minute is the limit passed by more than a sixth."""

BREAKER_KEYS = ("failures", "window", "open_seconds")
LIMIT_KEYS = ("requests_per_minute", "tokens_per_minute", "max_concurrent", "breaker")

PROBE_AGAIN_SECONDS = 2.0
"""While the one probe of a half-open breaker is under way, others ask again after this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Breaker:
    """Opens after so many failures in a row within `window` seconds, for `open_seconds`; then one call probes."""

    failures: int = 10
    window: float = 60.0
    open_seconds: float = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LLMLimits:
    """What all processes together may ask of one LLM. None: no limit, no breaker."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    max_concurrent: int | None = None
    breaker: Breaker | None = field(default_factory=Breaker)

    @property
    def limited(self) -> bool:
        """Whether each call has to be asked for."""
        return not (self.requests_per_minute is None and self.tokens_per_minute is None and self.max_concurrent is None)


def read_limits(given: Mapping[str, Any], breaker: Any) -> LLMLimits:
    """The limits among an alias' options. breaker: what holds where they say nothing. Raises ValueError."""
    for name in ("requests_per_minute", "tokens_per_minute"):
        if not _above_zero(given.get(name, 1)):
            raise ValueError(f"{name} must be a number above 0.")
    most = given.get("max_concurrent", 1)
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise ValueError("max_concurrent must be a whole number above 0.")
    return LLMLimits(
        requests_per_minute=given.get("requests_per_minute"),
        tokens_per_minute=given.get("tokens_per_minute"),
        max_concurrent=given.get("max_concurrent"),
        breaker=read_breaker(given.get("breaker", breaker)),
    )


def read_breaker(given: Any) -> Breaker | None:
    """A breaker from a dictionary of settings; None switches it off. Raises ValueError."""
    if given is None:
        return None
    if not isinstance(given, Mapping) or set(given) - set(BREAKER_KEYS):
        raise ValueError(f"the breaker must be None or a dictionary with the keys {', '.join(BREAKER_KEYS)}.")
    failures = given.get("failures", 1)
    if not isinstance(failures, int) or isinstance(failures, bool) or failures < 1:
        raise ValueError("the breaker's failures must be a whole number above 0.")
    for name in ("window", "open_seconds"):
        if not _above_zero(given.get(name, 1)):
            raise ValueError(f"the breaker's {name} must be a number of seconds above 0.")
    return Breaker(**given)


def _above_zero(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


# The bucket.


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """When the bucket is full again after this, and when the call may start."""

    full_at: datetime
    starts_at: datetime


def draw(full_at: datetime | None, now: datetime, amount: float, per_minute: float) -> Draw:
    """Take `amount` from a bucket that fills by `per_minute`. full_at None: it is full.

    Who draws later never starts earlier. An amount above what a bucket holds starts when it is full.
    """
    rate = per_minute / 60
    held = max(BURST_SECONDS * rate, 1.0, amount)
    filled = max(full_at or now, now) + timedelta(seconds=amount / rate)
    return Draw(full_at=filled, starts_at=max(now, filled - timedelta(seconds=held / rate)))


def correct(full_at: datetime | None, now: datetime, drawn: float, used: float, per_minute: float) -> datetime:
    """When the bucket is full again once it is known that not `drawn` but `used` was needed."""
    return max(full_at or now, now) + timedelta(seconds=(used - drawn) / (per_minute / 60))


# The breaker.


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """What is known of an LLM's failures. `open_until` None: the breaker is closed. `probe_until`: the one call that
    may find out is under way until then at most."""

    failures: int = 0
    since: datetime | None = None
    open_until: datetime | None = None
    probe_until: datetime | None = None

    def closed_until(self, now: datetime) -> datetime | None:
        """Before when nobody may ask; None: somebody may, as a probe if the breaker has opened."""
        if self.open_until is None:
            return None
        if self.open_until > now:
            return self.open_until
        if self.probe_until is not None and self.probe_until > now:
            return min(self.probe_until, now + timedelta(seconds=PROBE_AGAIN_SECONDS))
        return None


def failed(trouble: Trouble, now: datetime, breaker: Breaker, *, probe: bool, retry_after: float | None) -> Trouble:
    """After another failure. An open breaker is opened anew by its probe alone: others were asked before it opened."""
    if trouble.open_until is not None and not probe:
        return trouble
    fresh = trouble.since is None or now - trouble.since > timedelta(seconds=breaker.window)
    failures = 1 if fresh and not probe else trouble.failures + 1
    since = now if fresh else trouble.since
    if not probe and failures < breaker.failures:
        return Trouble(failures=failures, since=since)
    seconds = max(breaker.open_seconds, retry_after or 0.0)
    return Trouble(failures=failures, since=since, open_until=now + timedelta(seconds=seconds))
