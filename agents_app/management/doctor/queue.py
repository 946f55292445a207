"""Does the queue make progress? A cluster may look healthy and do nothing, so the rows are asked first."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from agents_app.conf import conf
from agents_app.executors import get_executor
from agents_app.management.console import counted
from agents_app.management.doctor.findings import Finding, broken, ok, warning
from agents_app.management.doctor.patience import NoAnswerError, within
from agents_app.models import AgentContext, DatabaseNow, database_now
from agents_app.models.context import BUSY
from agents_app.selectors.handlers import handler_states
from agents_app.selectors.health import LATE_SECONDS, STUCK_SECONDS
from agents_app.selectors.runs import oldest_due

SUBJECT = "queue"
SECONDS = 5.0
"""What a server of the queue has to answer in. Its client's own times may come to a minute."""
SWEEP_TASKS = ("agents_app.tasks.recover", "recovery.sweep")
START = "Start a cluster (manage.py agents_cluster); if one is running, restart it, then manage.py agents_recover."


def examine_queue() -> Iterator[Finding]:
    """The executor, what is due, and what the workers hold."""
    get_executor()
    yield ok(SUBJECT, f"executor {conf.EXECUTOR}")
    yield from _progress()
    yield from _leases()
    yield from _code()
    yield from _handlers()
    if conf.EXECUTOR == "django_q2":
        yield from _cluster()
    elif conf.EXECUTOR == "immediate":
        text = "Runs are driven in the process that starts them; if it dies, they wait for the next sweep."
        yield warning(SUBJECT, text, 'Use "django_q2" in production.')


def _progress() -> Iterator[Finding]:
    since = oldest_due()
    seconds = _age(since)
    if since is None or seconds < LATE_SECONDS:
        yield ok("progress", "no run waits long for a worker" if since else "no run waits for a worker")
        return
    count = AgentContext.objects.claimable().count()
    text = f"{counted(count, 'run')} {'is' if count == 1 else 'are'} due and not taken, the oldest for {seconds:.0f} s."
    yield (broken if seconds >= STUCK_SECONDS else warning)("progress", text, START)


def _age(since: datetime | None) -> float:
    return 0.0 if since is None else (database_now() - since).total_seconds()


def _leases() -> Iterator[Finding]:
    live = AgentContext.objects.live()
    held = live.filter(lease_until__gt=DatabaseNow()).count()
    stale = live.filter(lease_until__lte=DatabaseNow()).count()
    if stale:
        others = f"{counted(held, 'other')} {'is' if held == 1 else 'are'} being worked on"
        text = (
            f"The {'worker' if stale == 1 else 'workers'} of {counted(stale, 'run')} gave no sign in time ({others})."
        )
        yield warning("leases", text, "They died or hang; other workers take over. If none does: " + START)
    else:
        yield ok("leases", f"{counted(held, 'run')} {'is' if held == 1 else 'are'} being worked on")


def _code() -> Iterator[Finding]:
    """Runs whose code no worker knows are put off again and again: they are never due for long."""
    waiting = AgentContext.objects.live().filter(unknown_since__isnull=False, status__in=BUSY).count()
    if waiting:
        text = f"{counted(waiting, 'run')} {'needs' if waiting == 1 else 'need'} code that the workers do not have."
        advice = "Deploy it to the workers; after ten minutes the agent's on_code_change decides, or the run fails."
        yield warning("code", text, advice)


def _handlers() -> Iterator[Finding]:
    for state in handler_states():
        if state.parked:
            text = f"{state.name} is parked for {counted(state.parked, 'run')}: it failed too often."
            yield warning("handlers", text, "manage.py agents_handlers says why, and lets it go on.")
        if not state.known and state.waiting:
            text = f"{state.name} is not in the code here; {counted(state.waiting, 'run')} have something for it."
            yield warning("handlers", text, f"Deploy its code, or: manage.py agents_handlers --forget {state.name}")


def _cluster() -> Iterator[Finding]:
    # django-q2 reads its settings when it is imported: only where it is the executor.
    from django_q.brokers import get_broker
    from django_q.brokers.orm import ORM
    from django_q.models import Schedule

    broker = get_broker()
    if fault := _fault(broker.ping, here=isinstance(broker, ORM)):
        advice = "Start it, or mend Q_CLUSTER. What is accepted meanwhile is woken by the sweep when it is back."
        yield broken(SUBJECT, f"The broker ({type(broker).__name__}) does not answer{fault}.", advice)
        return
    yield from _signs(broker)
    if not any(Schedule.objects.filter(func__endswith=task).exists() for task in SWEEP_TASKS):
        text = "The sweep is not scheduled: a run whose wake-up is lost waits until somebody looks."
        yield warning("sweep", text, "Schedule agents_app.tasks.recover every minute, or agents_recover by cron.")


def _signs(broker: Any) -> Iterator[Finding]:
    """What clusters tell of themselves: in Redis where it is the broker, else in a cache, which may hang, too."""
    from django_q.status import Stat

    try:
        clusters = within(SECONDS, partial(Stat.get_all, broker))
    except Exception as error:
        text = f"Whether a cluster runs cannot be seen: where it says so nobody answers{_told(error)}."
        yield warning("cluster", text, 'Trust “progress”, and mend the cache that Q_CLUSTER["cache"] names.')
        return
    names = ", ".join(f"{stat.host} ({stat.status}, {counted(len(stat.workers), 'worker')})" for stat in clusters)
    if clusters:
        yield ok("cluster", f"{names}; {counted(broker.queue_size(), 'message')} queued")
    elif _cache_is_private():
        text = "Whether a cluster runs cannot be seen from here: its signs are in a cache that processes do not share."
        yield warning("cluster", text, 'Trust “progress”, or let Q_CLUSTER["cache"] name a shared cache.')
    else:
        yield broken("cluster", "No django-q2 cluster gives a sign of life.", START)


def _fault(ping: Callable[[], object], *, here: bool) -> str:
    """What is to be said of a broker that does not answer; nothing of one that does. here: it is in our database."""
    try:
        return "" if (ping() if here else within(SECONDS, ping)) else " its ping"
    except Exception as error:
        return _told(error)


def _told(error: Exception) -> str:
    if isinstance(error, NoAnswerError):
        return f" within {SECONDS:g} s"
    return f": {type(error).__name__}: {str(error).rstrip('.')}"


def _cache_is_private() -> bool:
    from django_q.brokers import Broker

    return type(Broker.get_cache()).__name__ in ("LocMemCache", "DummyCache", "NoneType")
