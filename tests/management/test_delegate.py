"""agents_delegate."""

from datetime import timedelta
from typing import Any

import pytest

from agents_app.models import Delegation, database_now
from tests.management.desk import manage


def later(days: float = 2) -> str:
    return (database_now() + timedelta(days=days)).isoformat()


def test_one_delegates_lists_and_revokes(people: dict[str, Any]) -> None:
    made = manage("agents_delegate", "--to", "clerk", "--until", later(), "--reason", "On holiday.", "--as", "lead")
    assert made.code == 0, made.error
    assert "clerk decides for lead from " in made.out
    assert "On holiday." in " ".join(made.out.split())
    (row,) = manage("agents_delegate", "--as", "clerk", "--json").json
    assert (row["giver"], row["receiver"], row["state"], row["made_by"]) == ("lead", "clerk", "active", "lead")
    assert "Nobody decides in another's place." in manage("agents_delegate", "--as", "customer").out
    assert manage("agents_delegate", "--revoke", row["id"], "--as", "clerk").code == 4
    ended = manage("agents_delegate", "--revoke", row["id"][:18], "--as", "lead")
    assert (ended.code, "revoked by lead" in " ".join(ended.out.split())) == (0, True)
    assert not Delegation.objects.active().exists()


def test_the_system_delegates_for_somebody(people: dict[str, Any]) -> None:
    assert manage("agents_delegate", "--to", "clerk", "--until", later()).code == 2, "whose?"
    made = manage("agents_delegate", "--to", "clerk", "--giver", "lead", "--since", later(1), "--until", later())
    assert (made.code, made.out.split()[1]) == (0, "planned")
    assert Delegation.objects.get().made_by_name == "system"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--to", "clerk"), 2, "--until"),
        (("--to", "clerk", "--until", "tomorrow"), 2, "--until takes a moment"),
        (("--to", "nobody", "--until", "2030-01-01"), 3, "nobody"),
        (("--to", "customer", "--until", "2030-01-01"), 2, "cannot decide at all"),
        (("--revoke", "ffff0000"), 3, "ffff0000"),
    ],
)
def test_what_does_not_work(people: dict[str, Any], options: tuple[str, ...], code: int, words: str) -> None:
    failed = manage("agents_delegate", *options, "--as", "lead")
    assert (failed.code, words in failed.error) == (code, True)
    assert not Delegation.objects.exists()
