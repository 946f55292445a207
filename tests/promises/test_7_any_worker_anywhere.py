"""Promise 7. Any worker may take the next iteration of any run; one that lost its lease cannot write."""

import time
from typing import Any

import pytest

from agents_app.core.events import EventType
from agents_app.core.transcript import LLMReply
from agents_app.exceptions import StaleContext
from agents_app.models import AgentContext, AgentEvent
from agents_app.runtime import drive, iterate
from agents_app.runtime.engines import threaded_engine
from agents_app.runtime.heartbeat import renew
from agents_app.runtime.held import Held, ThinkAct, ToolAct
from agents_app.runtime.perform import use_tool
from agents_app.services import SYSTEM, Run, cancel_run
from agents_app.testing import calls, move_time, run_until_idle
from agents_app.transitions import OpenRows, change, change_known, claims
from tests import office
from tests.promises.mutants import Cut, Mutant, mutant
from tests.promises.stage import Stage
from tests.scenarios.meanwhile import elsewhere, together


def test_one_worker_holds_a_run(stage: Stage) -> None:
    run = stage.start("Done.")
    first = claims.claim(run.id)
    assert first is not None
    assert claims.claim(run.id) is None
    assert due() == []


def due() -> list[Any]:
    return claims.due_run_ids(10, alone=True)


def test_of_many_claims_at_once_one_wins(stage: Stage) -> None:
    run = stage.start("Done.")
    won = [claim for claim in together(*[lambda: claims.claim(run.id)] * 4) if claim is not None]
    assert len(won) == 1


def test_every_claim_has_its_own_number(stage: Stage) -> None:
    run = stage.start("Done.")
    numbers = []
    for round_ in range(3):
        with move_time(31 * round_):
            numbers.append(stage.hold(run).claim.number)
    assert numbers == [1, 2, 3]


def overtaken(stage: Stage) -> tuple[Run[str], Held, ThinkAct]:
    """A worker asks the LLM and falls asleep; when it wakes up another has the run."""
    run = stage.start("Done.")
    asleep = stage.hold(run)
    (act,) = iterate.prepare(asleep)
    assert isinstance(act, ThinkAct)
    with move_time(31):
        awake = stage.hold(run)
        iterate.prepare(awake)
    return run, asleep, act


def test_a_worker_that_lost_its_lease_cannot_write(stage: Stage) -> None:
    run, asleep, act = overtaken(stage)
    before = AgentContext.objects.values().get(pk=run.id)
    for write in (
        lambda: iterate.settle(asleep, act, LLMReply(text="Too late.")),
        lambda: iterate.prepare(asleep),
        lambda: iterate.abandon(asleep, []),
    ):
        with pytest.raises(StaleContext):
            write()
    assert AgentContext.objects.values().get(pk=run.id) == before


def test_a_worker_that_knows_its_run_cannot_write_once_another_has_it(stage: Stage) -> None:
    run = stage.start("Too late.")
    held = stage.hold(run)
    iterate.prepare(held)
    assert held.rows is not None
    with move_time(31):
        stage.hold(run)
    before = AgentContext.objects.values().get(pk=run.id)
    with pytest.raises(StaleContext), change_known(run.id, claim=held.claim.number, rows=held.rows) as edit:
        edit.record(EventType.RUN_RECOVERED, claim=1)
    assert AgentContext.objects.values().get(pk=run.id) == before
    assert not AgentEvent.objects.filter(context=run.id, type=EventType.RUN_RECOVERED).exists()


def test_a_worker_that_lost_its_lease_cannot_prolong_it(stage: Stage) -> None:
    run, asleep, _ = overtaken(stage)
    before = AgentContext.objects.get(pk=run.id).lease_until
    assert claims.heartbeat(run.id, asleep.claim.number, 600) is None
    assert AgentContext.objects.get(pk=run.id).lease_until == before


def test_a_worker_that_gave_the_run_back_cannot_write(stage: Stage) -> None:
    run = stage.start("Done.")
    held = stage.hold(run)
    (act,) = iterate.prepare(held)
    iterate.abandon(held, [act])
    with pytest.raises(StaleContext):
        iterate.prepare(held)


def test_the_lease_is_looked_at_right_before_the_call(stage: Stage) -> None:
    """The process slept between the commit of `started` and the call: longer than its lease."""
    run = stage.start(calls("send", text="a"), "Done.")
    held = stage.hold(run)
    (think,) = iterate.prepare(held)
    on = threaded_engine()
    reply = on.run(lambda on: drive.perform(on, held, think))
    (act,) = iterate.settle(held, think, reply)
    assert isinstance(act, ToolAct)
    held.renewed = time.monotonic() - 31
    with move_time(31):
        assert claims.claim(run.id) is not None
        with pytest.raises(StaleContext):
            on.run(lambda on: use_tool(on, held, act))
    assert office.done == []


