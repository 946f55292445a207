"""Promise 5 again: what is changed, added or removed behind the record's back is named."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet

from agents_app.exceptions import NotPermitted
from agents_app.models import AgentContext, AgentEvent, AuditAnchor, Decision
from agents_app.selectors.anchors import verify_anchors
from agents_app.selectors.audit import verify_runs
from agents_app.services import Run, export_anchors
from agents_app.services.anchoring import make_anchors
from agents_app.testing import approve_pending, calls, run_until_idle
from tests import office
from tests.promises.mutants import mutant
from tests.promises.stage import Stage

PAY = calls("pay", to="Ann", amount=120)


def done(stage: Stage) -> Run[str]:
    run = stage.play(PAY, "Done.")
    approve_pending(run, by=stage.dora)
    run_until_idle()
    assert run.again().status == "completed"
    return run


def broken() -> list[str]:
    chains = [found.row for found in verify_runs(AgentContext.objects.all(), until=None) if found]
    return chains + [found.row for found in verify_anchors() if found]


def test_a_decision_that_is_changed_is_named(stage: Stage) -> None:
    done(stage)
    assert broken() == []
    made = Decision.objects.get()
    QuerySet(Decision).filter(pk=made.pk).update(user_name="mallory")
    assert broken() == [f"decision {made.pk}"]


def test_a_decision_that_is_removed_is_named(stage: Stage) -> None:
    done(stage)
    made = Decision.objects.get()
    QuerySet(Decision).filter(pk=made.pk)._raw_delete("default")
    assert broken() == [f"decision {made.pk}"]


def test_an_event_that_is_changed_is_named(stage: Stage) -> None:
    done(stage)
    event = AgentEvent.objects.get(type="approval.approved")
    QuerySet(AgentEvent).filter(pk=event.pk).update(data={**event.data, "by": "mallory"})
    assert broken() == [f"event {event.sequence}"]


def test_the_last_event_that_is_removed_is_named(stage: Stage) -> None:
    run = done(stage)
    last = AgentEvent.objects.filter(context_id=run.id).order_by("-sequence")[0]
    QuerySet(AgentEvent).filter(pk=last.pk)._raw_delete("default")
    AgentContext.objects.filter(pk=run.id).update(version=last.sequence - 1)
    assert broken() == ["run"]


def test_a_run_that_is_removed_is_named(stage: Stage) -> None:
    run = done(stage)
    make_anchors()
    assert broken() == []
    AgentContext.objects.filter(pk=run.id).delete()
    assert broken() == ["run"]


def test_an_anchor_that_is_changed_is_named(stage: Stage) -> None:
    done(stage)
    make_anchors()
    QuerySet(AuditAnchor).update(lines="")
    assert broken() == ["audit anchor 1"]


def test_an_anchor_that_is_removed_is_named(stage: Stage) -> None:
    make_anchors()
    first = AuditAnchor.objects.get()
    second = AuditAnchor(number=2, made_at=first.made_at, before=first.seal)
    second.seal = second.sealed()
    second.save()
    assert broken() == []
    QuerySet(AuditAnchor).filter(number=1)._raw_delete("default")
    assert broken() == ["audit anchor 1"]


def test_every_decision_stands_in_the_history(stage: Stage) -> None:
    run = done(stage)
    request = office.request_of(run)
    assert set(LogEntry.objects.values_list("object_id", flat=True)) == {str(request.pk), str(run.id)}


def test_who_may_not_takes_nothing_away(stage: Stage) -> None:
    with pytest.raises(NotPermitted):
        export_anchors(by=stage.dora)


CHAINS = "agents_app.selectors.chains:RunChain."
ANCHORS = "agents_app.selectors.anchors:"

MUTANTS = [
    mutant(
        "the chain binds no rows",
        test_a_decision_that_is_changed_is_named,
        "agents_app.transitions.chain:lengthen",
        "[bound(salt, row) for row in rows if type(row) in AUDITED] + more",
        "more",
    ),
    mutant(
        "bound rows are not compared",
        test_a_decision_that_is_changed_is_named,
        f"{CHAINS}row",
        "elif differs(",
        "elif False and differs(",
    ),
    mutant(
        "a row that is gone is not missed",
        test_a_decision_that_is_removed_is_named,
        f"{CHAINS}finding",
        "if kind != EVENT:",
        "if False:",
    ),
    mutant(
        "what an event says is not in its link",
        test_an_event_that_is_changed_is_named,
        "agents_app.models.audited:event_digest",
        "json_text(event.data)",
        '""',
    ),
    mutant(
        "the head is not compared",
        test_the_last_event_that_is_removed_is_named,
        f"{CHAINS}_end",
        "if self._link != (self.head or START):",
        "if False:",
    ),
    mutant(
        "anchors are not asked for runs",
        test_a_run_that_is_removed_is_named,
        f"{ANCHORS}verify_anchors",
        "yield from _runs(anchor)",
        "pass",
    ),
    mutant(
        "an anchor is believed",
        test_an_anchor_that_is_changed_is_named,
        f"{ANCHORS}_itself",
        "if anchor.sealed() != anchor.seal:",
        "if False:",
    ),
    mutant(
        "a seal does not cover the lines",
        test_an_anchor_that_is_changed_is_named,
        "agents_app.core.chain:seal_of",
        "\\n{lines}",
        "",
    ),
    mutant(
        "an anchor that is gone is not missed",
        test_an_anchor_that_is_removed_is_named,
        f"{ANCHORS}verify_anchors",
        "if anchor.number != expected:",
        "if False:",
    ),
    mutant(
        "the history knows nothing",
        test_every_decision_stands_in_the_history,
        "agents_app.services.journal:noted",
        "entry.save(using=alias)\n",
        "pass\n",
    ),
    mutant(
        "anybody may export",
        test_who_may_not_takes_nothing_away,
        "agents_app.services.exporting:_check",
        "if not may_export(by):",
        "if False:",
    ),
]
