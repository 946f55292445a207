"""What happens inside a process at a failpoint: it is noted, and whoever reaches it first carries out the order.

An order is a file named for a failpoint, and says what to do. `kill` this process; `stop` it (somebody outside lets it
go on). At the two moments of COMMIT the connection is cut: `commit.sending` before it, `commit.sent` right after it,
unheard of whether it was done.
"""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import psycopg
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from psycopg.pq import TransactionStatus

from agents_app.conf import conf
from agents_app.core import failpoints
from agents_app.transitions import at_once
from tests.chaos import diary
from tests.chaos.failpoints import CHANGES

ORDERS = "orders"
_plain_commit = DatabaseWrapper._commit
_plain_execute = at_once._execute
COMMITS = ("commit.sending", "commit.sent")


def listen() -> None:
    """Begin, in this process and those forked from it."""
    failpoints.listen(reached)
    DatabaseWrapper._commit = _commit
    at_once._execute = _execute


def order(where: Path, failpoint: str, what: str) -> None:
    """Let the next process that comes to this failpoint do `what`."""
    (where / ORDERS / failpoint.replace("/", "@")).write_text(what)


def withdraw(where: Path, failpoint: str) -> None:
    """Nobody need do it any more."""
    (where / ORDERS / failpoint.replace("/", "@")).unlink(missing_ok=True)


def pending(where: Path) -> list[str]:
    """The orders that nobody has carried out yet."""
    return [path.name.replace("@", "/") for path in (where / ORDERS).iterdir()]


def reached(name: str, about: Any) -> None:
    """A failpoint, and with a change one for each of its events."""
    if name == "change.committed" and connections[conf.DATABASE].in_atomic_block:
        return  # inside of an atomic call, whose own commit follows
    _note(name, about)
    for failpoint in (name, *_by_event(name, about)):
        diary.hit(failpoint)
        obey(failpoint)


def _by_event(name: str, about: Any) -> list[str]:
    if name not in CHANGES:
        return []
    return [f"{CHANGES[name]}/{event}" for event in dict.fromkeys(str(kind) for kind, _ in about._events)]


def _note(name: str, about: Any) -> None:
    """What the verdict wants to know of who held which run when."""
    if name == "claim.committed":
        for claim in about:
            diary.write("claimed", run=claim.run_id, claim=claim.number)
    elif name in ("tool.calling", "atomic.calling"):
        held, act = about
        diary.write("checked", run=held.run_id, claim=held.claim.number, call=act.call_id, attempt=act.attempt)
    elif CHANGES.get(name) == "committed":
        diary.write("changed", run=about.context.pk, version=about.context.version, claim=about.claim)


def obey(failpoint: str) -> None:
    """Carry out the order for this failpoint, if there is one and nobody else took it."""
    what = _take(failpoint)
    if what is None:
        return
    diary.write("obeyed", failpoint=failpoint, what=what)
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)


def _take(failpoint: str) -> str | None:
    path = diary.home() / ORDERS / failpoint.replace("/", "@")
    taken = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        path.rename(taken.parent.parent / "taken" / taken.name)
    except OSError:
        return None
    return (taken.parent.parent / "taken" / taken.name).read_text()


def _commit(self: DatabaseWrapper) -> None:
    """Django's, with the connection cut before or after COMMIT is sent, if so ordered."""
    if self.connection is not None and self.connection.pgconn.transaction_status != TransactionStatus.IDLE:
        with self.wrap_database_errors:
            _cut_if_ordered(self.connection, b"COMMIT")
    _plain_commit(self)


def _execute(raw: Any, text: bytes) -> None:
    """The same where COMMIT is in one message with what it commits."""
    _cut_if_ordered(raw, text)
    _plain_execute(raw, text)


def _cut_if_ordered(raw: Any, text: bytes) -> None:
    """The socket is closed; what was sent before arrives."""
    for moment in COMMITS:
        if _take(moment) is not None:
            diary.write("obeyed", failpoint=moment, what="cut")
            if moment == "commit.sent":
                raw.pgconn.send_query(text)
                raw.pgconn.flush()
            raw.pgconn.finish()
            raise psycopg.OperationalError("chaos: the connection was lost during COMMIT")
