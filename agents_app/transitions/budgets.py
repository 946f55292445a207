"""Spending: reserved before an LLM is asked, counted before a tool is called, settled after; see `AgentBudget`.

Every function is part of a change, which has touched the context's row first; then come the run's budgets, the
session's, the user's, in this order for everybody. What a budget has left is asked and taken by one statement.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet, Value

from agents_app.conf import conf
from agents_app.core.budgets import (
    PRICE_UNKNOWN,
    UNPAID,
    Amounts,
    Budget,
    Kind,
    Period,
    Refusal,
    Scope,
    as_usd,
)
from agents_app.core.events import EventType
from agents_app.core.failpoints import failpoint
from agents_app.core.internal import is_internal
from agents_app.core.transcript import Usage
from agents_app.exceptions import LLMError, StaleContext
from agents_app.models import AgentBudget, AgentContext, AgentStep, ToolCall
from agents_app.models.budget import MoneyField, window_at
from agents_app.transitions.change import Change

TRIES = 5
"""How often a statement is repeated because the budget's period ended at that very moment."""

_SCOPES, _PERIODS = list(Scope), list(Period)


class _Refused(Exception):
    """Rolls back what the budgets before this one gave."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


# Which budgets there are.


def new_budget(context: AgentContext, limits: Budget, now: datetime) -> AgentBudget | None:
    """The row of a run's own budget; None if its steps and time, which the run counts itself, are all there is."""
    if limits.tool_calls is None and limits.tokens is None and limits.money is None:
        return None
    return AgentBudget(
        scope=Scope.RUN,
        period=Period.EVER,
        context=context,
        tool_calls=limits.tool_calls,
        tokens=limits.tokens,
        money=limits.usd,
        window_at=window_at(Period.EVER, now),
    )


def from_settings(scope: Scope) -> Mapping[str, Mapping[str, Any]]:
    """The limits of AGENTS_APP["BUDGETS"] for every session, or every user, by period."""
    given: Mapping[str, Any] = conf.BUDGETS.get(scope, {})
    return given


def budgets_of(context: AgentContext) -> "QuerySet[AgentBudget]":
    """The rows of all budgets that hold for this run."""
    mine = Q(context=context)
    if context.session_id is not None:
        mine |= Q(session=context.session_id)
    if context.user_id is not None and _counts_for_user(context):
        mine |= Q(user=context.user_id)
    return AgentBudget.objects.filter(mine)


def _counts_for_user(context: AgentContext) -> bool:
    """What memory does for a user is not of their asking: such runs have a budget of their own."""
    return conf.MEMORY_COUNTS_FOR_USER or not is_internal(context.agent)


def _in_order(edit: Change) -> list[AgentBudget]:
    """All budgets of the run in the order in which everybody locks them; those of the settings get their rows."""
    found = list(budgets_of(edit.context))
    missing = list(_missing(edit, found))
    if missing:
        # Two runs of one user may both find it missing.
        AgentBudget.objects.bulk_create(missing, ignore_conflicts=True)
        found = list(budgets_of(edit.context))
    for budget in found:
        _follow_settings(budget)
    return sorted(found, key=lambda row: (_SCOPES.index(Scope(row.scope)), _PERIODS.index(Period(row.period))))


def _missing(edit: Change, found: list[AgentBudget]) -> Iterable[AgentBudget]:
    known = {(row.scope, row.period) for row in found}
    user = edit.context.user_id if _counts_for_user(edit.context) else None
    owners = {Scope.SESSION: ("session_id", edit.context.session_id), Scope.USER: ("user_id", user)}
    for scope, (field, key) in owners.items():
        for name in from_settings(scope) if key is not None else ():
            period = Period(name)
            if (scope, period) not in known:
                own = {field: key, **_limits(scope, name), "window_at": window_at(period, edit.now)}
                yield AgentBudget(scope=scope, period=period, from_settings=True, **own)


def _limits(scope: Scope, period: str) -> dict[str, Any]:
    """What AGENTS_APP["BUDGETS"] says of it, by column."""
    given = from_settings(scope).get(period, {})
    return {kind: as_usd(given.get(kind)) if kind is Kind.MONEY else given.get(kind) for kind in Kind}


def _follow_settings(budget: AgentBudget) -> None:
    """The settings may have changed since this row was made for them. Not where a person has changed it."""
    limits = _limits(Scope(budget.scope), budget.period)
    if budget.from_settings and any(getattr(budget, kind) != limit for kind, limit in limits.items()):
        AgentBudget.objects.filter(pk=budget.pk, from_settings=True).update(**limits)
        for kind, limit in limits.items():
            setattr(budget, kind, limit)


