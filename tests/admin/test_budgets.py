"""Budgets in the admin: made and changed by staff, never what was spent; shown on the page of a run."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from agents_app import Budget
from agents_app.models import AgentBudget, AgentEvent
from agents_app.selectors.budgets import spending_of
from agents_app.services import SYSTEM, set_budget, start_run
from agents_app.testing import AgentsKit
from tests.office import person

pytestmark = pytest.mark.django_db
LIST = "admin:agents_app_agentbudget_changelist"
ADD = "admin:agents_app_agentbudget_add"
CHANGE = "admin:agents_app_agentbudget_change"
Log = Callable[[str], Client]


def fields(**given: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("context", "session", "user", "steps", "tool_calls", "tokens", "money", "ends_at"), "")
    return {**empty, "period": "ever", **given}


@pytest.fixture
def admin(people: dict[str, Any]) -> Client:
    client = Client()
    client.force_login(people["admin"])
    return client


def test_staff_give_a_user_a_budget_and_change_it(admin: Client, people: dict[str, Any]) -> None:
    owner = people["customer"]
    made = admin.post(reverse(ADD), fields(user=owner.pk, period="month", money="2.50", tokens="5000"))
    assert made.status_code == 302, made.context["errors"]
    budget = AgentBudget.objects.get()
    assert (budget.user, budget.period, budget.money, budget.tokens) == (owner, "month", Decimal("2.5"), 5000)
    AgentBudget.objects.update(tokens_spent=4000, money_spent=Decimal("0.75"))
    page = admin.get(reverse(CHANGE, args=[budget.pk]))
    assert "4,000 of 5,000 tokens" in page.content.decode()
    AgentBudget.objects.update(tokens_spent=4100)  # while the form is open
    assert admin.post(reverse(CHANGE, args=[budget.pk]), fields(tokens="9000")).status_code == 302
    budget.refresh_from_db()
    assert (budget.tokens, budget.tokens_spent, budget.money, budget.money_spent) == (9000, 4100, None, Decimal("0.75"))
    assert "4,100 of 9,000 tokens" in admin.get(reverse(LIST)).content.decode()


def test_a_moment_is_told_in_local_time_on_all_pages(admin: Client, people: dict[str, Any]) -> None:
    given = fields(user=people["customer"].pk, tokens="9", ends_at="2090-01-01T02:03:04")
    assert admin.post(reverse(ADD), given).status_code == 302
    budget = AgentBudget.objects.get()
    page = admin.get(reverse(CHANGE, args=[budget.pk])).content.decode()
    assert 'value="2090-01-01T02:03:04"' in page
    assert re.search(r"<time[^>]*>2090-01-01 02:03:04\b", page)
    assert spending_of([budget])[-1] == ("User", "until 2090-01-01 02:03")


def test_the_list_is_narrowed(admin: Client, people: dict[str, Any]) -> None:
    set_budget(Budget(tokens=5_123), by=SYSTEM, user=people["customer"])
    shown = {
        query: "of 5,123 tokens" in admin.get(reverse(LIST) + query).content.decode()
        for query in ("?scope=user", "?scope=run", "?set_by=person", "?set_by=settings", "?period__exact=day")
    }
    assert [query for query, found in shown.items() if found] == ["?scope=user", "?set_by=person"]


@pytest.mark.parametrize("given", [{}, {"tokens": "-1"}, {"money": "x"}], ids=["nobody", "negative", "no-number"])
def test_what_cannot_be_made_is_said(admin: Client, people: dict[str, Any], given: dict[str, str]) -> None:
    owner = {"user": people["customer"].pk} if given else {}
    page = admin.post(reverse(ADD), fields(**owner, **given))
    assert page.status_code == 200
    assert page.context["errors"]
    assert not AgentBudget.objects.exists()


def test_there_is_one_budget_for_a_period(admin: Client, people: dict[str, Any]) -> None:
    set_budget(Budget(tokens=5), by=SYSTEM, user=people["customer"])
    page = admin.post(reverse(ADD), fields(user=people["customer"].pk, tokens="9"))
    assert "change that one" in page.content.decode()
    assert AgentBudget.objects.get().tokens == 5


def test_who_may_look_and_who_may_change(people: dict[str, Any]) -> None:
    budget = set_budget(Budget(tokens=5), by=SYSTEM, user=people["customer"])
    found = {}
    for name, rights in {"no": (), "looks": ("view",), "changes": ("view", "change"), "adds": ("add",)}.items():
        client = Client()
        client.force_login(person(name, *[f"agents_app.{right}_agentbudget" for right in rights], is_staff=True))
        seen = client.get(reverse(CHANGE, args=[budget.pk])).status_code
        client.post(reverse(CHANGE, args=[budget.pk]), fields(tokens="7"))
        budget.refresh_from_db()
        found[name] = (seen, budget.tokens, client.get(reverse(ADD)).status_code)
        AgentBudget.objects.update(tokens=5)
    assert found == {"no": (403, 5, 403), "looks": (200, 5, 403), "changes": (200, 7, 403), "adds": (403, 5, 403)}


def test_the_page_of_a_run_shows_what_was_spent(admin: Client, people: dict[str, Any], till: AgentsKit) -> None:
    run = start_run("till", "x", user=people["customer"], budget=Budget(tokens=1))
    set_budget(Budget(tool_calls=7), by=SYSTEM, user=people["customer"], period="day")
    till.run_until_idle()
    page = admin.get(reverse("admin:agents_app_agentcontext_change", args=[run.id])).content.decode()
    assert "Budget: User, per day" in page
    assert "0 of 7 tool calls" in page
    assert "0 of 1 token" in page
    assert "Not enough is left of a budget: Run, tokens" in page
    assert AgentEvent.objects.filter(context_id=run.id, type="budget.exceeded").count() == 1
