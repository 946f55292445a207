"""Vectors are stored by their direction, and what has none is refused."""

import math

import pytest

from agents_app.core.vectors import cosine, dimension, pack, unpack


def test_a_vector_is_stored_with_length_one_whatever_its_length_was() -> None:
    assert pack([3, 4]) == pack([0.3, 0.4])
    assert unpack(pack([3, 4])) == pytest.approx((0.6, 0.8))
    assert dimension(pack([3, 4])) == 2


def test_the_cosine_says_how_alike_the_directions_are() -> None:
    assert cosine(pack([1, 0]), pack([5, 0])) == pytest.approx(1)
    assert cosine(pack([1, 0]), pack([0, 2])) == pytest.approx(0)
    assert cosine(pack([1, 0]), pack([-1, 0])) == pytest.approx(-1)
    assert cosine(pack([1, 0]), memoryview(pack([1, 1]))) == pytest.approx(math.sqrt(0.5))


def test_numbers_too_large_for_a_sum_of_squares_have_a_direction() -> None:
    assert unpack(pack([1e200, 1e200])) == pytest.approx((math.sqrt(0.5), math.sqrt(0.5)))


@pytest.mark.parametrize("numbers", [[], [0, 0], [math.nan, 1], [math.inf, 1]])
def test_what_has_no_direction_is_refused(numbers: list[float]) -> None:
    with pytest.raises(ValueError, match="needs numbers"):
        pack(numbers)


def test_vectors_of_different_lengths_are_not_compared() -> None:
    with pytest.raises(ValueError, match="3 numbers"):
        cosine(pack([1, 2, 3]), pack([1, 2]))
