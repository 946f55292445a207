"""Runs that wait until an LLM that is down is up again: noted by row, so that they can be woken when it is."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections, transaction

from agents_app.conf import conf
from agents_app.models import AgentContext, LLMPlace, LLMState, database_now
from agents_app.transitions.hints import send_hint
from agents_app.transitions.llms import MISSED_SECONDS, keep_place

A_SECOND = 500
"""So many come at the same moment, the next ones a second later: the LLM has only just come back."""

HINTS = 20
"""Wake-ups of one call: each lets a worker take many runs."""


def wait_until_up(name: str, run_id: UUID, until: datetime) -> None:
    """Note that this run is told to come at this moment, because the LLM is down."""
    late = until + timedelta(seconds=MISSED_SECONDS)
    keep_place(LLMPlace(run_id=run_id, llm=name, queued_at=database_now(), starts_at=until, until=late, down=True))


def wake(name: str) -> int:
    """The LLM is asked again: who waits for that is due now, who has waited longest first. How many there were.

    Runs that somebody drives at this moment are passed over, and looked at again by the sweep.
    """
    waiting = LLMPlace.objects.filter(llm=name, down=True).order_by("queued_at")
    told = list(waiting.values_list("run_id", "starts_at"))
    woken = 0
    for first in range(0, len(told), A_SECOND):
        woken += _wake(dict(told[first : first + A_SECOND]), timedelta(seconds=first / A_SECOND), HINTS - woken)
    return woken


def _wake(told: Mapping[UUID, datetime], later: timedelta, most_hints: int) -> int:
    with transaction.atomic(using=conf.DATABASE):
        now = database_now()
        rows = AgentContext.objects.live().filter(pk__in=list(told), lease_until__isnull=True, due_at__gt=now + later)
        if connections[conf.DATABASE].features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True, no_key=True)
        # Who waits for something else by now, or for a later moment, is left to it.
        found = [run_id for run_id, run_at in rows.values_list("pk", "run_at") if run_at == told[run_id]]
        AgentContext.objects.filter(pk__in=found).update(run_at=now + later, due_at=now + later)
        places = LLMPlace.objects.filter(run_id__in=list(told), down=True)
        places.filter(run_id__in=found).delete()
        places.filter(starts_at__lte=now).delete()  # they come by themselves
        transaction.on_commit(lambda: _hint(found[: max(most_hints, 0)]), using=conf.DATABASE, robust=True)
    return len(found)


def _hint(run_ids: list[UUID]) -> None:
    for run_id in run_ids:
        send_hint(run_id)


def wake_forgotten() -> int:
    """Wake those who were told to wait just as the LLM came back."""
    names = set(LLMPlace.objects.filter(down=True).order_by().values_list("llm", flat=True).distinct())
    if names:
        names -= set(LLMState.objects.filter(name__in=names, open_until__isnull=False).values_list("name", flat=True))
    return sum(wake(name) for name in sorted(names))
