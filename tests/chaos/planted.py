"""The course of a chaos on a product that was broken on purpose: until the judge has found what is broken."""

import random
import time

from django.db import connection
from django.db.models import Count, F, Q, QuerySet

from agents_app.core.status import ENDED, WAITING_FOR_PEOPLE
from agents_app.models import AgentContext
from tests.chaos import failpoints, harm
from tests.chaos.course import build, end, report, verdict_of
from tests.chaos.desk import ENOUGH
from tests.chaos.killers import Killers
from tests.chaos.report import Report
from tests.chaos.verdict import Verdict
from tests.chaos.wanted import PLANTS, Wanted
from tests.chaos.world import World

ROUND_SECONDS = 0.5
FIRST_KILLS, SECONDS_OF_A_KILL = 3, 20.0
"""Then one more each time: a run whose worker died must be taken up again, too."""


def planted(here: World, wanted: Wanted) -> Report:
    """All of it. It ends as soon as the plant has shown, or when the time is over."""
    assert wanted.plant is not None
    build()
    killers = Killers(here, random.Random(wanted.seed), failpoints.in_source(), failpoints.by_event())
    begun, deadly = time.monotonic(), PLANTS[wanted.plant].deadly
    verdict = None
    while verdict is None:
        here.keep_alive()
        killers.look()
        elapsed = time.monotonic() - begun
        if deadly is not None and killers.kills() < FIRST_KILLS + elapsed / SECONDS_OF_A_KILL:
            harm.order(here.home, deadly, "kill")
        time.sleep(ROUND_SECONDS)
        over = elapsed > wanted.seconds
        if over or _shows(here, wanted.plant):
            verdict = _judged(here, wanted, over=over)
    killers.look()
    return report(here, killers, wanted, verdict, time.monotonic() - begun)


def _shows(here: World, plant: str) -> bool:
    """Whether it looks so, while all goes on."""
    connection.close()
    match plant:
        case "lost":
            return _forgotten().exists()
        case "gap":  # by one statement: the judge would take for gaps what is written while it reads
            return AgentContext.objects.annotate(told=Count("events")).exclude(told=F("version")).exists()
    return plant in verdict_of(here).findings


def _judged(here: World, wanted: Wanted, *, over: bool) -> Verdict | None:
    """What the judge says when nobody moves any more; None: it was not so, and must go on."""
    if wanted.plant == "lost":
        _let_the_others_end(here, wanted.patience)
    end(here)
    verdict = verdict_of(here)
    if wanted.plant != "lost":
        verdict.findings.pop("lost", None)  # of runs that were under way just now
    return verdict if over or wanted.plant in verdict.findings else None


def _forgotten() -> QuerySet[AgentContext]:
    """Runs that neither have ended nor wait for somebody, and to which nobody is going to come."""
    return _under_way().filter(due_at__isnull=True, lease_until__isnull=True)


def _under_way() -> QuerySet[AgentContext]:
    return AgentContext.objects.exclude(status__in=ENDED | WAITING_FOR_PEOPLE)


def _let_the_others_end(here: World, patience: float) -> None:
    """Start nothing more; until those alone are left to which nobody is going to come."""
    (here.home / ENOUGH).touch()
    end_of_patience = time.monotonic() + patience
    while time.monotonic() < end_of_patience:
        here.keep_alive()
        connection.close()
        if not _under_way().filter(Q(due_at__isnull=False) | Q(lease_until__isnull=False)).exists():
            return
        time.sleep(ROUND_SECONDS)
