"""Daily anchors: which runs they hold, and that whatever is removed or made anew shows against them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from agents_app.models import AgentContext, AgentEvent, ArchivedRun, AuditAnchor, clock, database_now
from agents_app.models.audited import event_digest, event_link
from agents_app.selectors.anchors import verify_anchors
from agents_app.selectors.audit import verify_runs
from agents_app.selectors.chains import Finding, Problem
from agents_app.services import SYSTEM, anchoring, approve, archive_runs, erase_user, restore_run, start_run
from agents_app.services.anchoring import make_anchors
from agents_app.services.cleaning import clean_up
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _office(tmp_path: Path, settings: Any) -> Iterator[None]:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    with office.open_office():
        yield


def ended(agents: AgentsKit, **options: Any) -> AgentContext:
    agents.scripted_llm(Clerk, calls("look", number="1"), "Done.")
    run = start_run(Clerk, "go", **options)
    agents.run_until_idle()
    return AgentContext.objects.get(pk=run.id)


def findings(copies: dict[int, str] | None = None) -> list[Finding]:
    return [found for found in verify_anchors(copies) if found is not None]


def said(found: list[Finding]) -> list[tuple[Any, str, Problem]]:
    return [(each.run, each.row, each.problem) for each in found]


def days_later(days: float) -> Any:
    return clock.moved(timedelta(days=days))


def lines() -> list[dict[Any, int]]:
    return [{run.run: run.sequence for run in each.anchored()} for each in AuditAnchor.objects.order_by("number")]


def test_one_a_day_holds_the_runs_that_grew(agents: AgentsKit) -> None:
    first = ended(agents)
    assert (make_anchors(), make_anchors()) == (1, 0)
    with days_later(1):
        second = ended(agents)
        assert make_anchors() == 1
    with days_later(2):
        assert make_anchors() == 1
    newest = AuditAnchor.objects.get(number=3)
    assert lines()[0] == {first.pk: first.version}
    assert second.pk in lines()[1]
    assert (newest.before, newest.seal) == (AuditAnchor.objects.get(number=2).seal, newest.sealed())
    assert findings() == []
    assert list(verify_anchors()) == [None] * 3


def test_what_is_young_is_looked_at_again_and_what_is_older_is_not(agents: AgentsKit) -> None:
    old = ended(agents)
    with clock.moved(timedelta(hours=2)):
        young = ended(agents)
        make_anchors()
    assert set(lines()[0]) == {old.pk, young.pk}
    with days_later(2):
        make_anchors()
    assert set(lines()[1]) == {young.pk}
    with days_later(3):
        make_anchors()
    assert lines()[2] == {}, "nothing has grown"


def test_where_one_has_no_room_another_follows(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchoring, "MOST_RUNS", 2)
    monkeypatch.setattr(anchoring, "PORTION", 3)
    runs = [ended(agents) for _ in range(5)]
    assert make_anchors(seconds=0) == 1, "a pass ends with its time"
    assert make_anchors() == 2
    assert [len(each) for each in lines()] == [2, 2, 1]
    assert {run.pk: run.version for run in runs} == {key: value for each in lines() for key, value in each.items()}
    assert (make_anchors(), findings()) == (0, [])


def test_cleaning_up_makes_them(agents: AgentsKit) -> None:
    run = ended(agents)
    clean_up(10)
    assert lines() == [{run.pk: run.version}]


def test_only_one_of_two_that_make_it_at_once_is_kept(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(agents)
    look = anchoring._look

    def while_another_does(*args: Any, **options: Any) -> Any:
        monkeypatch.setattr(anchoring, "_look", look)
        assert make_anchors() == 1
        return look(*args, **options)

    monkeypatch.setattr(anchoring, "_look", while_another_does)
    assert make_anchors() == 0
    assert (AuditAnchor.objects.count(), findings()) == (1, [])


def test_a_run_that_is_removed_shows(agents: AgentsKit) -> None:
    gone, kept = ended(agents), ended(agents)
    make_anchors()
    AgentContext.objects.filter(pk=gone.pk).delete()
    assert list(verify_runs(AgentContext.objects.all(), until=None)) == [None]
    assert said(findings()) == [(gone.pk, "run", Problem.MISSING)]
    assert kept.pk != gone.pk


def test_a_chain_that_is_made_anew_shows(agents: AgentsKit) -> None:
    run = ended(agents)
    make_anchors()
    link, events = "", list(AgentEvent.objects.filter(context=run).order_by("sequence"))
    events[2].data = {**events[2].data, "tool": "other"}
    for event in events:
        event.link = event_link(link, event, event_digest(run.chain_salt or "", event))
        QuerySet(AgentEvent).filter(pk=event.pk).update(link=event.link, data=event.data)
        link = event.link
    AgentContext.objects.filter(pk=run.pk).update(chain_head=link)
    assert list(verify_runs(AgentContext.objects.all(), until=None)) == [None], "by itself it fits"
    assert said(findings()) == [(run.pk, f"event {run.version}", Problem.CHANGED)]


def test_a_run_that_goes_on_still_fits_and_one_that_is_shorter_does_not(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, calls("order", what="ink"), "Done.")
    run = start_run(Clerk, "go")
    agents.run_until_idle()
    make_anchors()
    from_anchor = lines()[0][run.id]
    request = office.request_of(run)
    approve(request.pk, by=office.decider(), digest=request.digest)
    agents.run_until_idle()
    assert run.again().status == "completed"
    assert findings() == []
    AgentContext.objects.filter(pk=run.id).update(version=from_anchor - 1)
    assert said(findings()) == [(run.id, f"event {from_anchor}", Problem.MISSING)]


@pytest.mark.parametrize("field", ["lines", "made_at", "looked_to", "runs", "before", "seal"])
def test_an_anchor_that_is_changed_shows(agents: AgentsKit, field: str) -> None:
    ended(agents)
    make_anchors()
    with days_later(1):
        make_anchors()
    value: Any = {"made_at": database_now() - timedelta(days=9), "looked_to": 1, "runs": 9}.get(field, "x")
    QuerySet(AuditAnchor).filter(number=2).update(**{field: value})
    assert said(findings()) == [(None, "audit anchor 2", Problem.CHANGED)]


def test_an_anchor_that_is_removed_or_made_anew_shows(agents: AgentsKit) -> None:
    ended(agents)
    for day in range(4):
        with days_later(day):
            make_anchors()
    copies = dict(AuditAnchor.objects.values_list("number", "seal"))
    first, newest = AuditAnchor.objects.get(number=1), AuditAnchor.objects.get(number=4)
    QuerySet(AuditAnchor).filter(number__in=[2, 3])._raw_delete("default")
    assert said(findings()) == [(None, "audit anchors 2–3", Problem.MISSING)]
    QuerySet(AuditAnchor).filter(number=4)._raw_delete("default")
    assert findings() == [], "the newest can go, unless there is a copy"
    assert said(findings(copies)) == [(None, "audit anchors 2–4", Problem.MISSING)]
    first.lines = ""
    QuerySet(AuditAnchor).filter(number=1).update(lines="", seal=first.sealed())
    assert findings() == []
    assert said(findings({1: copies[1]})) == [(None, "audit anchor 1", Problem.CHANGED)]
    assert newest.seal == copies[4]


def test_an_anchor_cannot_be_changed_by_accident(agents: AgentsKit) -> None:
    make_anchors()
    anchor = AuditAnchor.objects.get()
    for act in (
        anchor.save,
        anchor.delete,
        AuditAnchor.objects.all().delete,
        lambda: AuditAnchor.objects.update(runs=1),
    ):
        with pytest.raises(TypeError):
            act()


def test_archiving_restoring_and_erasing_keep_them_true(agents: AgentsKit) -> None:
    olga = office.person("olga")
    run = ended(agents, user=olga)
    other = ended(agents, user=olga)
    make_anchors()
    erase_user(olga, by=SYSTEM)
    assert findings() == [], "erased in the database"
    third = ended(agents, user=olga)
    with days_later(3):
        make_anchors()
        assert archive_runs(days=1).runs == 3
        assert findings() == [], "archived"
        restore_run(run.pk)
        assert findings() == [], "restored"
        make_anchors()
    erase_user(get_user_model().objects.get(username="olga"), by=SYSTEM)
    assert ArchivedRun.objects.get(pk=third.pk).erased_at is not None
    assert findings() == [], "erased in the archive"
    QuerySet(ArchivedRun).filter(pk=other.pk)._raw_delete("default")
    assert {(found.run, found.problem) for found in findings()} == {(other.pk, Problem.MISSING)}
    QuerySet(ArchivedRun).filter(pk=third.pk).update(version=2)
    assert (third.pk, Problem.MISSING) in {(found.run, found.problem) for found in findings()}
