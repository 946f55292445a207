"""Commands on budgets: what runs may spend from their start, and limits that staff set."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from agents_app.conf import conf
from agents_app.core.budgets import BUDGET_FIELDS, Budget, Kind, Period, Scope
from agents_app.exceptions import InvalidInput
from agents_app.models import AgentBudget, AgentContext, AgentSession, as_stored, database_now
from agents_app.models.budget import window_at
from agents_app.selectors.people import CHANGE_BUDGET, lacking, name_of, user_named, visible_runs, visible_sessions
from agents_app.selectors.runs import one_of
from agents_app.transitions import change
from agents_app.transitions.budgets import tell_changed

UNLIMITED = Budget()


def limits_of_run(declared: Budget | None, given: Budget | None) -> Budget:
    """What a run may spend: what its agent declares, where it says nothing the settings' default; `given` narrows it.

    Raises InvalidInput.
    """
    default, own = Budget(**conf.BUDGETS.get(Scope.RUN, {})), declared or UNLIMITED
    named = {name: getattr(own, name) for name in BUDGET_FIELDS}
    limits = Budget(**{name: getattr(default, name) if value is None else value for name, value in named.items()})
    return limits if given is None else limits.narrowed(_checked(given))


def narrowed_by(given: Budget | None) -> dict[str, float] | None:
    """What a start said of steps and seconds, as the run's row keeps it for a retry; None if nothing."""
    said = {} if given is None else {"steps": given.steps, "seconds": given.seconds}
    return {name: value for name, value in said.items() if value is not None} or None


def as_narrowed(stored: dict[str, Any] | None) -> Budget | None:
    """The same as a budget."""
    if not stored:
        return None
    seconds = stored.get("seconds")
    return Budget(steps=stored.get("steps"), time=None if seconds is None else timedelta(seconds=seconds))


def set_budget(
    limits: Budget,
    *,
    by: Any,
    run: Any = None,
    session: Any = None,
    user: Any = None,
    period: Period | str = Period.EVER,
    ends_at: datetime | None = None,
) -> AgentBudget:
    """Set what a run, a session (each by its id or row) or a user may spend per period, in place of earlier limits.

    What was spent stays. Changed limits count at once, a first budget from the run's next claim on. A run's own steps
    and time are not set here. Needs change_agentbudget. Raises NotPermitted, InvalidInput, NotFound.
    """
    if not (by.is_active and by.has_perm(CHANGE_BUDGET)):
        raise lacking(CHANGE_BUDGET)
    checked, owner = _checked(limits), _owner(run, session, user)
    if checked.time is not None:
        raise InvalidInput(
            gettext("A budget that people set has a moment when it ends (`ends_at`) in place of a time.")
        )
    try:
        name = Period(period)
    except ValueError:
        raise InvalidInput(gettext("A period is one of: %(names)s.") % {"names": ", ".join(Period)}) from None
    values: dict[str, Any] = {kind: checked.usd if kind is Kind.MONEY else getattr(checked, kind) for kind in Kind}
    values["ends_at"] = None if ends_at is None else as_stored(ends_at)
    if "context" not in owner:
        return _stored(owner, name, values)
    with change(owner["context"].pk) as edit:
        tell_changed(edit, name, values, by=name_of(by))
        return _stored(owner, name, values)


def owner_named(by: Any, *, run: Any = None, session: Any = None, user: str | None = None) -> dict[str, Any]:
    """Whose budget is meant, as `set_budget` takes it, by what doors are told: ids, and the name of a user.

    Only what this person may know of. Raises NotPermitted, NotFound and InvalidInput.
    """
    if not (by.is_active and by.has_perm(CHANGE_BUDGET)):
        raise lacking(CHANGE_BUDGET)
    owner: dict[str, Any] = {}
    if run is not None:
        owner["run"] = one_of(visible_runs(by), run)
    if session is not None:
        owner["session"] = one_of(visible_sessions(by), session)
    if user is not None:
        owner["user"] = user_named(user)
        if owner["user"] is None:
            raise InvalidInput(gettext("There is no user %(user)s.") % {"user": user}, code="unknown_user")
    return owner


def _checked(limits: Budget) -> Budget:
    problems = limits.problems() if isinstance(limits, Budget) else ["`budget` is a Budget."]
    if problems:
        raise InvalidInput(
            gettext("The budget cannot be used."), errors=[{"path": [], "message": each} for each in problems]
        )
    return limits


def _owner(run: Any, session: Any, user: Any) -> dict[str, Any]:
    if sum(each is not None for each in (run, session, user)) != 1:
        raise InvalidInput(gettext("A budget is of one: a run, a session or a user."))
    if run is not None:
        context: AgentContext = one_of(AgentContext.objects.all(), getattr(run, "pk", run))
        return {"scope": Scope.RUN, "context": context}
    if session is not None:
        return {"scope": Scope.SESSION, "session": one_of(AgentSession.objects.all(), getattr(session, "pk", session))}
    return {"scope": Scope.USER, "user": user}


def _stored(owner: dict[str, Any], period: Period, values: dict[str, Any]) -> AgentBudget:
    """Only the limits are written: what is spent meanwhile must not be overwritten."""
    found = AgentBudget.objects.filter(**owner, period=period)
    if not found.update(from_settings=False, **values):
        try:
            with transaction.atomic(using=conf.DATABASE):
                window = window_at(period, database_now())
                return AgentBudget.objects.create(**owner, period=period, window_at=window, **values)
        except IntegrityError:
            found.update(from_settings=False, **values)  # somebody else was faster
    return found.get()
