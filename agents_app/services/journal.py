"""Django's own record of what people did (`LogEntry`), so that the admin's History shows it, whatever door they took.

The one place that writes it for decisions, who looks after a request, grants, policies, kill switches and delegations.
It is for people who look; what counts are our rows.
"""

from typing import Any, Final, Literal

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import models, router, transaction

from agents_app.conf import conf
from agents_app.core.status import Verdict
from agents_app.models import AgentContext, Decision
from agents_app.services.principals import System

ADDED: Final = 1
CHANGED: Final = 2
REMOVED: Final = 3
"""Django's action flags."""

WORDS = {
    Verdict.APPROVED: "approved",
    Verdict.ENDORSED: "approved; it still waits for somebody else's yes",
    Verdict.EDITED: "proposed other arguments",
    Verdict.REJECTED: "rejected",
    Verdict.SENT_BACK: "sent back",
    Verdict.HAPPENED: "settled: happened",
    Verdict.TRY_AGAIN: "settled: try_again",
    Verdict.GIVE_UP: "settled: give_up",
}


def decided(by: Any, decision: Decision, run: AgentContext) -> None:
    """A person's word: on the request (or on the call whose outcome it settles), and on the run."""
    about = decision.call if decision.request is None else decision.request
    changed = " with changes" if decision.arguments and decision.verdict != Verdict.EDITED else ""
    instead = f" in place of {decision.on_behalf_of_name}" if decision.on_behalf_of_name else ""
    word = WORDS[Verdict(decision.verdict)].replace("approved", f"approved{changed}", 1)
    text = f"{word}{instead} ({decision.door})"
    noted(by, about, text)
    noted(by, run, f"{decision.call}: {text}")


def noted(by: Any, row: models.Model, text: str, flag: Literal[1, 2, 3] = CHANGED) -> None:
    """What a person did to a row, in the transaction that does it. Nothing for the system, or without Django's admin.

    Where the admin's tables lie in another database it is written once this one has committed.
    """
    if not apps.is_installed("django.contrib.admin") or isinstance(by, System) or getattr(by, "pk", None) is None:
        return
    entries: Any = apps.get_model("admin", "LogEntry")
    alias = router.db_for_write(entries)
    entry = entries(
        user_id=by.pk,
        content_type_id=ContentType.objects.db_manager(alias).get_for_model(row).pk,
        object_id=str(row.pk),
        object_repr=str(row)[:200],
        action_flag=flag,
        change_message=text,
    )
    if alias == conf.DATABASE:
        entry.save(using=alias)
    else:
        transaction.on_commit(lambda: entry.save(using=alias), using=conf.DATABASE, robust=True)
