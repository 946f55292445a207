"""Moments as callers give them: within the calendar, and with an offset that databases know."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

LARGEST_OFFSET = timedelta(hours=16)
"""PostgreSQL takes only smaller ones; on earth there are none beyond 14 hours."""


def _storable(moment: datetime) -> datetime:
    offset = moment.utcoffset()
    if offset is not None and abs(offset) >= LARGEST_OFFSET:
        raise ValueError("the offset from UTC is less than 16 hours")
    # At the edge of the calendar a moment cannot be told in every time zone.
    if not 1 < moment.year < 9999:
        raise ValueError("that is not within our calendar")
    return moment


GivenMoment = Annotated[AwareDatetime, AfterValidator(_storable)]
"""What bodies and frames say of a moment. Whatever else is not so is refused by the field's name."""
