"""A whole transaction in one message to PostgreSQL: BEGIN, the statements of a change, COMMIT.

What `write.send` does in three messages, where nothing else belongs to the transaction. Who sends one by one looks
after each guarded statement how many rows it matched, and commits or not. Here the server has to know: a guarded
statement divides by that number, so that none is an error and nothing is stored.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.module_loading import import_string

from agents_app.exceptions import StaleContext

MATCHED = b"WITH matched AS (%s RETURNING 1) SELECT 1 / count(*) FROM matched"
NONE_MATCHED = b"22012"
"""The SQLSTATE of a division by zero."""

BEGIN, COMMIT = b"BEGIN", b"COMMIT"


def can_send(connection: BaseDatabaseWrapper) -> bool:
    """Whether the transaction is ours alone, so that it may end here.

    Not where somebody wants to see each statement (`execute_wrapper`, `DEBUG`), nor where the driver begins
    transactions in another way.
    """
    raw: Any = connection.connection
    return (
        len(connection.atomic_blocks) == 1
        and connection.commit_on_exit
        and not connection.needs_rollback
        and not connection.execute_wrappers
        and not connection.queries_logged
        and raw.isolation_level is None
        and raw.read_only is None
        and raw.deferrable is None
    )


def send(connection: BaseDatabaseWrapper, statements: Sequence[tuple[bytes, bool]]) -> None:
    """Have them done and committed; `atomic` finds nothing left to commit. statements: text, and whether it is guarded.

    Raises StaleContext if a guard matched no row, and what the database raises: then nothing is stored; or, if the
    connection was lost meanwhile, perhaps all of it, as with any COMMIT.
    """
    texts = [MATCHED % text if guarded else text for text, guarded in statements]
    raw: Any = connection.connection
    begin = [BEGIN] if raw.pgconn.transaction_status == _idle() else []
    with connection.wrap_database_errors:
        _execute(raw, b"; ".join([*begin, *texts, COMMIT]))


def _execute(raw: Any, text: bytes) -> None:
    result = raw.pgconn.exec_(text)
    if result.status == _done():
        return
    state = result.error_field(_sqlstate())
    if state == NONE_MATCHED:
        raise StaleContext("The run has changed meanwhile.")
    if state is None:  # it is not the server that says so: the connection is lost
        raise import_string("psycopg.OperationalError")(raw.pgconn.get_error_message(raw.info.encoding))
    raise _error_of(result, raw.info.encoding)


@cache
def _idle() -> Any:
    return import_string("psycopg.pq.TransactionStatus").IDLE


@cache
def _done() -> Any:
    return import_string("psycopg.pq.ExecStatus").COMMAND_OK


@cache
def _sqlstate() -> Any:
    return import_string("psycopg.pq.DiagnosticField").SQLSTATE


def _error_of(result: Any, encoding: str) -> Exception:
    error: Exception = import_string("psycopg.errors.error_from_result")(result, encoding)
    return error
