"""The course of a chaos: warm up, do harm until enough was done, be quiet, judge."""

import random
import sys
import time
from collections import Counter

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection

from agents_app.core.status import ENDED
from agents_app.models import AgentContext, AgentEvent
from tests.chaos import failpoints
from tests.chaos.desk import ENOUGH
from tests.chaos.diary import read
from tests.chaos.killers import Killers
from tests.chaos.models import Entry
from tests.chaos.quiet import be_quiet
from tests.chaos.report import Report, report_of
from tests.chaos.verdict import Verdict, judge, under_way
from tests.chaos.wanted import Wanted
from tests.chaos.world import World, until

ROUND_SECONDS = 0.2
MOST_EXTRA_SECONDS = 1200.0
"""Beyond the time asked for, until enough was killed and every failpoint was reached: machines differ."""
SAY_SECONDS = 10.0


def chaos(here: World, wanted: Wanted) -> Report:
    """All of it, from the tables to the report."""
    build()
    killers = Killers(here, random.Random(wanted.seed), failpoints.in_source(), failpoints.by_event())
    begun = time.monotonic()
    _warm_up(here)
    first = time.monotonic()
    while not _enough(here, killers, wanted, time.monotonic() - first):
        here.keep_alive()
        ended = _ended()
        killers.once(ended)
        left = ", ".join(_undone(killers, wanted)) or "nothing"
        _say(f"{killers.kills()} kills, {ended} runs have ended, still to be done: {left}")
        time.sleep(ROUND_SECONDS)
    killers.stop()
    (here.home / ENOUGH).touch()
    be_quiet(lambda: _look(here, killers), here.people_leave, wanted.patience)
    killers.look()
    end(here)
    return report(here, killers, wanted, verdict_of(here), time.monotonic() - begun)


def build() -> None:
    """The tables, and somebody who may decide."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    get_user_model().objects.create_superuser("ann")


def _warm_up(here: World) -> None:
    """Until both clusters have worked: else most of the time would go into starting them."""

    def has_begun() -> bool:
        here.keep_alive()
        return _ended() > 3 and all(part.members() for part in here.clusters)

    until(has_begun, "the first runs to end")


def _enough(here: World, killers: Killers, wanted: Wanted, elapsed: float) -> bool:
    """The time is over and all was done that was asked for; or it takes too long, which the report says."""
    if elapsed < wanted.seconds:
        return False
    if elapsed > wanted.seconds + MOST_EXTRA_SECONDS:
        sys.stdout.write(f"Given up: not all was done within {elapsed:.0f} s.\n")
        return True
    accepted = len(read(here.home)["accepted"])
    return accepted >= wanted.runs and killers.kills() >= wanted.kills and not _undone(killers, wanted)


def verdict_of(here: World) -> Verdict:
    """What the judge says now."""
    return judge(here.home, Counter(Entry.objects.values_list("key", flat=True)))


def _missing(killers: Killers, wanted: Wanted) -> list[str]:
    """Failpoints that nobody came to."""
    return [name for name in wanted.points if not killers.hits[name]]


def _undone(killers: Killers, wanted: Wanted) -> list[str]:
    """A plant only has to be noticed."""
    return [] if wanted.plant else killers.undone()


def _ended() -> int:
    connection.close()  # restarts of the server have cut it
    return AgentContext.objects.filter(status__in=ENDED).count()


def _look(here: World, killers: Killers) -> None:
    here.keep_alive()
    killers.look()  # who was about to stop when harm ended is let go on, too
    connection.close()  # restarts of the server have cut it
    _say(f"under way: {under_way()}")


_said = 0.0


def _say(text: str) -> None:
    """How it goes, now and then."""
    global _said
    if time.monotonic() - _said > SAY_SECONDS:
        _said = time.monotonic()
        sys.stdout.write(f"… {text}\n")
        sys.stdout.flush()


def end(here: World) -> None:
    """All processes, at once."""
    for part in here.parts:
        part.end()
    connection.close()


def report(here: World, killers: Killers, wanted: Wanted, verdict: Verdict, seconds: float) -> Report:
    """The figures of what was done, and what was found."""
    accepted, kills = len(read(here.home)["accepted"]), killers.kills()
    missing = {"runs": (accepted, wanted.runs), "kills": (kills, wanted.kills)}
    return report_of(
        verdict,
        killers.hits,
        seed=wanted.seed,
        seconds=seconds,
        runs=accepted,
        kills=kills,
        done=dict(killers.done) | {f"starts of {part.name}": part.starts for part in here.parts},
        statuses=dict(Counter(AgentContext.objects.values_list("status", flat=True))),
        events=AgentEvent.objects.count(),
        never_hit=_missing(killers, wanted),
        too_little=[
            *(f"{there} {what} of {least}" for what, (there, least) in missing.items() if there < least),
            *_undone(killers, wanted),
        ],
    )
