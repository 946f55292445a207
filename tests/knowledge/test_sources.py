"""Rows of a model as documents: noted with their transaction, accepted by a task, and caught up by a command."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, transaction
from django.test import override_settings
from django.utils import timezone

from agents_app.exceptions import InvalidInput
from agents_app.knowledge import hints, ingesting, source_changes, tasks
from agents_app.knowledge.models import Collection, Document, SourceChange
from agents_app.knowledge.sources import Source, forget_source, keep_all, keep_changed, register_source
from agents_app.knowledge.storage import storage
from agents_app.models import clock
from project.demo.models import Customer, Order

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    """Customers as documents."""
    with override_settings(
        AGENTS_APP={**settings.AGENTS_APP, "KNOWLEDGE_FOLDER": str(tmp_path / "store"), "EXECUTOR": "django_q2"}
    ):
        yield register_source(
            Customer,
            fields=["name", "email"],
            collection="people",
            metadata=lambda row: {"domain": row.email.partition("@")[2]},
            rows=lambda: Customer.objects.exclude(name="Hidden"),
        )
        forget_source(Customer)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The hints for tasks."""
    found: list[tuple[str, ...]] = []
    monkeypatch.setattr(hints, "_async_task", lambda *given, **options: found.append(given))
    return found


def noted() -> list[str]:
    return list(SourceChange.objects.order_by("pk").values_list("key", flat=True))


def contents() -> dict[str, str]:
    return {row.key: row.title for row in Document.objects.order_by("key")}


