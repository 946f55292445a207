"""The slow tests come first, in each worker's share."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TESTS, slowest_first

pytestmark = pytest.mark.once


@dataclass(frozen=True)
class Item:
    path: Path
    number: int

    def get_closest_marker(self, name: str) -> None:
        return None


def item(path: str, number: int) -> Any:
    return Item(path=Path(TESTS, path), number=number)


@pytest.mark.parametrize("slow", [0, 1, 5, 30])
@pytest.mark.parametrize("fast", [0, 1, 40])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_each_share_begins_with_slow_ones(slow: int, fast: int, workers: int) -> None:
    items = [item("core/test_a.py", number) for number in range(fast)]
    items += [item("docs/test_b.py", fast + number) for number in range(slow)]
    ordered = slowest_first(items, workers)
    assert sorted(each.number for each in ordered) == list(range(slow + fast))
    bounds = [len(items) * worker // workers for worker in range(workers + 1)]
    shares = [ordered[begin:end] for begin, end in pairwise(bounds)]
    for share in shares if slow <= fast else []:
        kinds = [each.number >= fast for each in share]
        assert kinds == sorted(kinds, reverse=True)
    counts = [sum(each.number >= fast for each in share) for share in shares]
    if slow <= fast:
        assert max(counts) - min(counts) <= 1
