"""manage.py agents_verify_audit"""

import pytest
from django.db.models import QuerySet

from agents_app.models import AgentContext, AgentEvent
from agents_app.testing import AgentsKit
from tests.management.desk import manage, resting

pytestmark = pytest.mark.django_db


def test_what_fits_is_counted(agents: AgentsKit) -> None:
    run = resting(agents, "Done.")
    assert manage("agents_verify_audit").out == "1 run verified: all fit.\n"
    assert manage("agents_verify_audit", run.id).code == 0
    assert manage("agents_verify_audit", "--since", "2999-01-01").out == "no runs verified: all fit.\n"


def test_damage_is_named_and_fails(agents: AgentsKit) -> None:
    run, other = resting(agents, "Done."), resting(agents, "Done.")
    QuerySet(AgentEvent).filter(context=run.id, sequence=2).update(type="run.paused")
    result = manage("agents_verify_audit")
    assert result.code == 1
    assert f"{run.id}: event 2: " in result.out
    assert "2 runs verified: 1 broken." in result.out
    assert manage("agents_verify_audit", other.id).code == 0
    told = manage("agents_verify_audit", run.id, "--json").json
    assert (told["broken"], told["findings"][0]["problem"]) == (1, "changed")


def test_gaps_are_accepted_until_a_moment(agents: AgentsKit) -> None:
    run = resting(agents, "Done.")
    QuerySet(AgentEvent).filter(context=run.id).update(link=None, bound=None)
    AgentContext.objects.filter(pk=run.id).update(chain_head=None, chain_salt=None)
    assert manage("agents_verify_audit").code == 1
    accepted = manage("agents_verify_audit", "--gaps-until", "2999-01-01")
    assert (accepted.code, "1 in part from a release without the chain" in accepted.out) == (0, True)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-12-31T25:00"])
def test_a_moment_that_is_none_is_refused(text: str) -> None:
    result = manage("agents_verify_audit", "--since", text)
    assert (result.code, "--since takes a" in result.error) == (2, True)


def test_a_run_that_is_not_there() -> None:
    assert manage("agents_verify_audit", "0198f2c1-0000-7000-8000-000000000000").code == 3
