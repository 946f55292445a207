"""The questions that search is measured with are what their file says of them."""

import pytest

from tests.knowledge.django_pages import Page
from tests.knowledge.questions import Asked, asked, content_words

pytestmark = pytest.mark.once

AT_LEAST = 60
WORDS_SHARED_WITH_PASSAGE = 2
each_question = pytest.mark.parametrize("entry", asked(), ids=lambda entry: entry.page)
each_hard_question = pytest.mark.parametrize(
    "entry", [entry for entry in asked() if entry.hard], ids=lambda entry: entry.page
)


def test_there_are_enough_and_half_are_hard() -> None:
    entries = asked()
    assert len({entry.question for entry in entries}) == len(entries) >= AT_LEAST
    assert sum(entry.hard for entry in entries) * 2 >= len(entries)


def test_they_are_about_all_parts_of_the_documentation() -> None:
    parts = {entry.page.split("/")[0] for entry in asked()}
    assert parts >= {"faq", "howto", "internals", "intro", "misc", "ref", "releases", "topics"}
    assert len({entry.page for entry in asked()}) >= AT_LEAST


@each_hard_question
def test_a_hard_question_shares_no_word_with_the_title_and_two_at_most_with_the_passage(entry: Asked) -> None:
    words = content_words(entry.question)
    assert not words & content_words(entry.title)
    assert len(words & content_words(entry.passage)) <= WORDS_SHARED_WITH_PASSAGE


@pytest.mark.long
def test_the_passages_stand_on_the_pages(django_pages: list[Page]) -> None:
    by_name = {page.name: page for page in django_pages}
    for entry in asked():
        page = by_name[entry.page]
        assert page.title == entry.title
        assert entry.passage in " ".join(page.text.split()), entry.question
