"""How many calls of an LLM are under way at once: slots hang on the lease of their run."""

from collections.abc import Iterator
from typing import Any

import pytest

from agents_app.core.status import RunStatus
from agents_app.llm import limits_of
from agents_app.models import LLMPlace
from agents_app.services import SYSTEM, Run, cancel_run, start_run
from agents_app.testing import move_time, run_until_idle
from agents_app.transitions import claims, llms
from tests import office
from tests.runtime.llms import DOWN, Plain, Reserved, asked, behaviour, told_llms

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("agents")]


@pytest.fixture(autouse=True)
def _told() -> Iterator[None]:
    with told_llms({"max_concurrent": 1}):
        yield


def go(agent: Any = Plain) -> Run[str]:
    run = start_run(agent, "x")
    run_until_idle()
    return run.again()


def busy() -> Run[str]:
    """A run whose worker is asking `first`, and says no more."""
    run = start_run(Plain, "busy")
    claim = claims.claim(run.id)
    assert claim is not None
    asker = llms.Asker(run_id=run.id, claim=claim.number, seconds=300)
    assert llms.admit("first", limits_of("first")[1], asker, llm="first", tokens=None, patience=None).slot
    return run


def test_a_call_that_has_ended_leaves_its_slot() -> None:
    assert [go().status for _ in range(3)] == [RunStatus.COMPLETED] * 3
    behaviour["first"] = DOWN
    assert go().status is RunStatus.SCHEDULED
    assert not LLMPlace.objects.exists()


def test_who_finds_none_waits_and_uses_up_no_attempt() -> None:
    busy()
    run = go()
    assert run.status is RunStatus.SCHEDULED
    assert asked == []
    assert office.context_of(run).lease_until is None


def test_a_dead_worker_frees_it_with_its_lease() -> None:
    dead = busy()
    run = go()
    with move_time(20):
        run_until_idle()
        assert run.again().status is RunStatus.SCHEDULED, "its lease still runs"
    with move_time(31):
        claim = claims.claim(run.id)
        assert claim is not None
        asker = llms.Asker(run_id=run.id, claim=claim.number, seconds=60)
        limits = limits_of("first")[1]
        assert llms.admit("first", limits, asker, llm="first", tokens=None, patience=None).slot
    assert LLMPlace.objects.filter(run_id=dead.id).exists(), "its place is there still, and counts for nothing"


def test_who_waits_longer_comes_first() -> None:
    holder = busy()
    first, second = go(), go()
    LLMPlace.objects.filter(run_id=holder.id).delete()
    limits = limits_of("first")[1]

    def admitted(run: Run[str]) -> bool:
        claim = claims.claim(run.id)
        assert claim is not None
        asker = llms.Asker(run_id=run.id, claim=claim.number, seconds=60)
        return llms.admit("first", limits, asker, llm="first", tokens=None, patience=None).slot

    with move_time(5):
        assert not admitted(second)
        assert admitted(first)


def test_a_run_that_was_cancelled_does_not_hold_up_those_behind_it() -> None:
    holder = busy()
    first, second = go(), go()
    cancel_run(first.id, by=SYSTEM)
    LLMPlace.objects.filter(run_id=holder.id).delete()
    with move_time(5):
        run_until_idle()
        assert second.again().status is RunStatus.COMPLETED


def test_who_has_waited_long_falls_back() -> None:
    busy()
    run = go(Reserved)
    assert run.status is RunStatus.SCHEDULED
    with move_time(11):
        run_until_idle()
        assert run.again().output == "second says so."
    assert not LLMPlace.objects.filter(run_id=run.id).exists()