@pytest.mark.postgresql_only
def test_a_lease_that_could_not_be_prolonged_is_not_believed_to_be(stage: Stage) -> None:
    """Somebody has the row locked: the heartbeat passes by, and the worker knows that it did."""
    the_lease_is_not_believed_to_be_prolonged(stage)


def the_lease_is_not_believed_to_be_prolonged(stage: Stage) -> None:
    run = stage.start("Done.")
    held = stage.hold(run)
    held.renewed = before = time.monotonic() - 5
    with change(run.id):
        elsewhere(lambda: renew(held))
    assert held.renewed == before
    renew(held)
    assert held.renewed > before


def test_a_cancellation_is_heard_of_whatever_news_came_first(stage: Stage) -> None:
    """The holder has read the rows that came with it, for other news a moment earlier: nothing else is new."""
    run = stage.start("Done.")
    held, news = stage.hold(run), []
    held.on_news = lambda: news.append("news")
    cancel_run(run.id, by=SYSTEM)
    held.rows = OpenRows(version=AgentContext.objects.get(pk=run.id).version)
    renew(held)
    assert (held.cancel_requested, news) == (True, ["news"])


def test_another_worker_goes_on_where_the_first_stopped(stage: Stage) -> None:
    run = stage.start(calls("send", text="a"), calls("book", text="b"), "Done.")
    while not run.again().ended:
        held = stage.hold(run)  # a new worker for every iteration: it knows only the rows
        for act in iterate.prepare(held):
            outcome = threaded_engine().run(lambda on, act=act, held=held: drive.perform(on, held, act))
            held.draining = True
            iterate.settle(held, act, outcome)
    assert run.again().output == "Done."
    assert office.names() == ["send", "book"]


def test_a_hint_that_comes_twice_or_late_does_no_harm(stage: Stage) -> None:
    run = stage.start(calls("send", text="a"), "Done.")
    for _ in range(3):
        drive.continue_run(str(run.id))
    drive.continue_run("no id at all")
    run_until_idle()
    assert office.names() == ["send"]
    assert run.again().output == "Done."


CLAIM = "agents_app.transitions.claims:_take"
CHANGE = "agents_app.transitions.change:change"
GUARD = "if claim is not None and (context.claim_number != claim or context.lease_until is None):"
MUTANTS = [
    mutant(
        "in a message that commits a guard is not asked",
        test_a_worker_that_knows_its_run_cannot_write_once_another_has_it,
        "agents_app.transitions.at_once:send",
        "MATCHED % text if guarded else text",
        "text",
        only="postgresql",
    ),
    mutant("the claim is not guarded", test_a_worker_that_lost_its_lease_cannot_write, CHANGE, GUARD, "if False:"),
    Mutant(
        name="a released claim may write",
        check=test_a_worker_that_gave_the_run_back_cannot_write,
        cuts=(
            Cut(target=CHANGE, old=GUARD, new="if claim is not None and context.claim_number != claim:"),
            Cut(
                target="agents_app.transitions.change:Change._update_context",
                old="if self.claim is not None:",
                new="if False:",
            ),
        ),
    ),
    Mutant(
        name="a held run can be claimed",
        check=test_one_worker_holds_a_run,
        cuts=(
            Cut(
                target="agents_app.models.context:ContextQuerySet.claimable",
                old="return self.due().filter(free)",
                new="return self",
            ),
        ),
    ),
    mutant(
        "claims are not numbered",
        test_every_claim_has_its_own_number,
        "agents_app.transitions.claims:_put_lease",
        "context.claim_number += 1",
        "pass",
    ),
    mutant(
        "the heartbeat asks for no claim",
        test_a_worker_that_lost_its_lease_cannot_prolong_it,
        "agents_app.transitions.claims:_renew",
        "for row in locked if row[1] == numbers[row[0]]",
        "for row in locked",
    ),
    mutant(
        "the lease is not looked at before a call",
        test_the_lease_is_looked_at_right_before_the_call,
        "agents_app.runtime.perform:use_tool",
        "if not held.lease_holds() and not await engine.database(renew, held):",
        "if False:",
    ),
    mutant(
        "a cancellation is heard of with other news alone",
        test_a_cancellation_is_heard_of_whatever_news_came_first,
        "agents_app.runtime.heartbeat:_learn",
        "if cancelled or (held.rows",
        "if (held.rows",
    ),
    mutant(
        "a heartbeat that passed by counts",
        the_lease_is_not_believed_to_be_prolonged,
        "agents_app.runtime.heartbeat:_learn",
        "if sign.renewed:",
        "if True:",
        only="postgresql",
    ),
]
