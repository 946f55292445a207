"""Events are added and never changed, steps never after they ended: not by mistake, and not by any story of a run."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from agents_app.models import AgentEvent, AgentStep
from agents_app.services import SYSTEM, cancel_run, retry_run, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.archives import eventful
from tests.models import rows
from tests.office import Clerk

pytestmark = pytest.mark.django_db

POSTGRESQL = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'rewritten'; END $$;
CREATE TRIGGER no_event_changes BEFORE UPDATE OR DELETE ON agents_app_agentevent FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER no_step_changes BEFORE UPDATE ON agents_app_agentstep FOR EACH ROW WHEN (OLD.status <> 'started')
    EXECUTE FUNCTION refuse();
"""
SQLITE = (
    "CREATE TRIGGER no_event_changes BEFORE UPDATE ON agents_app_agentevent BEGIN SELECT RAISE(FAIL, 'rewritten'); END",
    "CREATE TRIGGER no_event_deletes BEFORE DELETE ON agents_app_agentevent BEGIN SELECT RAISE(FAIL, 'rewritten'); END",
    "CREATE TRIGGER no_step_changes BEFORE UPDATE ON agents_app_agentstep WHEN OLD.status <> 'started' "
    "BEGIN SELECT RAISE(FAIL, 'rewritten'); END",
)


@pytest.fixture
def guarded() -> None:
    """The database itself refuses what must not happen, until the test's transaction is rolled back."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL)
        else:
            for statement in SQLITE:
                cursor.execute(statement)


@pytest.fixture
def _office() -> Iterator[None]:
    with office.open_office():
        yield


def test_events_refuse_to_be_changed() -> None:
    event = rows.event()
    for change in (
        lambda: AgentEvent.objects.filter(pk=event.pk).update(data={}),
        lambda: AgentEvent.objects.all().delete(),
        lambda: AgentEvent.objects.bulk_update([event], ["data"]),
        event.save,
        event.delete,
    ):
        with pytest.raises(TypeError, match="append-only"), transaction.atomic():
            change()
    assert AgentEvent.objects.get() == event


@pytest.mark.usefixtures("guarded", "_office")
class TestStories:
    def test_a_run_with_everything(self, agents: AgentsKit) -> None:
        run = eventful(agents)
        numbers = list(AgentEvent.objects.filter(context_id=run.id).order_by("pk").values_list("sequence", flat=True))
        assert numbers == list(range(1, run.version + 1))

    def test_failures_retries_and_cancels(self, agents: AgentsKit) -> None:
        def raises(*_: Any) -> None:
            raise RuntimeError

        office.behaviour |= {"look": raises, "book": raises, "ring": raises, "write": raises}
        agents.scripted_llm(Clerk, *(calls(name, number="1") for name in ("look", "ring")))
        failed = start_run(Clerk, "x")
        agents.run_until_idle()
        agents.scripted_llm(Clerk, *(calls(name, text="1") for name in ("book", "write")), "Done.")
        other = start_run(Clerk, "y")
        agents.run_until_idle()
        for run in (failed, other):
            if not run.again().ended:
                cancel_run(run.id, by=SYSTEM)
        agents.scripted_llm(Clerk)
        unlucky = start_run(Clerk, "z")
        agents.run_until_idle()
        retry_run(unlucky.id, by=SYSTEM)
        agents.scripted_llm(Clerk, "Now.")
        agents.run_until_idle()
        assert all(run.again().ended for run in (failed, other, unlucky))
        assert AgentStep.objects.filter(status="failed").exists()

    def test_the_guard_bites(self) -> None:
        event, step = rows.event(), rows.step(status="completed")
        for row in (event, step):
            table, column = row._meta.db_table, "sequence" if row is event else "number"
            with pytest.raises(DatabaseError, match="rewritten"), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"UPDATE {table} SET {column} = {column} + 1")
