"""Finding runs and what happened in them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group

from agents_app.exceptions import NotFound
from agents_app.models import AgentContext, database_now
from agents_app.selectors import runs
from agents_app.services import SYSTEM, pause_run, start_run
from agents_app.testing import AgentsKit
from tests.office import Clerk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("agents")]


def test_one_of() -> None:
    run = start_run(Clerk, "x")
    rows = AgentContext.objects.all()
    assert runs.one_of(rows, str(run.id)).pk == run.id
    for key in (uuid4(), "nonsense", None, 3):
        with pytest.raises(NotFound, match="run"):
            runs.one_of(rows, key)
    with pytest.raises(NotFound):
        runs.one_of(rows.none(), run.id)


def test_events_after(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    assert [event.sequence for event in runs.events_after(run.id, 2)] == [3, 4]
    assert [event.sequence for event in runs.events_after(run.id, 0, limit=2)] == [1, 2]
    assert runs.versions_of([run.id, uuid4()]) == {run.id: 4}


def test_what_is_due() -> None:
    assert runs.oldest_due() is None
    first, second = start_run(Clerk, "x"), start_run(Clerk, "x")
    since = database_now() - timedelta(hours=1)
    AgentContext.objects.filter(pk=first.id).update(due_at=since)
    assert runs.oldest_due() == since
    pause_run(first.id, by=SYSTEM)
    later = runs.oldest_due()
    assert later is not None
    assert later > since
    assert second.id


def test_runs_about_an_object() -> None:
    group, other = Group.objects.create(name="a"), Group.objects.create(name="b")
    run = start_run(Clerk, "x", subject=group)
    start_run(Clerk, "x")
    assert [context.pk for context in runs.runs_about(group)] == [run.id]
    assert not runs.runs_about(other).exists()
