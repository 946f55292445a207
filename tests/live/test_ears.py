"""The file that tells of commits on SQLite, used from many threads."""

import sqlite3
import threading
from pathlib import Path

from agents_app.live.ears import _WatchedFile


def test_it_tells_of_commits_by_others(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)
    other.execute("CREATE TABLE t (a)")
    file = _WatchedFile(str(tmp_path / "a.sqlite"))
    before = file.version()
    assert file.version() == before
    other.execute("INSERT INTO t VALUES (1)")
    assert file.version() != before
    file.close()
    other.close()


def test_closing_waits_for_whoever_is_at_it(tmp_path: Path) -> None:
    """Without that the process dies of a segmentation fault now and then."""
    for _ in range(50):
        file = _WatchedFile(str(tmp_path / "a.sqlite"))
        begun, errors = threading.Event(), []

        def look(file: _WatchedFile = file, begun: threading.Event = begun, errors: list[object] = errors) -> None:
            begun.set()
            for _ in range(200):
                try:
                    file.version()
                except Exception as error:
                    errors.append(error)

        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        begun.wait()
        file.close()
        for thread in threads:
            thread.join()
        assert errors == []
        assert file.version() is None
