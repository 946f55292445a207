"""The product broken on purpose, so that it is seen that a chaos notices. Each breaks one promise, in every process."""

import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from agents_app.core.outcomes import Ending, Meaning, meaning_of
from agents_app.core.status import ToolCallStatus
from agents_app.gate.dispatch import Dispatch, Go, check
from agents_app.models.context import ContextQuerySet
from agents_app.runtime import judging
from agents_app.transitions import calls, claims
from agents_app.transitions.change import Change
from agents_app.transitions.claims import _claim_of
from tests.promises.mutants import mutant

_for_ever = ExitStack()


def duplicate() -> None:
    """A call whose worker died is made again, whatever its effect."""

    def again(outcome: Any, **about: Any) -> Meaning:
        if outcome.ending is Ending.DIED:
            return Meaning(status=ToolCallStatus.READY, counts=False)
        return meaning_of(outcome, **about)

    _replace(calls, "meaning_of", again)


def lost() -> None:
    """After some decisions of people nobody comes to go on with the run."""
    derive = Change._derive

    def forgetful(edit: Change) -> None:
        derive(edit)
        if edit.claim is None and edit.context.version > 0 and edit.context.pk.int % 2:
            edit.context.due_at = None

    _replace(Change, "_derive", forgetful)


def gap() -> None:
    """Now and then an event is not written."""
    numbered = Change._numbered

    def sloppy(edit: Change, first: int) -> Any:
        events = numbered(edit, first)
        return events[:-1] if len(events) > 1 and random.random() < 0.1 else events

    _replace(Change, "_numbered", sloppy)


def two_holders() -> None:
    """A run that is held can be claimed, and the claim gets the number of the one before."""
    claimable = ContextQuerySet.claimable

    def greedy(rows: ContextQuerySet) -> ContextQuerySet:
        return claimable(rows) | rows.live().filter(lease_until__isnull=False)

    _replace(ContextQuerySet, "claimable", greedy)
    old, new = "context.claim_number += 1", "context.claim_number = 1"
    _for_ever.enter_context(
        mutant("claim", two_holders, "agents_app.transitions.claims:_put_lease", old, new).applied()
    )
    _replace(claims, "_claim_of", lambda *about, **more: replace(_claim_of(*about, **more), number=1))


def ungated() -> None:
    """The gate lets through what people would have to be asked about."""

    def careless(*about: Any) -> Dispatch:
        verdict = check(*about)
        return Dispatch(go=Go.START) if verdict.go is Go.ASK else verdict

    _replace(judging, "check", careless)


PLANTS: dict[str, Callable[[], None]] = {
    "duplicate": duplicate,
    "lost": lost,
    "gap": gap,
    "two-holders": two_holders,
    "ungated": ungated,
}


def plant(name: str) -> None:
    """Break this process, and those forked from it."""
    PLANTS[name]()


def _replace(owner: Any, name: str, by: Any) -> None:
    assert hasattr(owner, name), f"{owner} has no {name} any more"
    setattr(owner, name, by)
