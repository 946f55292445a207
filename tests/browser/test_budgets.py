"""Budgets in a real browser: the list, both forms and the meters on the page of a run."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from agents_app import Budget
from agents_app.models import AgentBudget, database_now
from agents_app.services import SYSTEM, set_budget
from tests.admin.conftest import list_of, page_of
from tests.browser.conftest import LOOKS

pytestmark = [
    pytest.mark.long,
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.timeout(400),
]


@pytest.fixture
def bookkeeper(people: dict[str, Any]) -> Any:
    """The lead, who may give budgets too."""
    rights = Permission.objects.filter(content_type__model="agentbudget")
    people["lead"].user_permissions.add(*rights.exclude(codename__startswith="delete"))
    return people["lead"]


def fill(run: Any, user: Any) -> AgentBudget:
    """Budgets of each kind: nearly spent, overdrawn, without a limit; the one with most of it is returned."""
    limits = Budget(steps=20, tool_calls=30, tokens=1_234_567_890, money=Decimal("12345.67"))
    full = set_budget(limits, by=SYSTEM, user=user, period="month", ends_at=database_now() + timedelta(days=3))
    set_budget(Budget(tokens=5_000), by=SYSTEM, user=user, period="day")
    set_budget(Budget(), by=SYSTEM, user=user)
    set_budget(Budget(steps=40, money="0.50 USD"), by=SYSTEM, run=run.id)
    now = database_now()
    AgentBudget.objects.filter(pk=full.pk).update(
        steps_spent=5, tokens_spent=1_100_000_000, tokens_reserved=4_200, money_spent=Decimal("13000.5"), window_at=now
    )
    return full


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_the_pages_of_budgets(run_of: Any, visit: Any, bookkeeper: Any, size: str, theme: str) -> None:
    run = run_of("refund")
    budget = fill(run, bookkeeper)
    visitor = visit("lead", size=size, color_scheme=theme)
    pages = {
        "budgets": list_of("agentbudget"),
        "budget": reverse("admin:agents_app_agentbudget_change", args=[budget.pk]),
        "budget-new": reverse("admin:agents_app_agentbudget_add"),
        "run-budgets": page_of(run),
    }
    for name, path in pages.items():
        visitor.open(path)
        visitor.shoot(f"{name}-{size}-{theme}")
        visitor.assert_accessible()
