"""Each mutant is put in, and the check of its promise must go red. Without it the same check is green, as a test."""

from importlib import import_module
from pathlib import Path

import pytest
from django.db import connection

from tests.promises.mutants import Mutant
from tests.promises.stage import Stage

PROMISES = sorted(Path(__file__).parent.glob("test_[1-9]_*.py"))
MUTANTS: list[Mutant] = [mutant for path in PROMISES for mutant in import_module(f"tests.promises.{path.stem}").MUTANTS]
RED = (Exception, pytest.fail.Exception)  # whatever: the same check is green where nothing is cut


def test_every_promise_is_here() -> None:
    assert sorted({path.stem[5] for path in PROMISES}) == list("1234567")
    names = [mutant.name for mutant in MUTANTS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_promise_goes_red_under(mutant: Mutant, stage: Stage) -> None:
    if mutant.only not in ("", connection.vendor):
        return  # it cannot show here; the suite runs on the other database too
    with mutant.applied(), pytest.raises(RED):
        mutant.check(stage)
