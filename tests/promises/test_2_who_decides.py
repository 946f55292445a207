"""Promise 2, of the people: only who may decide does, and only as long as they may."""

from typing import Any

import pytest

from tests.promises import who_decides
from tests.promises.stage import Stage

MUTANTS = who_decides.MUTANTS


@pytest.mark.parametrize("check", who_decides.CHECKS, ids=lambda check: check.__name__)
def test_only_who_may_decide_does(stage: Stage, check: Any) -> None:
    who_decides.alone(check)(stage)


def test_each_has_its_mutant() -> None:
    assert {cut[0] for cut in who_decides.CUTS} == set(who_decides.CHECKS)
