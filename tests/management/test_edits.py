"""`--set path=value` and differences."""

from typing import Any

import pytest

from agents_app.exceptions import InvalidInput
from agents_app.management.edits import MISSING, Difference, differences, edited

BEFORE = {"amount": "120", "count": 1, "to": {"city": "Ulm", "lines": [{"n": 1}, {"n": 2}]}, "note": None}


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("count=2", ("count",), 2),
        ("count=2.5", ("count",), 2.5),
        ("amount=100", ("amount",), "100"),
        ("amount=0.10", ("amount",), "0.10"),
        ("amount=null", ("amount",), None),
        ('amount={"a": 1}', ("amount",), {"a": 1}),
        ("note=yes please", ("note",), "yes please"),
        ("note=true", ("note",), True),
        ("note=a=b", ("note",), "a=b"),
        ("note=", ("note",), ""),
        ("to.city=Bonn", ("to", "city"), "Bonn"),
        ("to.lines.1.n=9", ("to", "lines", 1, "n"), 9),
        ("to.zip=89073", ("to", "zip"), 89073),
        ("new.inner=1", ("new", "inner"), 1),
    ],
)
def test_a_value_is_put_in(setting: str, path: tuple[Any, ...], value: Any) -> None:
    found: Any = edited(BEFORE, [setting])
    for part in path:
        found = found[part]
    assert (found, type(found)) == (value, type(value))


def test_what_was_before_is_not_touched() -> None:
    edited(BEFORE, ["to.city=Bonn", "to.lines.0.n=5"])
    assert BEFORE["to"] == {"city": "Ulm", "lines": [{"n": 1}, {"n": 2}]}


@pytest.mark.parametrize("setting", ["amount", "=1", "count.x=1", "to.lines.7=1", "to.lines.-1=1", "to.lines.x.n=1"])
def test_what_leads_nowhere(setting: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        edited(BEFORE, [setting])
    assert refused.value.code == "invalid_set"


def test_arguments_that_never_fitted() -> None:
    with pytest.raises(InvalidInput):
        edited("{broken", ["a=1"])


def test_differences() -> None:
    after = edited(BEFORE, ["to.city=Bonn", "new=1", "count=1"])
    assert list(differences(BEFORE, after)) == [
        Difference(path="to.city", before="Ulm", after="Bonn"),
        Difference(path="new", before=MISSING, after=1),
    ]
    assert list(differences(BEFORE, BEFORE)) == []
    assert list(differences({"a": 1}, {})) == [Difference(path="a", before=1, after=MISSING)]
