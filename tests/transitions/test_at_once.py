"""A transaction in one message: all of it or nothing, and only where it is ours alone."""

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from agents_app.core.status import StepKind, StepStatus
from agents_app.exceptions import StaleContext
from agents_app.models import AgentContext, AgentStep
from agents_app.models.fields import uuid7
from agents_app.services import start_run
from agents_app.testing import AgentsKit
from agents_app.transitions import at_once
from agents_app.transitions.write import Statement, inserts, send, update
from tests import office
from tests.office import Clerk
from tests.scenarios.meanwhile import elsewhere

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql_only]


@pytest.fixture
def context(agents: AgentsKit) -> AgentContext:
    agents.scripted_llm(Clerk, "Done.")
    return office.context_of(start_run(Clerk, "x"))


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was sent as a whole transaction."""
    sent: list[bytes] = []
    execute = at_once._execute

    def note(raw: Any, text: bytes) -> None:
        sent.append(text)
        execute(raw, text)

    monkeypatch.setattr(at_once, "_execute", note)
    return sent


def some(context: AgentContext, **guard: Any) -> list[Statement]:
    """A guarded update, and a row."""
    moments = {"status_at": context.status_at, "started_at": context.status_at}
    step = AgentStep(context=context, number=1, kind=StepKind.THINK, status=StepStatus.COMPLETED, **moments)
    context.hints = 9
    return [update(context, ["hints"], guard or {"version": context.version}, "lost"), *inserts([step])]


def stored(context: AgentContext) -> tuple[int, int]:
    return AgentContext.objects.get(pk=context.pk).hints, AgentStep.objects.filter(context=context).count()


def test_it_is_committed_when_the_message_was_sent(context: AgentContext, messages: list[bytes]) -> None:
    told: list[object] = []
    with transaction.atomic():
        transaction.on_commit(lambda: told.append(elsewhere(lambda: stored(context))))
        send(some(context), last=True)
        assert elsewhere(lambda: stored(context)) == (9, 1)
        assert told == []
    assert told == [(9, 1)]
    assert len(messages) == 1
    assert messages[0].startswith(b"BEGIN; WITH matched AS (UPDATE")
    assert messages[0].endswith(b"; COMMIT")


def test_a_guard_that_matches_no_row_leaves_nothing(context: AgentContext, messages: list[bytes]) -> None:
    with pytest.raises(StaleContext), transaction.atomic():
        send(list(reversed(some(context, version=77))), last=True)
    assert len(messages) == 1
    assert stored(context) == (0, 0)
    with transaction.atomic():  # and the connection is as good as before
        send(some(context), last=True)
    assert stored(context) == (9, 1)


def test_an_error_is_the_databases_own_and_leaves_nothing(context: AgentContext, messages: list[bytes]) -> None:
    (changed, row), (_, same) = some(context), some(context)
    with pytest.raises(IntegrityError, match="unique"), transaction.atomic():
        send([changed, row, same], last=True)
    assert len(messages) == 1
    assert stored(context) == (0, 0)


def test_what_the_database_finds_at_the_commit_is_an_error_too(context: AgentContext, messages: list[bytes]) -> None:
    """Foreign keys are looked at then."""
    context.pk = uuid7()  # which there is not
    (row,) = some(context)[1:]
    with pytest.raises(IntegrityError, match="foreign key"), transaction.atomic():
        send([row], last=True)
    assert len(messages) == 1
    assert not AgentStep.objects.exists()


def test_what_was_sent_before_in_the_transaction_is_committed_with_it(
    context: AgentContext, messages: list[bytes]
) -> None:
    with transaction.atomic():
        AgentContext.objects.filter(pk=context.pk).update(at_limit="before")
        send(some(context), last=True)
    assert not messages[0].startswith(b"BEGIN")
    assert stored(context) == (9, 1)
    assert AgentContext.objects.get(pk=context.pk).at_limit == "before"


def test_a_connection_that_is_lost_is_an_error_and_the_next_is_a_new_one(
    context: AgentContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = at_once._execute

    def cut(raw: Any, text: bytes) -> None:
        raw.pgconn.finish()
        execute(raw, text)

    monkeypatch.setattr(at_once, "_execute", cut)
    with pytest.raises(DatabaseError), transaction.atomic():
        send(some(context), last=True)
    assert stored(context) == (0, 0)


def test_a_transaction_of_somebody_else_is_not_committed(context: AgentContext, messages: list[bytes]) -> None:
    with transaction.atomic():
        with transaction.atomic():
            send(some(context), last=True)
        transaction.set_rollback(True)
    with transaction.atomic():
        send(some(context))
        transaction.set_rollback(True)
    assert (messages, stored(context)) == ([], (0, 0))


def test_who_wants_to_see_each_statement_does(context: AgentContext, messages: list[bytes]) -> None:
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        send(some(context), last=True)
    assert next(query["sql"] for query in queries) == "BEGIN"
    with connection.execute_wrapper(lambda execute, *about: execute(*about)), transaction.atomic():
        send(some(context, version=context.version)[:1], last=True)
    assert (messages, stored(context)) == ([], (9, 1))


def test_a_connection_that_is_lost_is_told_as_such(context: AgentContext) -> None:
    """And not as any error of the database: what is lost is looked for again, on another connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (mine,) = cursor.fetchone()

    def end() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [mine])

    elsewhere(end)
    with pytest.raises(OperationalError), transaction.atomic():
        send(some(context), last=True)
    connection.close()
    assert stored(context) == (0, 0)
