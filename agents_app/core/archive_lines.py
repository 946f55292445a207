"""What an archive holds, as lines of JSON: a header, each run's line followed by its rows, and a line at the end.

Read again by any later release: fields that are gone are left out, new ones take their default. `FORMAT` grows when
the lines themselves change; a release reads its own format and all before.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from agents_app.exceptions import BrokenArchive

FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRow:
    """A row of the table `model`, its values by the names of their columns, as JSON."""

    model: str
    values: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRun:
    """All rows of a run, those that others refer to first."""

    id: UUID
    version: int
    rows: tuple[StoredRow, ...]

    def with_rows(self, rows: Iterable[StoredRow], version: int) -> "StoredRun":
        """The same run with other rows."""
        return replace(self, rows=tuple(rows), version=version)


def archive_lines(archive: UUID, made_at: str, runs: Iterable[StoredRun]) -> Iterator[bytes]:
    """The lines of an archive."""
    count = 0
    yield _line({"archive": str(archive), "format": FORMAT, "made_at": made_at})
    for run in runs:
        count += 1
        yield _line({"run": str(run.id), "version": run.version, "rows": len(run.rows)})
        for row in run.rows:
            yield _line({"model": row.model, "values": row.values})
    yield _line({"end": str(archive), "runs": count})


def runs_of_archive(lines: Iterable[bytes], archive: UUID) -> Iterator[StoredRun]:
    """The runs in these lines. Raises BrokenArchive if they are not exactly what `archive_lines` made."""
    given = iter(lines)
    _check_header(_next(given), archive)
    count = 0
    while True:
        line = _next(given)
        if "end" in line:
            break
        count += 1
        yield _run(line, given)
    if (line["end"], line.get("runs")) != (str(archive), count) or next(given, None) is not None:
        raise BrokenArchive(f"The end of archive {archive} does not fit the rest of it.")


def _check_header(line: dict[str, Any], archive: UUID) -> None:
    if line.get("archive") != str(archive):
        raise BrokenArchive(f"This file is not archive {archive}.")
    number = line.get("format")
    if not isinstance(number, int) or number > FORMAT:
        raise BrokenArchive(
            f"Archive {archive} has format {number}: a newer release wrote it; this one reads {FORMAT}."
        )


def _run(line: dict[str, Any], rest: Iterator[bytes]) -> StoredRun:
    try:
        rows = [_next(rest) for _ in range(line["rows"])]
        stored = tuple(StoredRow(model=row["model"], values=row["values"]) for row in rows)
        return StoredRun(id=UUID(line["run"]), version=int(line["version"]), rows=stored)
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenArchive("A run in the archive cannot be read.") from error


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _next(lines: Iterator[bytes]) -> dict[str, Any]:
    try:
        value = json.loads(next(lines))
    except StopIteration:
        raise BrokenArchive("The archive ends in the middle.") from None
    except ValueError as error:
        raise BrokenArchive("A line of the archive is not JSON.") from error
    if not isinstance(value, dict):
        raise BrokenArchive("A line of the archive is not an object.")
    return value
