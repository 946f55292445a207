"""What was spent, and how much may be: as JSON values, and as words."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils import formats
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext, ngettext

from agents_app.core.budgets import CURRENCY, Kind, Period, Scope, number_text
from agents_app.core.internal import INTERNAL_AGENTS
from agents_app.models import AgentBudget, AgentContext, database_now
from agents_app.selectors.people import VIEW_BUDGET
from agents_app.selectors.shapes import AmountsShape, BudgetShape


def visible_budgets(user: Any) -> Any:
    """The budgets this person may know of (a queryset): their own, those of their runs and sessions; staff see all."""
    budgets = AgentBudget.objects.select_related("context", "session")
    if not user.is_active:
        return budgets.none()
    if user.has_perm(VIEW_BUDGET):
        return budgets
    if user.pk is None:
        return budgets.none()
    theirs = budgets.filter(Q(user_id=user.pk) | Q(session__user_id=user.pk) | Q(context__user_id=user.pk))
    return theirs.exclude(context__agent__in=INTERNAL_AGENTS)


def budgets_of_run(context: AgentContext, viewer: Any) -> list[AgentBudget]:
    """The budgets that hold for a run: its own, for who may see it; its session's and user's, as far as they may be
    known."""
    shared = Q(session_id=context.session_id, session__isnull=False) | Q(user_id=context.user_id, user__isnull=False)
    found = [*AgentBudget.objects.filter(context=context), *visible_budgets(viewer).filter(shared)]
    return sorted(found, key=lambda row: (list(Scope).index(Scope(row.scope)), list(Period).index(Period(row.period))))


def budget_shape(budget: AgentBudget, now: datetime | None = None) -> BudgetShape:
    """A budget as it stands now. now: the database's time, if it was asked already."""
    moment = now or database_now()
    return BudgetShape(
        id=budget.pk,
        scope=Scope(budget.scope),
        period=Period(budget.period),
        run=budget.context_id,
        session_id=budget.session_id,
        user=None if budget.user_id is None else str(budget.user_id),
        from_settings=budget.from_settings,
        ends_at=budget.ends_at,
        limits=_amounts({kind: getattr(budget, kind) for kind in Kind}),
        spent=_amounts({kind: budget.spent(kind, moment) for kind in Kind}),
        reserved=_amounts({kind: budget.reserved(kind, moment) for kind in Kind}),
    )


def budget_as_dict(budget: AgentBudget) -> dict[str, Any]:
    """The same as JSON values."""
    return budget_shape(budget).model_dump(mode="json")


def _amounts(given: dict[Kind, Any]) -> AmountsShape:
    amounts: dict[str, Any] = {str(kind): amount for kind, amount in given.items()}
    return AmountsShape(**amounts)


def spending_of(budgets: Iterable[AgentBudget]) -> list[tuple[str, str]]:
    """(whose, how much) for people: ("User, per day", "1,000 of 5,000 tokens, 4,200 reserved")."""
    now = database_now()
    return [(title_of(budget), line) for budget in budgets for line in _lines(budget, now)]


def title_of(budget: AgentBudget) -> str:
    """Whose budget it is, and how long it is added up."""
    return str(budget)


def _lines(budget: AgentBudget, now: datetime) -> list[str]:
    lines = [line_of(kind, *amounts_of(budget, kind, now)) for kind in Kind if getattr(budget, kind) is not None]
    return [*lines, until(budget.ends_at)] if budget.ends_at else lines


def until(moment: datetime) -> str:
    """When a budget ends, in local time."""
    local = localtime(moment) if is_aware(moment) else moment
    return gettext("until %(moment)s") % {"moment": f"{local:%Y-%m-%d %H:%M}"}


def amounts_of(budget: AgentBudget, kind: Kind, now: datetime) -> tuple[Any, Any, Any]:
    """Spent, reserved, limit."""
    return budget.spent(kind, now), budget.reserved(kind, now), getattr(budget, kind)


def line_of(kind: Kind, spent: int | Decimal, reserved: int | Decimal, limit: int | Decimal) -> str:
    """What was spent of a limit: `1,000 of 5,000 tokens, 4,200 reserved`."""
    said = {"spent": _number(spent), "limit": amount_of(kind, limit), "reserved": _number(reserved)}
    if reserved:
        return gettext("%(spent)s of %(limit)s, %(reserved)s reserved") % said
    return gettext("%(spent)s of %(limit)s") % said


def amount_of(kind: Kind, amount: int | Decimal) -> str:
    """An amount for people: `12,000 tokens`, `2.50 USD`."""
    shown = {"count": _number(amount)}
    number = int(amount)
    match kind:
        case Kind.MONEY:
            return f"{_number(amount)} {CURRENCY}"
        case Kind.STEPS:
            return ngettext("%(count)s step", "%(count)s steps", number) % shown
        case Kind.TOOL_CALLS:
            return ngettext("%(count)s tool call", "%(count)s tool calls", number) % shown
        case Kind.TOKENS:
            return ngettext("%(count)s token", "%(count)s tokens", number) % shown


def _number(amount: int | Decimal) -> str:
    """As in `number_text`, in the language of who reads it."""
    plain = number_text(amount).replace(",", "")
    return formats.number_format(Decimal(plain) if isinstance(amount, Decimal) else amount, force_grouping=True)
