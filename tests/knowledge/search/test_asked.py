"""A question becomes words, whatever is in it, and no more of them than one can search for."""

import pytest

from agents_app.knowledge.search.asked import LONGEST_WORD, MOST_WORDS, QUERY_LIMIT, asked

pytestmark = pytest.mark.once


def test_the_words_that_say_something_are_kept_once() -> None:
    found = asked("How do I get a refund, and a Refund form?")
    assert found.words == ("get", "refund", "form")
    assert not found.cut


def test_where_no_word_says_anything_all_are_kept() -> None:
    assert asked("to be or not to be").words == ("to", "be", "or", "not")


@pytest.mark.parametrize("query", ["", "   ", "!!! ??? \u2026", "\x00"], ids=range(4))
def test_a_question_without_words_has_none(query: str) -> None:
    assert asked(query).words == ()


def test_a_question_of_100_000_characters_is_cut_and_says_so() -> None:
    found = asked("refund " * 15_000)
    assert found.words[0] == "refund"
    assert found.cut
    assert len(found.text) <= QUERY_LIMIT
    many = asked(" ".join(f"word{number}" for number in range(100)))
    assert len(many.words) == MOST_WORDS
    assert many.cut


def test_a_word_without_end_and_lone_surrogates_are_taken_as_they_can_be() -> None:
    assert asked("x" * 1_500).words == ("x" * LONGEST_WORD,)
    assert asked("refund \ud800").words == ("refund",)


def test_words_are_looked_for_in_their_compatible_form() -> None:
    found = asked("\uff2c\uff41\uff4d\uff50 \ufb01nds gru\u0308ne")
    assert found.words == ("lamp", "finds", "gr\u00fcne")
    assert found.text == "\uff2c\uff41\uff4d\uff50 \ufb01nds gru\u0308ne", "an embedder is asked what was asked"
