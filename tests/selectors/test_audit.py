"""The hash chains of runs: whatever is changed behind their back is named."""

from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from agents_app.conf import conf
from agents_app.models import (
    AgentContext,
    AgentEvent,
    ApprovalRequest,
    ArchivedRun,
    Decision,
    InputRequest,
    ToolCall,
    clock,
    database_now,
)
from agents_app.models.audited import AUDITED, LEFT_OUT, event_digest
from agents_app.models.fields import uuid7
from agents_app.selectors.audit import verify_runs, verify_stored
from agents_app.selectors.chains import Finding, Problem
from agents_app.services import (
    SYSTEM,
    answer_input,
    approve,
    archive_files,
    archive_runs,
    erase_user,
    restore_run,
    settle_outcome,
    start_run,
)
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk, call_of, question_of, request_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


def findings(**until: Any) -> list[Finding]:
    return [found for found in verify_runs(AgentContext.objects.all(), until=until.get("until")) if found is not None]


def only() -> Finding:
    (found,) = findings()
    return found


@pytest.fixture
def full(agents: AgentsKit) -> AgentContext:
    """A run with a call that went through, one that people allowed with other arguments, a question, and its answer."""
    office.behaviour["look"] = lambda *_: {"sum": 1e22, "rate": 1e-7, "whole": 3.0, "count": 12, "text": "e+ é"}
    agents.scripted_llm(
        Clerk,
        calls("look", number="1"),
        calls("pay", to="bob", amount="80"),
        calls("ask_user", question="Which?"),
        calls("send", text="bye"),
        "Done.",
    )
    office.behaviour["send"] = lambda *_: 1 / 0
    run = start_run(Clerk, "go", user=office.person("olga"))
    agents.run_until_idle()
    request = request_of(run)
    dora = office.decider()
    approve(request.pk, by=dora, digest=request.digest, arguments={"to": "bob", "amount": "60"}, reason="less")
    agents.run_until_idle()
    answer_input(question_of(run).pk, "the blue one", by=office.person("ann", "agents_app.answer_inputrequest"))
    agents.run_until_idle()
    settle_outcome(call_of(run).pk, "happened", by=office.person("sven", "agents_app.settle_toolcall"), result="sent")
    agents.run_until_idle()
    assert run.again().status == "completed"
    return AgentContext.objects.get(pk=run.id)


def test_what_was_not_touched_fits(full: AgentContext) -> None:
    assert findings() == []
    events = AgentEvent.objects.filter(context=full)
    assert full.chain_head == events.order_by("-sequence")[0].link
    assert events.count() == full.version == len(set(events.values_list("link", flat=True)))


def write(row: Any, **fields: Any) -> None:
    """Behind everybody's back: as somebody with the database's own shell would."""
    model = type(row)
    values = {name: getattr(row, name) for name in fields}
    assert values != fields
    QuerySet(model).filter(pk=row.pk).update(**fields)


def row_of(model: Any, **where: Any) -> Any:
    return QuerySet(model).filter(**where).order_by("pk").first()


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (Decision, {"user_name": "mallory"}),
        (Decision, {"reason": "more"}),
        (Decision, {"door": "rest"}),
        (Decision, {"address": "10.1.2.3"}),
        (Decision, {"digest": "0" * 64}),
        (Decision, {"arguments_before": ""}),
        (ToolCall, {"arguments": "{}"}),
        (ToolCall, {"result": {"sum": 7}}),
        (ToolCall, {"status": "failed"}),
        (ToolCall, {"tool": "send"}),
        (ApprovalRequest, {"rule": "nobody asked"}),
        (ApprovalRequest, {"digest": "0" * 64}),
        (InputRequest, {"answer": "the red one"}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "-".join(value),
)
def test_a_row_that_was_changed_is_named(full: AgentContext, model: Any, fields: dict[str, Any]) -> None:
    row = row_of(model)
    write(row, **fields)
    found = only()
    assert (found.run, found.problem) == (full.pk, Problem.CHANGED)
    assert str(row.pk) in found.row


