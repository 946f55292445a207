"""Reciprocal rank fusion, by hand."""

import pytest

from agents_app.knowledge.search.fusing import fused

pytestmark = pytest.mark.once


def test_what_stands_in_both_lists_comes_before_what_stands_first_in_one() -> None:
    found = fused([[1, 2], [3, 2]])
    assert [member for member, _ in found] == [2, 1, 3]
    assert found[0][1] == pytest.approx(2 / 62)
    assert found[1][1] == pytest.approx(1 / 61)


def test_one_list_keeps_its_order_and_none_is_none() -> None:
    assert [member for member, _ in fused([[5, 4, 9], []])] == [5, 4, 9]
    assert fused([[], []]) == []
