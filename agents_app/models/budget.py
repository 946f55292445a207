"""What a run, a session or a user may spend, and has spent in the present period."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from agents_app.core.budgets import MOST_MONEY, Kind, Period, Scope, window_of
from agents_app.models.clock import as_stored
from agents_app.models.constraints import one_of
from agents_app.models.context import AgentContext
from agents_app.models.fields import UserForeignKey, uuid7
from agents_app.models.session import AgentSession

NANO = Decimal(10) ** 9

if TYPE_CHECKING:
    _BigIntegerField = models.BigIntegerField[Any, Any]
else:
    _BigIntegerField = models.BigIntegerField


WHOSE = {Scope.RUN: gettext_lazy("Run"), Scope.SESSION: gettext_lazy("Session"), Scope.USER: gettext_lazy("User")}
OFTEN = {
    Period.EVER: gettext_lazy("ever"),
    Period.HOUR: gettext_lazy("hour"),
    Period.DAY: gettext_lazy("day"),
    Period.MONTH: gettext_lazy("month"),
}


class MoneyField(_BigIntegerField):
    """USD as a Decimal, stored as a whole number of billionths, so that every database adds it up exactly."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.validators = [MinValueValidator(Decimal(0)), MaxValueValidator(MOST_MONEY)]

    def from_db_value(self, value: int | None, *args: Any) -> Decimal | None:
        return None if value is None else Decimal(value) / NANO

    def to_python(self, value: Any) -> Any:
        return value if value is None or isinstance(value, Decimal) else Decimal(str(value))

    def get_prep_value(self, value: Any) -> Any:
        """Rounded up, to the disadvantage of who spends."""
        if value is None or hasattr(value, "resolve_expression"):
            return value
        return int(-(-Decimal(value) * NANO // 1))

    def formfield(self, **kwargs: Any) -> Any:
        bounds = {"min_value": Decimal(0), "max_value": MOST_MONEY, "max_digits": 19, "decimal_places": 9}
        return models.Field.formfield(self, form_class=forms.DecimalField, **{**bounds, **kwargs})


def window_at(period: Period, now: datetime) -> datetime:
    """When the present period began, as it is stored."""
    local = timezone.localtime(now, timezone.get_default_timezone()) if timezone.is_aware(now) else now
    return as_stored(window_of(period, local))


class AgentBudget(models.Model):
    """One limit per kind (null: none), and what was spent and is reserved since `window_at`, when the period began.

    `from_settings`: made for AGENTS_APP["BUDGETS"], whose limits hold as long as no person has changed this row.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    scope = models.CharField(max_length=8, editable=False)
    period = models.CharField(
        max_length=8,
        choices=[(str(each), str(each)) for each in Period],
        default=Period.EVER.value,
        help_text=gettext_lazy("After it, spending begins anew, by the project's time zone."),
    )
    context = models.ForeignKey(
        AgentContext,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="budgets",
        verbose_name=gettext_lazy("run"),
    )
    session = models.ForeignKey(AgentSession, null=True, blank=True, on_delete=models.CASCADE, related_name="budgets")
    user = UserForeignKey(related_name="agent_budgets")
    steps = models.PositiveBigIntegerField(
        null=True, blank=True, help_text=gettext_lazy("LLM turns and tool calls together.")
    )
    tool_calls = models.PositiveBigIntegerField(null=True, blank=True)
    tokens = models.PositiveBigIntegerField(null=True, blank=True)
    money = MoneyField(gettext_lazy("money (USD)"), null=True, blank=True)
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text=gettext_lazy("Nothing more may be spent after this.")
    )
    from_settings = models.BooleanField(default=False, editable=False)
    window_at = models.DateTimeField(editable=False, help_text=gettext_lazy("When the present period began."))
    steps_spent = models.BigIntegerField(default=0, editable=False)
    tool_calls_spent = models.BigIntegerField(default=0, editable=False)
    tokens_spent = models.BigIntegerField(default=0, editable=False)
    tokens_reserved = models.BigIntegerField(default=0, editable=False)
    money_spent = MoneyField(default=Decimal(0), editable=False)
    money_reserved = MoneyField(default=Decimal(0), editable=False)

    class Meta:
        verbose_name = gettext_lazy("budget")
        verbose_name_plural = gettext_lazy("budgets")
        ordering = ["-id"]
        constraints = [
            one_of("scope", Scope, "agents_budget_scope"),
            one_of("period", Period, "agents_budget_period"),
            models.CheckConstraint(
                # A budget of a user who is deleted stays, for the record, and is nobody's.
                condition=Q(scope=Scope.RUN.value, context__isnull=False, session__isnull=True, user__isnull=True)
                | Q(scope=Scope.SESSION.value, context__isnull=True, session__isnull=False, user__isnull=True)
                | Q(scope=Scope.USER.value, context__isnull=True, session__isnull=True),
                name="agents_budget_of_one",
            ),
            models.UniqueConstraint(fields=["context", "period"], name="agents_budget_of_run"),
            models.UniqueConstraint(fields=["session", "period"], name="agents_budget_of_session"),
            models.UniqueConstraint(fields=["user", "period"], name="agents_budget_of_user"),
        ]

    def __str__(self) -> str:
        whose = WHOSE[Scope(self.scope)] if self.scope else self._meta.verbose_name
        if self.period == Period.EVER:
            return str(whose)
        return gettext("%(whose)s, per %(period)s") % {"whose": whose, "period": OFTEN[Period(self.period)]}

    def spent(self, kind: Kind, now: datetime) -> int | Decimal:
        """How much of this kind was spent in the period that is going on now."""
        amount: int | Decimal = getattr(self, f"{kind}_spent")
        return amount if self._is_present(now) else type(amount)(0)

    def reserved(self, kind: Kind, now: datetime) -> int | Decimal:
        """How much of this kind is reserved now."""
        amount: int | Decimal = getattr(self, f"{kind}_reserved", 0)
        return amount if self._is_present(now) else type(amount)(0)

    def _is_present(self, now: datetime) -> bool:
        """The row is set to zero by the first who spends in the new period."""
        return self.window_at >= window_at(Period(self.period), now)