@pytest.mark.parametrize("model", [Decision, ToolCall, ApprovalRequest, InputRequest])
def test_a_row_that_was_deleted_is_named(full: AgentContext, model: Any) -> None:
    row = row_of(model)
    QuerySet(model).filter(pk=row.pk)._raw_delete(conf.DATABASE)
    assert (only().problem, str(row.pk) in only().row) == (Problem.MISSING, True)
    QuerySet(model).bulk_create([row])  # so that the end of the test finds no reference that dangles
    assert findings() == []


def test_a_row_that_was_added_is_named(full: AgentContext) -> None:
    row = row_of(Decision)
    row.pk = uuid7()
    row.verdict = "edited"
    QuerySet(Decision).bulk_create([row])
    assert (only().problem, str(row.pk) in only().row) == (Problem.ADDED, True)


def test_two_rows_that_were_exchanged_are_named(full: AgentContext) -> None:
    one, two = ToolCall.objects.order_by("number")[:2]
    write(one, arguments=two.arguments, result=two.result)
    write(two, arguments=one.arguments, result=one.result)
    assert (only().problem, str(one.pk) in only().row) == (Problem.CHANGED, True)


def test_events_that_were_changed_or_exchanged_are_named(full: AgentContext) -> None:
    event = row_of(AgentEvent, sequence=3)
    write(event, data={**event.data, "number": 99})
    assert (only().problem, only().row) == (Problem.CHANGED, "event 3")
    write_back: Any = QuerySet(AgentEvent).filter(pk=event.pk)
    write_back.update(data=event.data)
    assert findings() == []
    other = row_of(AgentEvent, sequence=4)
    names = ("type", "at", "data", "link", "bound")
    write_back.update(**{name: getattr(other, name) for name in names})
    QuerySet(AgentEvent).filter(pk=other.pk).update(**{name: getattr(event, name) for name in names})
    assert (only().problem, only().row) == (Problem.CHANGED, "event 3")


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_an_event_that_was_deleted_is_named(full: AgentContext, place: str) -> None:
    sequence = {"first": 1, "middle": 5, "last": full.version}[place]
    QuerySet(AgentEvent).filter(sequence=sequence)._raw_delete(conf.DATABASE)
    assert (only().problem, only().row) == (Problem.MISSING, f"event {sequence}")


def test_the_last_event_cannot_go_even_with_the_version(full: AgentContext) -> None:
    QuerySet(AgentEvent).filter(sequence=full.version)._raw_delete(conf.DATABASE)
    write(full, version=full.version - 1)
    assert (only().problem, only().row) == (Problem.CHANGED, "run")


def test_a_link_cannot_be_taken_away(full: AgentContext) -> None:
    QuerySet(AgentEvent).filter(sequence=4).update(link=None)
    assert (only().problem, only().row) == (Problem.GAP, "event 4")
    late = findings(until=database_now() + timedelta(days=1))
    assert [(found.problem, found.row) for found in late] == [(Problem.CHANGED, "event 5")]


def test_a_digest_is_no_excuse_for_other_words(full: AgentContext) -> None:
    event = row_of(AgentEvent, sequence=3)
    digest = event_digest(full.chain_salt or "", event)
    write(event, data={**event.data, "number": 99}, digest=digest)
    assert (only().problem, only().row) == (Problem.CHANGED, "event 3")


def test_a_person_who_is_deleted_changes_nothing(full: AgentContext) -> None:
    dora = row_of(Decision).user
    assert dora is not None
    dora.delete()
    assert row_of(Decision).user_id is None
    assert findings() == []


def test_a_decision_cannot_be_given_to_somebody_else(full: AgentContext) -> None:
    write(row_of(Decision), user_id=office.person("mallory").pk)
    assert only().problem is Problem.CHANGED


