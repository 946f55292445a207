"""The diary: what processes did, in a file that outlives them. One line per entry, written at once."""

import json
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

HOME = "AGENTS_CHAOS_HOME"
"""The directory of this chaos: diary, hits, orders, what was acted on."""


def home() -> Path:
    """Where this chaos keeps what outlives its processes."""
    return Path(os.environ[HOME])


RELEASED = "released"
"""The file that says that processes which start now run the second release of the agents' code."""


def release() -> int:
    """Which release this process runs."""
    return 2 if HOME in os.environ and (home() / RELEASED).exists() else 1


def write(kind: str, **facts: Any) -> None:
    """Note a fact, with this process and the monotonic moment, which all processes of a machine share."""
    line = json.dumps({"kind": kind, "pid": os.getpid(), "t": time.monotonic(), **facts}, default=str)
    _append(home() / "diary", line)


def hit(failpoint: str) -> None:
    """Note that a failpoint was reached."""
    _append(home() / "hits", f"{failpoint} {os.getpid()} {time.monotonic():.3f}")


def _append(path: Path, line: str) -> None:
    # One write with O_APPEND: lines of several processes never mix, and a killed writer leaves all of it or nothing.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode() + b"\n")
    finally:
        os.close(file)


def act_once(key: str) -> bool:
    """What a receiver of idempotent calls does: True the first time that it sees this key."""
    try:
        file = os.open(home() / "acted" / key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    os.write(file, b"acted\n")
    os.close(file)
    return True


def act(key: str) -> None:
    """An effect that is not recognised when it comes again."""
    _append(home() / "acted" / key, "acted")


def has_acted(key: str) -> bool:
    """What a receiver says who is asked later."""
    return (home() / "acted" / key).exists()


def effects(where: Path, key: str) -> int:
    """How often an effect with this key took place."""
    path = where / "acted" / key
    return path.read_text().count("\n") if path.exists() else 0


def read(where: Path) -> dict[str, list[dict[str, Any]]]:
    """All entries by kind, in the order in which they were written."""
    entries: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in Follower(where / "diary").new():
        entry = json.loads(line)
        entries[entry["kind"]].append(entry)
    return entries


class Follower:
    """Gives what was written to a file since the last time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def new(self) -> list[str]:
        """The whole lines that are new."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.decode().splitlines()
