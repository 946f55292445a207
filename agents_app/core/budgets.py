"""What a run, a session or a user may spend: the declaration, the kinds and periods, and the sums behind them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from agents_app.core.canonical import canonical_text
from agents_app.core.transcript import AssistantMessage, CallResult, LLMRequest, Message

CURRENCY = "USD"
"""Prices of LLMs are told in it."""

MOST_COUNT = 2**62
MOST_MONEY = Decimal("1e9")
BYTES_PER_TOKEN = 3
TOKENS_PER_PART = 8
"""An estimate on the safe side: English has four letters to a token, and each message some of its own."""


class Scope(StrEnum):
    """Whose spending is limited. In this order budgets are locked."""

    RUN = "run"
    SESSION = "session"
    USER = "user"


class Period(StrEnum):
    """How long spending is added up before it begins anew, by the project's time zone."""

    EVER = "ever"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class Kind(StrEnum):
    """What is counted."""

    STEPS = "steps"
    TOOL_CALLS = "tool_calls"
    TOKENS = "tokens"
    MONEY = "money"


EXCEEDED: Mapping[Kind | None, str] = {
    Kind.STEPS: "budget_steps_exceeded",
    Kind.TOOL_CALLS: "budget_tool_calls_exceeded",
    Kind.TOKENS: "budget_tokens_exceeded",
    Kind.MONEY: "budget_money_exceeded",
    None: "budget_time_exceeded",
}
"""The code that a run fails with; None is the time of a session's or a user's budget."""

PRICE_UNKNOWN = "price_unknown"

UNPAID = frozenset(
    {
        *("authentication", "context_window_exceeded", "database_away", "misconfigured", "not_found", "not_installed"),
        *("overloaded", "quota_exceeded", "rate_limited", "rejected", "unavailable", "unknown_llm"),
    }
)
"""Codes of LLM calls that were refused, or never made: nothing was spent. All others may have cost something."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What may be spent at most; None is no limit. `money` is USD: "2.50 USD", or a Decimal.

    `steps` are LLM turns and tool calls together, `tool_calls` those alone; `time` is wall time without the time spent
    waiting for people. Nothing is checked before it is used: `problems` says what is wrong with it.
    """

    steps: int | None = None
    tool_calls: int | None = None
    tokens: int | None = None
    money: Decimal | str | None = None
    time: timedelta | None = None

    def problems(self) -> list[str]:
        """What is wrong, each a sentence; empty if nothing is."""
        found = [
            f"`{name}` is a whole number, 0 or more, or None."
            for name in ("steps", "tool_calls", "tokens")
            if not _is_count(getattr(self, name))
        ]
        try:
            as_usd(self.money)
        except ValueError as error:
            found.append(f"`money`: {error}")
        if self.time is not None and not (isinstance(self.time, timedelta) and self.time > timedelta(0)):
            found.append("`time` is a timedelta above 0, or None.")
        return found

    @property
    def usd(self) -> Decimal | None:
        """`money` as a number. Raises ValueError if it is none."""
        return as_usd(self.money)

    @property
    def seconds(self) -> float | None:
        """`time` in seconds."""
        return None if self.time is None else self.time.total_seconds()

    def narrowed(self, other: "Budget") -> "Budget":
        """Of each limit the lower one: neither can widen the other."""
        return Budget(
            steps=lower(self.steps, other.steps),
            tool_calls=lower(self.tool_calls, other.tool_calls),
            tokens=lower(self.tokens, other.tokens),
            money=lower(self.usd, other.usd),
            time=lower(self.time, other.time),
        )


BUDGET_FIELDS = tuple(field.name for field in fields(Budget))


def default_problems(given: Any) -> list[str]:
    """What is wrong with the setting BUDGETS, each a sentence."""
    if not isinstance(given, Mapping) or set(given) - set(Scope):
        return [f"BUDGETS is a dictionary with the keys {', '.join(Scope)}."]
    found = _limit_problems("run", given.get(Scope.RUN, {}), BUDGET_FIELDS)
    for scope in (Scope.SESSION, Scope.USER):
        periods = given.get(scope, {})
        if not isinstance(periods, Mapping) or set(periods) - set(Period):
            found.append(f"BUDGETS, {scope}: limits stand by their period, one of {', '.join(Period)}.")
            continue
        for period, limits in periods.items():
            found += _limit_problems(f"{scope}, {period}", limits, tuple(Kind))
    return found


def _limit_problems(where: str, limits: Any, known: tuple[str, ...]) -> list[str]:
    if not isinstance(limits, Mapping) or set(limits) - set(known):
        return [f"BUDGETS, {where}: limits are {', '.join(known)}."]
    return [f"BUDGETS, {where}: {problem}" for problem in Budget(**limits).problems()]