# Releases without the chain.


def as_if_old(run: AgentContext, upto: int) -> None:
    """As if a release without the chain had written the run so far."""
    QuerySet(AgentEvent).filter(context=run, sequence__lte=upto).update(link=None, bound=None)
    QuerySet(AgentContext).filter(pk=run.pk).update(chain_head=None, chain_salt=None)


def test_an_old_run_is_chained_from_its_next_change_on(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, calls("order", what="ink"), "Done.")
    run = start_run(Clerk, "go")
    agents.run_until_idle()
    context = AgentContext.objects.get(pk=run.id)
    as_if_old(context, context.version)
    moment = database_now()
    until = {"until": moment}
    assert [found.problem for found in findings(**until)] == [Problem.UNCHAINED]
    request = request_of(run)
    approve(request.pk, by=office.decider(), digest=request.digest)
    agents.run_until_idle()
    (found,) = findings(**until)
    assert (found.problem, found.broken, found.row) == (Problem.UNCHAINED, False, f"events 1–{context.version}")
    write(call_of(run), result="another")
    assert [(found.problem, found.broken) for found in findings(**until)] == [(Problem.CHANGED, True)]


def test_an_old_worker_beside_new_ones_leaves_a_gap(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    agents.scripted_llm(Clerk, calls("order", what="ink"), "Done.")
    run = start_run(Clerk, "go")
    agents.run_until_idle()
    before = AgentContext.objects.get(pk=run.id).version
    request = request_of(run)
    with monkeypatch.context() as old:
        old.setattr(import_module("agents_app.transitions.change"), "lengthen", lambda *_: None)
        approve(request.pk, by=office.decider(), digest=request.digest)
    assert [(found.problem, found.row) for found in findings()] == [(Problem.GAP, f"event {before + 1}")]
    agents.run_until_idle()
    (found,) = findings(until=database_now())
    assert (found.problem, found.row) == (Problem.UNCHAINED, f"events {before + 1}")


# Archives and erasing.


def test_an_archived_and_restored_run_still_fits(full: AgentContext, tmp_path: Path, settings: Any) -> None:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    with clock.moved(timedelta(days=2)):
        assert archive_runs(days=1).runs == 1
    entry = ArchivedRun.objects.get()
    assert entry.chain_head == full.chain_head
    restore_run(entry.pk)
    assert findings() == []
    AgentContext.objects.all().delete()
    erase_user(get_user_model().objects.get(username="olga"), by=SYSTEM)
    entry.refresh_from_db()
    assert entry.chain_head != full.chain_head
    (stored,) = archive_files.read(entry.archive)
    assert verify_stored(stored, until=None) is None
    restore_run(entry.pk)
    assert findings() == []
    assert AgentContext.objects.get().chain_head == entry.chain_head


def test_an_erased_run_still_fits(full: AgentContext) -> None:
    words = [row_of(Decision).reason, row_of(ToolCall).arguments]
    erase_user(get_user_model().objects.get(username="olga"), by=SYSTEM, reason="asked for it")
    assert [row_of(Decision).reason, row_of(ToolCall).arguments] != words
    assert findings() == []
    assert AgentContext.objects.get().chain_salt != full.chain_salt
    write(row_of(Decision), reason="other words")
    assert only().problem is Problem.CHANGED


def test_the_words_of_an_erased_run_are_held_too(full: AgentContext) -> None:
    erase_user(get_user_model().objects.get(username="olga"), by=SYSTEM)
    event = row_of(AgentEvent, type="approval.approved")
    write(event, data={**event.data, "by": "mallory"})
    assert (only().problem, only().row) == (Problem.CHANGED, f"event {event.sequence}")


def test_each_column_of_an_audited_table_is_held_or_left_out_by_name() -> None:
    for model in AUDITED:
        names = {field.name for field in model._meta.concrete_fields}
        assert set(LEFT_OUT.get(str(model._meta.model_name), ())) <= names
