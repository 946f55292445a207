"""agents_grant, agents_revoke_grant."""

from collections.abc import Iterator
from typing import Any

import pytest

from agents_app.models import StandingGrant
from agents_app.services import start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.management.desk import manage
from tests.office import Clerk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


@pytest.fixture
def asked(agents: AgentsKit) -> Any:
    office.person("olga", *office.DECIDES, "agents_app.add_standinggrant")
    agents.scripted_llm(Clerk, calls("pay", to="Ann", amount=80), "Done.")
    run = start_run(Clerk, "go")
    agents.run_until_idle()
    return office.request_of(run).pk


AS = ("--as", "olga")


def test_a_grant_is_made_listed_and_revoked(asked: Any) -> None:
    where = ("--where", "amount at_most 100", "--where", 'to one_of ["Ann", "Bob"]')
    made = manage("agents_grant", asked, "--scope", "agent", *where, "--uses", 20, "--until", "2100-01-31", *AS)
    assert made.code == 0, made.error
    assert "amount is at most 100" in made.out
    row = StandingGrant.objects.get()
    assert (row.uses_left, row.door, row.conditions[1]["value"]) == (20, "command", ["Ann", "Bob"])
    (listed,) = manage("agents_grant", "--list", "--json", *AS).json
    assert (listed["id"], listed["state"]) == (str(row.pk), "live")
    office.decider()
    assert manage("agents_revoke_grant", row.pk, "--as", "dora").code == 4
    assert manage("agents_revoke_grant", str(row.pk)[:30], "--reason", "Enough.").code == 0  # the system
    assert "no standing grant" in manage("agents_grant", "--list", *AS).out


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((), "--scope"),
        (("--scope", "agent"), "--where"),
        (("--scope", "agent", "--any"), "--until"),
        (("--scope", "agent", "--any", "--where", "amount at_most 1"), "--where"),
        (("--scope", "agent", "--any", "--until", "soon"), "--until"),
        (("--scope", "agent", "--any", "--until", "2001-01-01"), "ended already"),
        (("--scope", "agent", "--where", "amount less 5", "--never-ends"), "no condition"),
        (("--scope", "agent", "--where", "gone at_most 5", "--never-ends"), "no field gone"),
        (("--scope", "user", "--any", "--never-ends"), "has no user"),
    ],
    ids=str,
)
def test_what_is_missing_or_wrong_is_said(asked: Any, given: tuple[str, ...], told: str) -> None:
    refused = manage("agents_grant", asked, *given, *AS)
    assert refused.code != 0
    assert told in refused.error
    assert not StandingGrant.objects.exists()
