"""Lines of an archive: written, read again, and refused when anything about them is wrong."""

from uuid import UUID, uuid4

import pytest

from agents_app.core.archive_lines import FORMAT, StoredRow, StoredRun, archive_lines, runs_of_archive
from agents_app.exceptions import BrokenArchive

ARCHIVE = UUID(int=1)
RUNS = [
    StoredRun(
        id=UUID(int=number),
        version=number,
        rows=(StoredRow(model="agentcontext", values={"agent": "Ü\n", "n": 1}), StoredRow(model="x", values={})),
    )
    for number in (7, 8)
]


def lines() -> list[bytes]:
    return list(archive_lines(ARCHIVE, "2026-01-01T00:00:00", RUNS))


def test_what_was_written_is_read() -> None:
    assert list(runs_of_archive(lines(), ARCHIVE)) == RUNS
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines())
    assert list(runs_of_archive(archive_lines(ARCHIVE, "", []), ARCHIVE)) == []


@pytest.mark.parametrize("missing", range(len(lines())))
def test_a_missing_line_is_noticed(missing: int) -> None:
    given = lines()
    del given[missing]
    with pytest.raises(BrokenArchive):
        list(runs_of_archive(given, ARCHIVE))


@pytest.mark.parametrize("end", range(len(lines())))
def test_an_archive_that_ends_in_the_middle_is_noticed(end: int) -> None:
    with pytest.raises(BrokenArchive):
        list(runs_of_archive(lines()[:end], ARCHIVE))


@pytest.mark.parametrize("line", [b"[]\n", b"{\n", b'{"run":"x","version":1,"rows":0}\n', b'{"run":1}\n'])
def test_a_strange_line_is_noticed(line: bytes) -> None:
    with pytest.raises(BrokenArchive):
        list(runs_of_archive([lines()[0], line, *lines()[1:]], ARCHIVE))
    with pytest.raises(BrokenArchive):
        list(runs_of_archive([*lines(), line], ARCHIVE))


def test_another_archive_or_a_newer_format_is_refused() -> None:
    with pytest.raises(BrokenArchive, match="is not archive"):
        list(runs_of_archive(lines(), uuid4()))
    newer = [lines()[0].replace(f'"format":{FORMAT}'.encode(), b'"format":99'), *lines()[1:]]
    with pytest.raises(BrokenArchive, match="newer release"):
        list(runs_of_archive(newer, ARCHIVE))
