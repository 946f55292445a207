"""How much of a budget is spent, in words and as a bar."""

from datetime import datetime
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from agents_app.admin.displays import time_tag
from agents_app.core.budgets import Kind
from agents_app.models import AgentBudget, AgentContext, database_now
from agents_app.selectors.budgets import amounts_of, budgets_of_run, line_of, title_of


def meter(budget: AgentBudget, kind: Kind, now: datetime) -> SafeString:
    """`1,000 of 5,000 tokens`, and a bar for those who see it; empty where there is no limit."""
    spent, reserved, limit = amounts_of(budget, kind, now)
    if limit is None:
        return SafeString("")
    part = min(float(spent + reserved) / float(limit), 1.0) if limit else 1.0
    return format_html(
        '<span class="aa-meter">{} <meter min="0" max="1" low="0.8" high="0.999" optimum="0" value="{}"'
        ' aria-hidden="true"></meter></span>',
        line_of(kind, spent, reserved, limit),
        f"{part:.3f}",
    )


def budget_facts(user: Any, context: AgentContext) -> list[tuple[str, SafeString]]:
    """(whose budget, its meters) for the page of a run."""
    budgets = budgets_of_run(context, user)
    now = database_now() if budgets else None
    return [
        (gettext("Budget: %(whose)s") % {"whose": title_of(budget)}, meters(budget, now))
        for budget in budgets
        if now is not None
    ]


def meters(budget: AgentBudget, now: datetime) -> SafeString:
    """All limits of a budget, one below the other."""
    found = [bar for bar in (meter(budget, kind, now) for kind in Kind) if bar]
    if budget.ends_at is not None:
        found.append(format_html(gettext("until {}"), time_tag(budget.ends_at)))
    return (
        format_html_join(SafeString("<br>"), "{}", ((each,) for each in found))
        if found
        else SafeString(gettext("no limit"))
    )
