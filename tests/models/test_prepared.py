"""Reads that are compiled once."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, models
from django.db.models.sql.compiler import SQLCompiler

from agents_app.models import AgentContext, AgentSession, Bound, DatabaseNow, Prepared, clock, database_now, read_once
from agents_app.services import start_run
from tests import office
from tests.office import Clerk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("agents")]


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


def of_id() -> Prepared[AgentContext]:
    return Prepared(
        lambda: (
            AgentContext.objects.filter(pk=Bound("run_id", models.UUIDField()))
            .annotate(now=DatabaseNow())
            .select_related("details", "session")
        )
    )


def test_it_reads_what_the_queryset_reads(django_assert_num_queries: Any) -> None:
    first, second = start_run(Clerk, "x", session="a"), start_run(Clerk, "y")
    read = of_id()
    with django_assert_num_queries(2):
        (one,), (other,) = read(run_id=first.id), read(run_id=second.id)
        assert one.session is not None
        assert (one.details.input, one.session.key, other.details.input, other.session) == ("x", "a", "y", None)
    assert read(run_id=uuid4()) == []
    whole = AgentContext.objects.select_related("details").get(pk=first.id)
    for field in AgentContext._meta.concrete_fields:
        assert getattr(one, field.attname) == getattr(whole, field.attname), field.name


def test_it_compiles_once_for_each_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    as_sql = SQLCompiler.as_sql
    monkeypatch.setattr(SQLCompiler, "as_sql", lambda *a, **k: compiled.append(a[0]) or as_sql(*a, **k))
    runs = sorted((start_run(Clerk, "x") for _ in range(3)), key=lambda run: run.id)
    read = Prepared(lambda most: AgentContext.objects.order_by("id")[:most])
    compiled.clear()
    for _ in range(3):
        assert [row.pk for row in read(2)] == [run.id for run in runs[:2]]
    assert len(compiled) == 1
    assert len(read(3)) == 3
    assert len(compiled) == 2


def test_what_was_read_is_read_anew() -> None:
    run, read = start_run(Clerk, "x"), of_id()
    (before,) = read(run_id=run.id)
    AgentContext.objects.filter(pk=run.id).update(hints=7)
    (after,) = read(run_id=run.id)
    assert (before.hints, after.hints) == (0, 7)


def test_time_goes_on_and_can_be_moved() -> None:
    run, read = start_run(Clerk, "x"), of_id()
    first, second = (read(run_id=run.id)[0].now for _ in range(2))  # type: ignore[attr-defined]
    assert first < second <= database_now()
    with clock.moved(timedelta(days=1)):
        (row,) = read(run_id=run.id)
    assert row.now - second > timedelta(hours=23)  # type: ignore[attr-defined]
    assert read(run_id=run.id)[0].now - second < timedelta(hours=23)  # type: ignore[attr-defined]


def test_several_querysets_are_read_by_one_statement(django_assert_num_queries: Any) -> None:
    runs = [start_run(Clerk, "x", priority=priority).id for priority in ("high", "low", "low")]
    heads = AgentContext.objects.annotate(now=DatabaseNow()).heads(1)
    read = Prepared(lambda: AgentContext.objects.annotate(now=DatabaseNow()).heads(1))
    with django_assert_num_queries(2):
        for found in (read_once(heads), read()):
            assert {row.pk for row in found} == set(runs[:2])
    assert {type(row.now) for row in read()} == {type(database_now())}  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
def test_each_thread_has_its_own() -> None:
    start_run(Clerk, "x", session="a")
    read: Prepared[AgentSession] = Prepared(lambda: AgentSession.objects.all())
    found: list[list[AgentSession]] = [read()]

    def other() -> None:
        found.append(read())
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    thread.join(30)
    assert [[row.key for row in rows] for rows in found] == [["a"], ["a"]]
