"""Moments that people write: on the command line, in addresses."""

from datetime import datetime

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext

from agents_app.exceptions import InvalidInput
from agents_app.selectors.audit import moment_of


def moment(text: str, option: str) -> datetime:
    """The moment that an option or parameter says: a day or a moment, in the project's time zone.

    Raises InvalidInput.
    """
    try:
        found = parse_datetime(text)
        day = parse_date(text) if found is None else None
    except ValueError as error:
        raise InvalidInput(gettext("%(option)s takes a moment: %(why)s.") % {"option": option, "why": error}) from None
    if found is None and day is not None:
        found = datetime(day.year, day.month, day.day)  # noqa: DTZ001  made aware below
    if found is None:
        text = gettext("%(option)s takes a day or a moment: 2026-12-31 or 2026-12-31T08:00.")
        raise InvalidInput(text % {"option": option})
    try:
        return moment_of(found)
    except OverflowError:
        raise InvalidInput(gettext("%(option)s is too long ago, or too far away.") % {"option": option}) from None
