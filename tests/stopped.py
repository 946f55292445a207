"""A database clock that stands still: for tests of intervals that end within seconds of the time that is tried."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from agents_app.models import database_now, prepared
from agents_app.models.clock import DatabaseNow, clock, timezone


@contextmanager
def stopped_clock() -> Iterator[None]:
    """Rows' time moves by `move_time` alone while it lasts, however long the machine takes for what is inside."""
    moment = database_now() - clock.offset

    def of_host(self: Any) -> datetime:
        return moment + clock.offset

    def as_postgresql(self: Any, compiler: Any, connection: Any, **extra: Any) -> Any:
        return f"('{(moment + clock.offset).isoformat()}'::timestamptz)", []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseNow, "of_host", of_host)
        patch.setattr(DatabaseNow, "as_postgresql", as_postgresql)
        patch.setattr(timezone, "now", lambda: moment)  # what SQLite's clock is
        prepared.forget()
        yield
    prepared.forget()