def test_rows_are_noted_with_their_transaction_and_accepted_by_a_task(
    source: Source, django_capture_on_commit_callbacks: Any, sent: list[tuple[str, ...]]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ada = Customer.objects.create(name="Ada", email="ada@example.com")
        ada.name = "Ada L."
        ada.save()
        bob = Customer.objects.create(name="Bob", email="bob@example.com")
        with transaction.atomic():
            Customer.objects.create(name="Never", email="never@example.com")
            transaction.set_rollback(True)
        assert noted() == [str(ada.pk), str(ada.pk), str(bob.pk)]
        assert sent == []
    assert contents() == {}, "who saves has nothing stored, read or embedded"
    assert [each[:2] for each in sent] == [(hints.KEEP, "shop.Customer")], "one hint for a transaction"
    tasks.keep_source("shop.Customer")
    assert contents() == {f"shop.customer:{ada.pk}": "Ada L.", f"shop.customer:{bob.pk}": "Bob"}
    assert noted() == []
    document = Document.objects.get(title="Bob")
    assert (document.metadata, document.source, document.revision) == ({"domain": "example.com"}, "shop.Customer", 1)
    with storage().open(str(document.file)) as file:
        assert file.read().decode() == "Name: Bob\n\nEmail: bob@example.com"
    bob.delete()
    ada.name = "Hidden"
    ada.save()
    tasks.keep_source("shop.Customer")
    assert contents() == {}
    assert not Collection.objects.get(name="people").public


def test_a_row_saved_again_after_a_rolled_back_savepoint_is_noted(
    source: Source, django_capture_on_commit_callbacks: Any, sent: list[tuple[str, ...]]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ada = Customer(name="Ada", email="ada@example.com")
        with transaction.atomic():
            ada.save()
            transaction.set_rollback(True)
        ada.pk = None
        ada.save(force_insert=True)
    assert noted() == [str(ada.pk)]
    assert len(sent) == 1


def test_what_was_noted_when_a_process_died_is_found_by_the_sweep(source: Source, sent: list[tuple[str, ...]]) -> None:
    Customer.objects.create(name="Ada", email="ada@example.com")  # its hint is lost: nothing is committed here
    assert sent == []
    tasks.recover()
    assert [each[:2] for each in sent] == [(hints.KEEP, "shop.Customer")]
    SourceChange.objects.create(source="gone.Model", key="1", due_at=timezone.now())
    with source_changes.holding("shop.Customer"):
        sent.clear()
        tasks.recover()
        tasks.keep_source("shop.Customer")
        tasks.keep_source("gone.Model")
        assert sent == [], "somebody is at it; a model that this process does not know is left to others"
    assert contents() == {}
    out = io.StringIO()
    call_command("agents_ingest", collection="people", create=True, stdout=out)
    assert "1 document in people" in out.getvalue(), "the command does what waits"
    assert list(contents().values()) == ["Ada"]


def test_one_row_that_is_not_accepted_stops_no_other_and_is_tried_again(
    source: Source, sent: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Ada", "Bad", "Cleo"):
        Customer.objects.create(name=name, email=f"{name}@example.com")
    taken = ingesting.ingest

    def ingest(*given: Any, **named: Any) -> Any:
        return 1 / 0 if named["title"] == "Bad" else taken(*given, **named)

    monkeypatch.setattr("agents_app.knowledge.sources.ingest", ingest)
    tasks.keep_source("shop.Customer")
    assert list(contents().values()) == ["Ada", "Cleo"]
    [left] = SourceChange.objects.all()
    assert "ZeroDivisionError" in left.error
    out = io.StringIO()
    call_command("agents_ingest", stdout=out)
    assert "1 changed row still to be done." in out.getvalue()
    assert "ZeroDivisionError" in out.getvalue()
    monkeypatch.undo()
    with clock.moved(timedelta(minutes=2)):
        tasks.keep_source("shop.Customer")
    assert list(contents().values()) == ["Ada", "Bad", "Cleo"]
    assert noted() == []


def test_who_saves_is_not_troubled(source: Source, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def refuse(**values: Any) -> None:
        raise OperationalError("no such table")

    monkeypatch.setattr(SourceChange.objects, "create", refuse)
    ada = Customer.objects.create(name="Ada", email="ada@example.com")
    assert Customer.objects.filter(pk=ada.pk).exists()
    assert "could not be noted" in caplog.text


def test_a_slice_that_is_over_leaves_the_rest_to_the_next(source: Source, sent: list[tuple[str, ...]]) -> None:
    for number in range(3):
        Customer.objects.create(name=f"C{number}", email=f"c{number}@example.com")
    assert not keep_changed(source, seconds=-1)
    assert len(contents()) == 1
    assert [each[:2] for each in sent] == [(hints.KEEP, "shop.Customer")]
    assert keep_changed(source)
    assert len(contents()) == 3


def test_what_sent_no_signal_is_caught_up(source: Source) -> None:
    Customer.objects.bulk_create(Customer(name=f"C{n}", email=f"c{n}@example.com") for n in range(5))
    assert len(list(keep_all(source))) == 5
    Customer.objects.filter(name="C1").update(name="Changed")
    Customer.objects.filter(name="C2").delete()
    out = io.StringIO()
    call_command("agents_ingest", source="shop.customer", collection="people", stdout=out)
    assert "4 documents in people: 0 added, 1 changed, 3 unchanged." in out.getvalue()
    assert sorted(contents().values()) == ["C0", "C3", "C4", "Changed"]
    assert set(Document.objects.values_list("state", flat=True)) == {"ready"}


def test_rows_are_read_in_batches(source: Source, django_assert_max_num_queries: Any) -> None:
    Customer.objects.bulk_create(Customer(name=f"C{n}", email=f"c{n}@example.com") for n in range(50))
    list(keep_all(source))
    with django_assert_max_num_queries(14 + 2 * 50):
        assert {str(each) for each in keep_all(source)} == {"unchanged"}


def test_wrong_declarations(source: Source) -> None:
    with pytest.raises(InvalidInput, match="nothing"):
        register_source(Order, fields=["nothing"], collection="x")
    with pytest.raises(InvalidInput):
        register_source(Order, fields=[], collection="x")
    with pytest.raises(CommandError, match=r"shop\.Order is no source; these are: shop\.Customer\."):
        call_command("agents_ingest", source="shop.Order", collection="people", create=True)
