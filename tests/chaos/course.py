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
from tests.chaos.report import Report, report_of
from tests.chaos.verdict import judge, unsettled
from tests.chaos.wanted import Wanted
from tests.chaos.world import READY_SECONDS, World, until

ROUND_SECONDS = 0.15
MOST_EXTRA_SECONDS = 600.0
"""Beyond the time asked for, until enough was killed and every failpoint was reached: machines differ."""
QUIET_SECONDS = 2.0
SAY_SECONDS = 10.0
PLANT_SECONDS = 40.0


def chaos(here: World, wanted: Wanted) -> Report:
    """All of it, from the tables to the report."""
    _build()
    killers = Killers(here, random.Random(wanted.seed), [*wanted.points, *failpoints.by_event()])
    begun = time.monotonic()
    _warm_up(here, wanted)
    first = time.monotonic()
    while not _enough(here, killers, wanted, time.monotonic() - first):
        here.keep_alive()
        ended = _ended()
        killers.once(time.monotonic() - first, ended)
        _say(f"{killers.kills()} kills, {ended} runs have ended, {_missing(killers, wanted)} are left")
        time.sleep(ROUND_SECONDS)
    killers.stop()
    _be_quiet(here, wanted.patience)
    killers.look()
    return _judge(here, killers, wanted, time.monotonic() - begun)


def _build() -> None:
    call_command("migrate", run_syncdb=True, verbosity=0)
    get_user_model().objects.create_superuser("ann")


def _warm_up(here: World, wanted: Wanted) -> None:
    """Until both clusters have worked: else most of the time would go into starting them."""

    def has_begun() -> bool:
        here.keep_alive()
        return _ended() > 3 and all(part.members() for part in here.clusters)

    try:
        until(has_begun, "the first runs to end", READY_SECONDS if wanted.plant is None else PLANT_SECONDS)
    except TimeoutError:
        if wanted.plant is None:
            raise  # what is broken on purpose may not get so far


def _enough(here: World, killers: Killers, wanted: Wanted, elapsed: float) -> bool:
    """The time is over and all was done that was asked for; or it takes too long, which the report says."""
    if elapsed < wanted.seconds:
        return False
    if elapsed > wanted.seconds + MOST_EXTRA_SECONDS:
        return True
    accepted = len(read(here.home)["accepted"])
    return accepted >= wanted.runs and killers.kills() >= wanted.kills and not _missing(killers, wanted)


def _missing(killers: Killers, wanted: Wanted) -> list[str]:
    return [name for name in wanted.points if not killers.hits[name]]


def _ended() -> int:
    connection.close()  # restarts of the server have cut it
    return AgentContext.objects.filter(status__in=ENDED).count()


def _be_quiet(here: World, patience: float) -> None:
    """Nobody does harm any more, and people go on deciding: until all is at rest, or nothing happens any more."""
    (here.home / ENOUGH).touch()
    last, moved = -1, time.monotonic()
    while time.monotonic() - moved < patience:
        here.keep_alive()
        connection.close()  # restarts of the server have cut it
        events = AgentEvent.objects.count()
        if events != last:
            last, moved = events, time.monotonic()
        if unsettled() == 0 and time.monotonic() - moved > QUIET_SECONDS:
            return
        _say(f"{unsettled()} runs are under way")
        time.sleep(0.5)


_said = 0.0


def _say(text: str) -> None:
    """How it goes, now and then."""
    global _said
    if time.monotonic() - _said > SAY_SECONDS:
        _said = time.monotonic()
        sys.stdout.write(f"… {text}\n")
        sys.stdout.flush()


def _judge(here: World, killers: Killers, wanted: Wanted, seconds: float) -> Report:
    for part in here.parts:
        part.end()
    accepted, kills = len(read(here.home)["accepted"]), killers.kills()
    missing = {"runs": (accepted, wanted.runs), "kills": (kills, wanted.kills)}
    return report_of(
        judge(here.home),
        killers.hits,
        seed=wanted.seed,
        seconds=seconds,
        runs=accepted,
        kills=kills,
        done=dict(killers.done) | {f"starts of {part.name}": part.starts for part in here.parts},
        statuses=dict(Counter(AgentContext.objects.values_list("status", flat=True))),
        events=AgentEvent.objects.count(),
        never_hit=_missing(killers, wanted),
        too_little=[f"{there} {what} of {least}" for what, (there, least) in missing.items() if there < least],
    )
