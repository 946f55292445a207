"""The office is open in every test here."""

from collections.abc import Iterator

import pytest

from tests import office


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield
