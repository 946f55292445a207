"""How names of the code read."""

import pytest

from agents_app.core.labels import humanized


@pytest.mark.parametrize(
    ("name", "label"), [("order_number", "Order number"), ("to", "To"), ("URL", "URL"), ("", ""), ("_", "_")]
)
def test_names_of_the_code_are_read_as_words(name: str, label: str) -> None:
    assert humanized(name) == label
