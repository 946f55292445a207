"""One clock: the database's; tests move it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F
from django.test import override_settings
from django.utils import timezone

from agents_app.models import AgentContext, DatabaseNow, as_stored, clock, database_now, seconds_from_now
from tests.models import rows

pytestmark = pytest.mark.django_db


def read(expression: DatabaseNow) -> datetime:
    moment: datetime = AgentContext.objects.annotate(moment=expression).values_list("moment", flat=True)[0]
    return moment


def test_it_is_now_and_aware() -> None:
    rows.context()
    for moment in (read(DatabaseNow()), database_now()):
        assert abs(moment - timezone.now()) < timedelta(seconds=60)


def test_it_is_moved_and_moved_back_and_moves_add_up() -> None:
    rows.context()
    with clock.moved(timedelta(hours=1)), clock.moved(timedelta(hours=2)):
        for moment in (read(DatabaseNow()), database_now()):
            assert abs(moment - timezone.now() - timedelta(hours=3)) < timedelta(seconds=60)
        assert abs(read(seconds_from_now(60)) - read(DatabaseNow()) - timedelta(minutes=1)) < timedelta(seconds=20)
    assert clock.offset == timedelta(0)


def test_a_moved_clock_that_broke_is_put_back() -> None:
    with pytest.raises(ValueError, match="x"), clock.moved(timedelta(hours=1)):
        raise ValueError("x")
    assert clock.offset == timedelta(0)


def test_rows_are_compared_and_written_by_it() -> None:
    context = rows.context(due_at=timezone.now() + timedelta(minutes=30))
    assert not AgentContext.objects.due().exists()
    with clock.moved(timedelta(hours=1)):
        assert AgentContext.objects.due().get() == context
        AgentContext.objects.update(due_at=seconds_from_now(10))
    context.refresh_from_db()
    assert context.due_at is not None
    assert timedelta(minutes=59) < context.due_at - timezone.now() < timedelta(minutes=61)
    assert not AgentContext.objects.filter(due_at__lt=F("status_at")).exists()


def test_moments_in_the_form_of_the_rows() -> None:
    aware, naive = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1)  # noqa: DTZ001 - that is the case
    assert as_stored(aware) == aware
    assert as_stored(naive) == timezone.make_aware(naive)
    with override_settings(USE_TZ=False):
        assert as_stored(naive) == naive
        assert as_stored(aware) == datetime(2026, 1, 1, 5, 30)  # noqa: DTZ001 - Asia/Kolkata
