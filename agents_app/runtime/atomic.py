"""Calls of `atomic` tools: the tool's writes and the record of its outcome commit together, or not at all.

The one exception to "no transaction is open during a call".
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import OperationalError, connections, transaction

from agents_app.conf import conf
from agents_app.core.failpoints import failpoint
from agents_app.core.outcomes import Ending, Outcome
from agents_app.definitions.tool_context import ToolContext
from agents_app.exceptions import StaleContext, ToolFailed
from agents_app.gate.dispatch import full_text, precondition, row_checks
from agents_app.models import ApprovalRequest, ToolCall, database_now
from agents_app.runtime.held import Act, Held, ToolAct
from agents_app.runtime.iterate import settle
from agents_app.runtime.results import Returned, raised

logger = logging.getLogger("agents_app.runtime")

TRIES = 3
"""How often a serialization failure is tried again."""

READS = ("SELECT", "WITH", "EXPLAIN", "SET", "SHOW", "PRAGMA", "SAVEPOINT", "RELEASE", "ROLLBACK")


class RawConnection:
    """The connection of a running atomic call, so that the driving thread can close it when time is over."""

    def __init__(self) -> None:
        self.raw: Any = None
        self._over = False

    def use(self, raw: Any) -> None:
        """The transaction has begun on this connection. Raises StaleContext if time is over already."""
        self.raw = raw
        if self._over:
            raise StaleContext("The time of the call was over before its transaction began.")

    def cut(self) -> None:
        """Roll back whatever the abandoned thread did, and let its later statements fail."""
        self._over = True
        if self.raw is None:
            return
        try:
            getattr(self.raw, "interrupt", lambda: None)()
            self.raw.close()
        except Exception:
            logger.exception("The connection of an abandoned atomic call could not be closed.")


def call_atomic(
    held: Held, act: ToolAct, context: ToolContext, raw: RawConnection, text: str = ""
) -> list[Act] | Outcome:
    """Make the call and settle it in one transaction: the acts that follow; or, rolled back, the failure to settle.

    text: its arguments, so that an error quotes nothing that is sensitive.
    """
    for tried in range(1, TRIES + 1):
        try:
            return _attempt(held, act, context, raw)
        except StaleContext:
            raise
        except _GateRefused as refusal:
            return Outcome(ending=Ending.GATE_REFUSED, code="gate", message=str(refusal))
        except OperationalError as error:
            if tried == TRIES or not _serialization_failure(error):
                return raised(act.tool, error, text)
        except Exception as error:
            return raised(act.tool, error, text)
    raise AssertionError("unreachable")


class _GateRefused(ToolFailed):
    """The row checks or the precondition failed inside the transaction."""


def _attempt(held: Held, act: ToolAct, context: ToolContext, raw: RawConnection) -> list[Act]:
    try:
        return _once(held, act, context, raw)
    except BaseException:
        held.rows = None  # what was known of them may be rolled back
        raise


def _once(held: Held, act: ToolAct, context: ToolContext, raw: RawConnection) -> list[Act]:
    connection = connections[conf.DATABASE]
    with transaction.atomic(using=conf.DATABASE, durable=True), _other_databases_read_only():
        raw.use(connection.connection)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {int(act.timeout * 1000)}")
        arguments = _checked(act, context)
        failpoint("atomic.calling", (held, act))
        value = act.tool.call(context, arguments)
        failpoint("atomic.called")
        acts = settle(held, act, Returned(value=value, told=context.told), durable=False)
        failpoint("atomic.settled")
    failpoint("atomic.committed")
    return acts


def _checked(act: ToolAct, context: ToolContext) -> Any:
    """The row checks and the precondition once more, seeing what the tool will see."""
    call = ToolCall.objects.get(pk=act.call_id)
    request = ApprovalRequest.objects.filter(call=call, status="approved").first()
    arguments = act.tool.parse(full_text(call))
    doubt = row_checks(call, request, database_now())
    if doubt is not None:
        raise _GateRefused(doubt)
    refusal = precondition(act.tool, context, arguments)
    if refusal is not None:
        raise _GateRefused(refusal.reason)
    return arguments


@contextmanager
def _other_databases_read_only() -> Iterator[None]:
    """Writes elsewhere would survive the rollback."""
    with ExitStack() as stack:
        for alias in connections:
            if alias != conf.DATABASE:
                stack.enter_context(connections[alias].execute_wrapper(_refuse_writes))
        yield


def _refuse_writes(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    if not sql.lstrip().upper().startswith(READS):
        alias = context["connection"].alias
        raise ToolFailed(f"An atomic tool may write to the database {conf.DATABASE!r} only, not to {alias!r}.")
    return execute(sql, params, many, context)


def _serialization_failure(error: OperationalError) -> bool:
    state = getattr(error.__cause__, "sqlstate", "") or ""
    return state in ("40001", "40P01")
