"""Which passages an answer cites."""

from typing import Any

import pytest

from agents_app.core.briefing import Section
from agents_app.core.citations import citations_in, found_refs, passage_refs

SECTIONS = (
    Section(kind="facts", title="Known", text="x", refs=("9",)),
    Section(kind="passages", title="P", text="…", refs=("41 Refunds › Lamps, p. 2", "42 Delivery")),
    Section(kind="passages", title="Q", text="…", refs=("7",)),
)
KNOWN = passage_refs(SECTIONS)


def test_passages_are_numbered_through_all_sections() -> None:
    assert KNOWN == {
        "1": {"id": "41", "source": "Refunds › Lamps, p. 2"},
        "2": {"id": "42", "source": "Delivery"},
        "3": {"id": "7", "source": ""},
    }


def test_an_answer_cites_what_it_names_once_and_in_its_order() -> None:
    found = citations_in("Three days [2], islands longer [2]; see [1][99] and [x].", KNOWN)
    assert found == [
        {"mark": "2", "id": "42", "source": "Delivery"},
        {"mark": "1", "id": "41", "source": "Refunds › Lamps, p. 2"},
    ]
    assert citations_in({"text": "Yes [1].", "sum": 3}, KNOWN)[0]["id"] == "41"
    assert citations_in("Nothing is cited.", KNOWN) == []
    assert citations_in(None, KNOWN) == []


def test_what_the_tool_gave_back_is_cited_by_its_mark() -> None:
    result = {"passages": [{"cite": "[k5]", "id": "5", "source": "Lamps"}, {"cite": "", "id": "own"}]}
    assert citations_in("Dry cloth [k5].", found_refs([result, None])) == [{"mark": "k5", "id": "5", "source": "Lamps"}]


@pytest.mark.parametrize("result", [None, "text", {"passages": "x"}, {"passages": [3, {"cite": 4}]}, {}], ids=range(5))
def test_a_result_of_another_shape_holds_no_passages(result: Any) -> None:
    assert found_refs([result]) == {}