# Taking.


def reserve(edit: Change, step: AgentStep, *, tokens: int, money: Decimal | None) -> LLMError | None:
    """Let every budget of the run hold what this attempt at a turn may cost. money: None if the price is not known.

    Gives the error that the turn fails with if one has not enough left, or if money is limited and the price is not
    known; then none holds anything.
    """
    budgets = _in_order(edit)
    if money is None and any(budget.money is not None for budget in budgets):
        text = 'A budget limits the money, and nobody knows what this LLM costs: name it in AGENTS_APP["PRICES"].'
        return LLMError(text, code=PRICE_UNKNOWN)
    keep(edit, step, "Another worker asked, and was lost.")
    before = step.reservation
    amounts = Amounts(steps=1 if before is None else 0, tokens=tokens, money=money or Decimal(0))
    held, refusal = _take(edit, budgets, amounts)
    if refusal is not None:
        tell_exceeded(edit, refusal)
        return LLMError(refusal.message, code=refusal.code)
    if held:
        entry = {"attempt": step.attempt, "tokens": tokens, "money": f"{amounts.money.normalize():f}", "state": "open"}
        earlier = [*before["earlier"], {key: before[key] for key in entry}] if before else []
        edit.set_fields(step, reservation={"v": 1, **entry, "budgets": held, "note": "", "earlier": earlier})
        edit.record(EventType.BUDGET_RESERVED, **_told(step, tokens, amounts.money))
    return None


def count_call(edit: Change, call: ToolCall) -> Refusal | None:
    """Count a call that is about to be made in every budget of the run; gives the refusal of one that is used up.

    A call counts once, however often it is tried again: so it does in `max_steps`.
    """
    if call.step_id is not None:
        return None
    return _take(edit, _in_order(edit), Amounts(steps=1, tool_calls=1))[1]


def tell_changed(edit: Change, period: Period, limits: Mapping[str, Any], *, by: str) -> None:
    """Record what the run itself may spend from now on. limits: by column."""
    told = {**limits, Kind.MONEY: None if limits[Kind.MONEY] is None else str(limits[Kind.MONEY])}
    edit.record(EventType.BUDGET_CHANGED, by=by or None, period=period, **told)


def tell_exceeded(edit: Change, refusal: Refusal) -> None:
    """Record which budget has not enough left."""
    edit.record(
        EventType.BUDGET_EXCEEDED,
        scope=refusal.scope,
        period=refusal.period,
        kind=refusal.kind or "time",
        **{name: str(getattr(refusal, name)) for name in ("limit", "spent", "reserved", "wanted")},
    )


def _take(edit: Change, budgets: list[AgentBudget], amounts: Amounts) -> tuple[list[tuple[str, str]], Refusal | None]:
    """From all or from none. Gives the id and the window of each that gave."""
    held: list[tuple[str, str]] = []
    if not budgets:
        return held, None
    try:
        with transaction.atomic(using=conf.DATABASE):
            for budget in budgets:
                window = _take_from(budget, amounts, edit.now)
                if window is not None:
                    held.append((str(budget.pk), window.isoformat()))
            failpoint("budget.taken")
    except _Refused as refused:
        return [], refused.refusal
    return held, None


def _take_from(budget: AgentBudget, amounts: Amounts, now: datetime) -> datetime | None:
    """Take from one, and give its window; None if it was deleted meanwhile. Raises _Refused."""
    row, known = AgentBudget.objects.filter(pk=budget.pk), budget
    for _ in range(TRIES):
        window = _roll(known, now)
        enough = Q(window_at=window) & (Q(ends_at__isnull=True) | Q(ends_at__gt=now))
        for kind in Kind:
            if amounts.of(kind):
                enough &= Q(**{f"{kind}__isnull": True}) | Q(**{f"{kind}__gte": _used_with(kind, amounts)})
        if row.filter(enough).update(**_more(amounts)):
            return window
        found = row.first()
        if found is None:
            return None
        known = found
        refusal = _refusal(known, amounts, now)
        if refusal is not None:
            raise _Refused(refusal)
    raise StaleContext("A budget changes too fast.")


def _roll(budget: AgentBudget, now: datetime) -> datetime:
    """Begin the present period, if the last one is over; never go back to an earlier one."""
    window = window_at(Period(budget.period), now)
    if budget.window_at >= window:
        return budget.window_at
    zero = dict.fromkeys(("steps_spent", "tool_calls_spent", "tokens_spent", "tokens_reserved"), 0)
    AgentBudget.objects.filter(pk=budget.pk, window_at__lt=window).update(
        window_at=window, money_spent=Decimal(0), money_reserved=Decimal(0), **zero
    )
    return window


