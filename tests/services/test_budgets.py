"""Setting budgets: who may, of whom, and that what was spent stays."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app import Budget
from agents_app.exceptions import InvalidInput, NotFound, NotPermitted
from agents_app.models import AgentBudget, database_now
from agents_app.services import SYSTEM, retry_run, set_budget, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db


def test_new_limits_take_the_place_of_earlier_ones_and_what_was_spent_stays() -> None:
    ann = office.person("ann")
    first = set_budget(Budget(tokens=5, money="1.000000001"), by=SYSTEM, user=ann, period="day")
    AgentBudget.objects.update(tokens_spent=3, money_spent=Decimal("0.25"))
    second = set_budget(Budget(steps=7), by=SYSTEM, user=ann, period="day")
    other = set_budget(Budget(steps=9), by=SYSTEM, user=ann, period="hour")
    assert (first.pk, first.money) == (second.pk, Decimal("1.000000001"))
    assert other.pk != first.pk
    assert (second.tokens, second.steps, second.tokens_spent, second.money_spent) == (None, 7, 3, Decimal("0.25"))


def test_staff_with_the_permission_may() -> None:
    ann = office.person("ann")
    boss = office.person("boss", "agents_app.change_agentbudget")
    assert set_budget(Budget(steps=1), by=boss, user=ann).steps == 1
    for other in (ann, office.person("gone", "agents_app.change_agentbudget", is_active=False)):
        with pytest.raises(NotPermitted):
            set_budget(Budget(steps=100), by=other, user=ann)


@pytest.mark.parametrize(
    "wrong",
    [{"limits": Budget(tokens=-1)}, {"period": "week"}, {"user": None}, {"limits": "5 tokens"}, {"run": "x"}],
    ids=["negative", "period", "nobody", "text", "two"],
)
def test_what_cannot_be_set(wrong: dict[str, Any]) -> None:
    given = {"limits": Budget(steps=1), "user": office.person("ann"), **wrong}
    with pytest.raises(InvalidInput):
        set_budget(given.pop("limits"), by=SYSTEM, **given)
    assert not AgentBudget.objects.exists()


def test_a_run_that_is_not_there() -> None:
    with pytest.raises(NotFound):
        set_budget(Budget(steps=1), by=SYSTEM, run="01a00000-0000-7000-8000-000000000000")


def test_a_start_with_a_budget_that_cannot_be_used() -> None:
    with pytest.raises(InvalidInput, match="budget"):
        start_run(Clerk, "x", budget=Budget(money="2 EUR"))


def test_a_start_without_a_budget_says_nothing_of_any() -> None:
    with CaptureQueriesContext(connection) as captured:
        start_run(Clerk, "x", user=office.person("ann"))
    assert not [query for query in captured.captured_queries if "agentbudget" in query["sql"]]


def test_a_budget_of_a_run_is_told_by_an_event_of_it(agents: AgentsKit) -> None:
    run = start_run(Clerk, "x")
    boss = office.person("boss", "agents_app.change_agentbudget")
    set_budget(Budget(tokens=5, money="1.50"), by=boss, run=run.id, period="day")
    event = agents.events(run)[-1]
    assert (event.sequence, event.type) == (2, "budget.changed")
    assert event.data == {"by": "boss", "period": "day", "tokens": 5, "money": "1.50"}
    set_budget(Budget(steps=1), by=SYSTEM, user=boss)
    assert run.again().version == 2


def test_a_retry_keeps_what_the_start_narrowed(agents: AgentsKit) -> None:
    """Also the second one: what is left of the first is no measure."""
    agents.scripted_llm(Clerk, *[calls("look", number="1")] * 5)
    run = start_run(Clerk, "x", budget=Budget(steps=1, time=timedelta(seconds=600)))
    agents.run_until_idle()
    for used in (1, 2):
        assert (run.again().error or ("",))[0] == "max_steps"
        retry_run(run.id, by=SYSTEM)
        context = office.context_of(run)
        assert (context.steps_used, context.max_steps) == (used, used + 1)
        assert context.deadline_at is not None
        assert (context.deadline_at - database_now()).total_seconds() <= 600
        agents.run_until_idle()
    free = start_run(Clerk, "x", budget=Budget(tokens=10**6))
    assert office.context_of(free).details.narrowed is None
