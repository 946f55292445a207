"""What a holder knows of its run is not read again, and what it does not know any more is noticed."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app.core.transcript import LLMRequest
from agents_app.exceptions import Overtaken, StaleContext
from agents_app.models import AgentContext, database_now
from agents_app.runtime import drive, iterate, request
from agents_app.runtime.engines import engine
from agents_app.runtime.held import Held
from agents_app.selectors.transcript import messages_of
from agents_app.services import SYSTEM, cancel_run, pause_run, start_run
from agents_app.testing import AgentsKit, calls
from agents_app.transitions import change_known
from agents_app.transitions.claims import claim_due
from tests import office
from tests.office import Clerk
from tests.runtime.test_iterate import held_by_hand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held(agents: AgentsKit) -> Held:
    agents.scripted_llm(Clerk, calls("look", number="1"), calls("look", number="2"), "Done.")
    return held_by_hand(start_run(Clerk, "x"))


def acted(held: Held, act: object) -> object:
    return engine().run(lambda on: drive.perform(on, held, act))  # type: ignore[arg-type]


def test_the_transcript_is_read_once_a_slice(held: Held) -> None:
    """And is what the rows say at every turn."""
    acts = iterate.prepare(held)
    turns = 0
    while acts:
        (act,) = acts
        if isinstance(act, iterate.ThinkAct):
            turns += 1
            with CaptureQueriesContext(connection) as queries:
                assert not request.needs_database(held)
                asked: LLMRequest = request.build_request(held, "any")
            assert len(queries) == 0
            assert asked.messages == messages_of(AgentContext.objects.get(pk=held.run_id))
        acts = iterate.settle(held, act, acted(held, act))
    assert turns == 3
    assert AgentContext.objects.get(pk=held.run_id).status == "completed"


def test_settling_looks_at_nothing(held: Held) -> None:
    """One change: two statements on PostgreSQL besides its beginning and end, and no read before it."""
    (think,) = iterate.prepare(held)
    reply = acted(held, think)
    with CaptureQueriesContext(connection) as queries:
        (call,) = iterate.settle(held, think, reply)
    outcome = acted(held, call)
    with CaptureQueriesContext(connection) as more:
        iterate.settle(held, call, outcome)
    read = [query["sql"] for query in (*queries, *more) if query["sql"].lstrip().startswith("SELECT")]
    assert read == []


@pytest.mark.parametrize("meanwhile", [pause_run, cancel_run])
def test_what_happened_meanwhile_is_found_out_when_settling(held: Held, meanwhile: object) -> None:
    (think,) = iterate.prepare(held)
    reply = acted(held, think)
    meanwhile(held.run_id, by=SYSTEM)  # type: ignore[operator]
    assert iterate.settle(held, think, reply) == []
    context = AgentContext.objects.get(pk=held.run_id)
    assert (context.paused_at is not None) or context.status == "cancelled"
    assert context.lease_until is None
    assert office.done == []


def test_the_second_of_two_writers_is_overtaken(held: Held) -> None:
    iterate.prepare(held)
    assert held.rows is not None
    pause_run(held.run_id, by=SYSTEM)
    with (
        pytest.raises(Overtaken),
        change_known(held.run_id, claim=held.claim.number, rows=held.rows) as edit,
    ):
        edit.context.hints = 1


def test_whoever_lost_the_claim_cannot_settle(held: Held) -> None:
    (think,) = iterate.prepare(held)
    reply = acted(held, think)
    AgentContext.objects.filter(pk=held.run_id).update(claim_number=99)
    with pytest.raises(StaleContext):
        iterate.settle(held, think, reply)
    assert office.done == []


def test_a_new_run_is_not_read_again_after_its_claim(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "Done.")
    held = held_by_hand(start_run(Clerk, "x"))
    held.rows = held.claim.rows
    with CaptureQueriesContext(connection) as queries:
        (act,) = iterate.prepare(held)
    assert [query["sql"] for query in queries if query["sql"].lstrip().startswith("SELECT")] == []
    assert iterate.settle(held, act, acted(held, act)) == []
    assert AgentContext.objects.get(pk=held.run_id).status == "completed"


def test_a_new_run_that_was_taken_among_others_is_known_too(agents: AgentsKit) -> None:
    runs = [start_run(Clerk, "x") for _ in range(3)]
    taken = claim_due(5)
    assert {claim.run_id for claim in taken} == {run.id for run in runs}
    for claim in taken:
        assert claim.rows is not None
        assert claim.rows.context.lease_until == claim.rows.context.due_at
        assert abs(claim.rows.read.now() - database_now()) < timedelta(minutes=1)


def test_what_happened_since_the_claim_is_found_out(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "Done.")
    held = held_by_hand(start_run(Clerk, "x"))
    held.rows = held.claim.rows
    pause_run(held.run_id, by=SYSTEM)
    assert iterate.prepare(held) == []
    context = AgentContext.objects.get(pk=held.run_id)
    assert (context.status, context.lease_until) == ("paused", None)
