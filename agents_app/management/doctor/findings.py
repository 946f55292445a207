"""What the doctor says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at. `advice`: what to do, for everything but OK."""

    subject: str
    level: Level
    text: str
    advice: str = ""


Examination = Callable[[], Iterable[Finding]]


def ok(subject: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(subject=subject, level=Level.OK, text=text)


def warning(subject: str, text: str, advice: str) -> Finding:
    """Works, but a promise or a comfort is missing."""
    return Finding(subject=subject, level=Level.WARNING, text=text, advice=advice)


def broken(subject: str, text: str, advice: str) -> Finding:
    """Does not work."""
    return Finding(subject=subject, level=Level.BROKEN, text=text, advice=advice)


def examined(subject: str, examination: Examination) -> list[Finding]:
    """What an examination found; one that raises has found something, too."""
    try:
        return list(examination())
    except Exception as error:
        text = f"could not be examined: {type(error).__name__}: {error}"
        return [broken(subject, text, "Mend this first; then call the doctor again.")]