def lower(one: Any, other: Any) -> Any:
    """The lower of two limits, where None is no limit."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def as_usd(value: Any) -> Decimal | None:
    """An amount of money. Raises ValueError with what is wrong with it."""
    if value is None:
        return None
    hint = 'write it like "2.50 USD"; only USD is counted, because prices of LLMs are told in it.'
    if isinstance(value, bool | float) or not isinstance(value, Decimal | str | int):
        raise ValueError(f"{value!r} is no exact amount: {hint}")
    number, _, currency = value.strip().partition(" ") if isinstance(value, str) else (str(value), "", "")
    if currency.strip() not in ("", CURRENCY):
        raise ValueError(f"{value!r} has another currency: {hint}")
    try:
        amount = Decimal(number)
    except InvalidOperation:
        raise ValueError(f"{value!r} is no amount: {hint}") from None
    if not amount.is_finite() or not 0 <= amount <= MOST_MONEY:
        raise ValueError(f"{value!r} is not from 0 to {MOST_MONEY:,}: {hint}")
    return amount


def _is_count(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_COUNT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Amounts:
    """What one act takes of a budget. Tokens and money are estimates until it has been settled."""

    steps: int = 0
    tool_calls: int = 0
    tokens: int = 0
    money: Decimal = Decimal(0)

    def of(self, kind: Kind) -> int | Decimal:
        """How much of this kind."""
        amount: int | Decimal = getattr(self, kind)
        return amount


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A budget that has not enough left. `kind` None: its time is over. Amounts of money are text."""

    scope: Scope
    period: Period
    kind: Kind | None
    limit: int | Decimal | datetime
    spent: int | Decimal = 0
    reserved: int | Decimal = 0
    wanted: int | Decimal = 0

    @property
    def code(self) -> str:
        """The code that the run fails with."""
        return EXCEEDED[self.kind]

    @property
    def message(self) -> str:
        """A sentence for people."""
        if self.kind is None:
            return f"The time of the {self.scope}'s budget is over since {self.limit}."
        often = "" if self.period is Period.EVER else f" per {self.period}"
        limit = amount_text(self.kind, self.limit)  # type: ignore[arg-type]  # a moment only where there is no kind
        spent, wanted = amount_text(self.kind, self.spent), amount_text(self.kind, self.wanted)
        held = f", {number_text(self.reserved)} reserved" if self.reserved else ""
        return f"The {self.scope}'s budget of {limit}{often} has not enough left: {spent} spent{held}, {wanted} needed."


def amount_text(kind: Kind, amount: int | Decimal) -> str:
    """An amount for people: `12,000 tokens`, `1 tool call`, `2.50 USD`."""
    unit = CURRENCY if kind is Kind.MONEY else kind.replace("_", " ")
    return f"{number_text(amount)} {unit.removesuffix('s') if amount == 1 else unit}"


def number_text(amount: int | Decimal) -> str:
    """A count, or money with at least two digits after the point: `12,000`, `2.50`."""
    if not isinstance(amount, Decimal):
        return f"{amount:,}"
    whole, _, rest = f"{amount.normalize():f}".partition(".")
    return f"{int(whole):,}.{rest:0<2}"


def window_of(period: Period, local: datetime) -> datetime:
    """When the period began in which this moment lies. local: in the time zone by which days are counted."""
    match period:
        case Period.HOUR:
            return local.replace(minute=0, second=0, microsecond=0)
        case Period.DAY:
            return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        case Period.MONTH:
            return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
        case _:
            return local.replace(year=2000, month=1, day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)


def estimated_tokens(request: LLMRequest) -> int:
    """How many tokens this request has at most, probably: a third of its bytes, and some for each part."""
    texts = [request.instructions, *(text for message in request.messages for text in _texts(message))]
    functions = [*request.functions, *([request.answer] if request.answer else [])]
    texts += [f"{each.name}{each.description}{canonical_text(each.parameters)}" for each in functions]
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    return -(-size // BYTES_PER_TOKEN) + TOKENS_PER_PART * len(texts)


def tokens_of(message: Message) -> int:
    """The same for one message of it."""
    texts = _texts(message)
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    return -(-size // BYTES_PER_TOKEN) + TOKENS_PER_PART * len(texts)


def _texts(message: Message) -> list[str]:
    match message:
        case AssistantMessage(text=text, calls=calls, thoughts=thoughts):
            return [text, *(f"{call.name}{call.arguments}" for call in calls), *(each.text for each in thoughts)]
        case CallResult(content=content):
            return [content]
        case _:
            return [message.text]