def _used_with(kind: Kind, amounts: Amounts) -> Any:
    """In SQL: spent + reserved + wanted."""
    used = F(f"{kind}_spent") + _value(amounts.of(kind))
    return used + F(f"{kind}_reserved") if kind in (Kind.TOKENS, Kind.MONEY) else used


def _value(amount: int | Decimal) -> Value:
    return Value(amount, output_field=MoneyField()) if isinstance(amount, Decimal) else Value(amount)


def _more(amounts: Amounts) -> dict[str, Any]:
    return {
        "steps_spent": F("steps_spent") + amounts.steps,
        "tool_calls_spent": F("tool_calls_spent") + amounts.tool_calls,
        "tokens_reserved": F("tokens_reserved") + amounts.tokens,
        "money_reserved": F("money_reserved") + _value(amounts.money),
    }


def _refusal(budget: AgentBudget, amounts: Amounts, now: datetime) -> Refusal | None:
    """Why it did not give; None if it would now."""
    whose: dict[str, Any] = {"scope": Scope(budget.scope), "period": Period(budget.period)}
    if budget.ends_at is not None and budget.ends_at <= now:
        return Refusal(kind=None, limit=budget.ends_at, **whose)
    if budget.window_at < window_at(Period(budget.period), now):
        return None
    for kind in Kind:
        limit, wanted = getattr(budget, kind), amounts.of(kind)
        spent, reserved = getattr(budget, f"{kind}_spent"), getattr(budget, f"{kind}_reserved", 0)
        if limit is not None and wanted and spent + reserved + wanted > limit:
            return Refusal(kind=kind, limit=limit, spent=spent, reserved=reserved, wanted=wanted, **whose)
    return None


# Settling.


def settle(edit: Change, step: AgentStep, usage: Usage) -> None:
    """Charge what the reply did cost, be it more than was reserved. What was not told counts as it was reserved."""
    if not _is_open(step):
        return
    reserved = _reserved(step)
    tokens = usage.input_tokens + usage.output_tokens
    if tokens <= 0:
        _close(edit, step, "kept", reserved, "The provider told no usage.")
        return
    unknown = usage.cost is None and reserved.money > 0
    note = "The price of the reply is not known: what was reserved counts." if unknown else ""
    money = reserved.money if usage.cost is None else max(usage.cost, Decimal(0))
    _close(edit, step, "settled", Amounts(tokens=tokens, money=money), note)


def settle_failed(edit: Change, step: AgentStep, code: str) -> None:
    """The attempt failed. What was refused cost nothing; of all else it is not known, and it counts as spent."""
    if not _is_open(step):
        return
    if code in UNPAID:
        _close(edit, step, "released", Amounts(), f"Nothing was spent: {code}.")
    else:
        keep(edit, step, f"It is not known what this cost: {code}.")


def keep(edit: Change, step: AgentStep, note: str) -> None:
    """The attempt is lost, and may have cost what was reserved: it counts as spent."""
    if _is_open(step):
        _close(edit, step, "kept", _reserved(step), note)


def _is_open(step: AgentStep) -> bool:
    return _reservation(step).get("state") == "open"


def _reservation(step: AgentStep) -> dict[str, Any]:
    return step.reservation or {}


def _reserved(step: AgentStep) -> Amounts:
    held = _reservation(step)
    return Amounts(tokens=int(held["tokens"]), money=Decimal(held["money"]))


def _close(edit: Change, step: AgentStep, state: str, spent: Amounts, note: str) -> None:
    """Move the step's reservation to what was spent, in every budget whose period has not ended since."""
    reserved = _reserved(step)
    for key, window in _reservation(step)["budgets"]:
        AgentBudget.objects.filter(pk=key, window_at=datetime.fromisoformat(window)).update(
            tokens_reserved=F("tokens_reserved") - reserved.tokens,
            money_reserved=F("money_reserved") - _value(reserved.money),
            tokens_spent=F("tokens_spent") + spent.tokens,
            money_spent=F("money_spent") + _value(spent.money),
        )
    edit.set_fields(step, reservation={**_reservation(step), "state": state, "note": note})
    edit.record(EventType.BUDGET_SETTLED, **_told(step, spent.tokens, spent.money), state=state, note=note)


def _told(step: AgentStep, tokens: int, money: Decimal) -> dict[str, Any]:
    return {
        "step": step.number,
        "attempt": _reservation(step)["attempt"],
        "tokens": tokens,
        "money": f"{money.normalize():f}",
    }
