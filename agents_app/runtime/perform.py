"""Performing an act: the call of the LLM, of a tool, or of a tool's reconcile. No transaction is open meanwhile."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from django.db import InterfaceError, OperationalError
from pydantic import BaseModel

from agents_app.core.failpoints import failpoint
from agents_app.core.outcomes import Outcome
from agents_app.core.transcript import LLMReply
from agents_app.definitions.agent_definition import AgentDefinition
from agents_app.definitions.reconcile import Happened
from agents_app.definitions.registry import llm_override_for
from agents_app.definitions.tool_context import ToolContext
from agents_app.definitions.tool_spec import ToolSpec
from agents_app.exceptions import AgentsError, LLMError, StaleContext
from agents_app.gate.contexts import tool_context_of
from agents_app.gate.dispatch import full_text
from agents_app.live import publish
from agents_app.llm import LLM, resolve
from agents_app.llm.estimates import with_cost
from agents_app.logs import note_facts
from agents_app.models import AgentContext, ToolCall
from agents_app.runtime import llm_gate
from agents_app.runtime.atomic import RawConnection, call_atomic
from agents_app.runtime.briefing import be_briefed
from agents_app.runtime.budgets import reserve
from agents_app.runtime.engines import Abandoned, Engine
from agents_app.runtime.heartbeat import renew
from agents_app.runtime.held import Act, Held, ReconcileAct, SleepAct, ThinkAct, ToolAct
from agents_app.runtime.isolation import call_in_process
from agents_app.runtime.iterate import Reconciled
from agents_app.runtime.request import build_request, needs_database
from agents_app.runtime.results import Raised, Returned, not_called, raised, returned, timed_out

logger = logging.getLogger("agents_app.runtime")


async def perform(engine: Engine, held: Held, act: Act) -> Any:
    """Do it, and give what `settle` wants: a reply or an LLMError, an Outcome, what reconcile said; for an atomic
    call that has settled itself, the acts that follow."""
    match act:
        case ThinkAct():
            return await think(engine, held, act)
        case ToolAct() if act.tool.is_async:
            return await use_tool(engine, held, act)
        case ToolAct():
            async with engine.room():
                return await use_tool(engine, held, act)
        case ReconcileAct():
            async with engine.room():
                return await reconcile(engine, held, act)
        case SleepAct():
            await asyncio.sleep(act.timeout)
            return None


# The LLM.


async def think(engine: Engine, held: Held, act: ThinkAct) -> LLMReply | LLMError:
    """Ask the LLM for its next turn, and tell the gate in front of it what came of that."""
    outcome: LLMReply | LLMError = LLMError("Cancelled.", code="cancelled")
    try:
        outcome = await _ask(engine, held, act)
    finally:
        if llm_gate.concerned(held, act, outcome):
            await _reported(engine, held, act, outcome)
    return outcome


async def _reported(engine: Engine, held: Held, act: ThinkAct, outcome: LLMReply | LLMError) -> None:
    """A reply is paid for: what cannot be noted of it must not cost it."""
    try:
        await engine.database(llm_gate.report, held, act, outcome)
    except Exception:
        logger.exception("What came of asking an LLM could not be noted.", extra={"run_id": held.run_id})


async def _ask(engine: Engine, held: Held, act: ThinkAct) -> LLMReply | LLMError:
    try:
        held.sent = None
        if held.definition.is_briefed:
            await be_briefed(engine, held)
        # Where nothing has to be read the loop makes it: a thread costs more.
        request = (
            await engine.database(build_request, held, act.permit.llm)
            if needs_database(held)
            else build_request(held, act.permit.llm)
        )
        llm = _llm_of(held.definition, request.llm)
        deltas = _Deltas(held, act)
        if held.claim.budgeted:
            await engine.database(reserve, held, act, request)
        async with asyncio.timeout(held.definition.llm_timeout + llm_gate.GRACE_SECONDS):
            failpoint("llm.asking")
            reply: Any = await llm.respond(request, deltas.add)
            failpoint("llm.answered")
        if not isinstance(reply, LLMReply):
            # An LLM class of the project's own may give anything: whoever settles the turn says so.
            return cast(LLMReply, reply)
        return with_cost(reply, request.llm, needed=held.claim.budgeted)
    except LLMError as error:
        return error
    except StaleContext:
        raise
    except (OperationalError, InterfaceError):
        logger.exception("The LLM could not be asked.", extra={"run_id": held.run_id})
        return LLMError("The database was away when the LLM was to be asked.", code="database_away", transient=True)
    except TimeoutError:
        seconds = held.definition.llm_timeout
        return LLMError(f"The LLM did not answer within {seconds:g} s.", code="timeout", transient=True)
    except AgentsError as error:
        return LLMError(error.message, code=error.code)
    except Exception as error:
        logger.exception("Asking the LLM failed.", extra={"run_id": held.run_id})
        return LLMError(f"Asking the LLM raised {type(error).__name__}; see the log.", code="llm_raised")


def _llm_of(definition: AgentDefinition, name: str) -> LLM:
    override = llm_override_for(definition.name)
    return override if override is not None and isinstance(override, LLM) else resolve(name)


class _Deltas:
    """Numbers the pieces of a reply and passes them on to whoever watches."""

    def __init__(self, held: Held, act: ThinkAct) -> None:
        self._held = held
        self._act = act
        self._index = 0

    def add(self, text: str) -> None:
        publish.delta(self._held.run_id, step=self._act.number, attempt=self._act.attempt, index=self._index, text=text)
        self._index += 1


# Tools.


async def use_tool(engine: Engine, held: Held, act: ToolAct) -> Outcome | Returned | Raised | list[Act]:
    """Make the call. The lease is checked right before; an abandoned call's context is dead."""
    tool = act.tool
    note_facts(call_id=act.call_id, tool=tool.name)
    try:
        known = known_call(held, act)
        context, text = known if known is not None else await engine.database(read_call, held, act)
    except Exception as error:
        logger.exception("A call could not be read.", extra={"run_id": held.run_id})
        return not_called(error)
    raw = RawConnection()
    try:
        if not held.lease_holds() and not await engine.database(renew, held):
            raise StaleContext("The lease ran out before the call.")
        if held.late(act):
            return not_called(TimeoutError())
        if tool.effect == "atomic":
            return await engine.call(lambda: call_atomic(held, act, context, raw, text), act.timeout, raw.cut)
        arguments = tool.parse(text)
        failpoint("tool.calling", (held, act))
        if tool.isolation == "process":
            return await call_in_process(held, act)
        if tool.is_async:
            value = await _awaited(tool, context, arguments, act.timeout)
        else:
            value = await engine.call(lambda: tool.call(context, arguments), act.timeout, _nothing)
        failpoint("tool.called")
        return Returned(value=value, told=context.told)
    except StaleContext:
        raise
    except Abandoned:
        return timed_out(tool, act.timeout)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        outcome = raised(tool, error, text)
        # What it wrote may be rolled back, or unknown: only who reads can tell what happened all the same.
        return Raised(outcome=outcome, told=context.told) if tool.effect == "read" else outcome
    finally:
        context.close()


async def _awaited(tool: ToolSpec, context: ToolContext, arguments: BaseModel, seconds: float) -> Any:
    """What an async tool returns; Abandoned if its time was over, which a TimeoutError of its own is not."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await tool.call(context, arguments)
    except TimeoutError:
        if limit.expired():
            raise Abandoned from None
        raise


def _nothing() -> None:
    """An abandoned tool thread is left alone."""


def known_call(held: Held, act: ToolAct) -> tuple[ToolContext, str] | None:
    """What `read_call` gives, if nothing has to be read for it."""
    rows = held.rows
    call = rows.call(act.call_id) if rows is not None else None
    if rows is None or call is None or rows.context is None or call.attempt != act.attempt or rows.context.user_id:
        return None
    return _context_of(rows.context, call)


def read_call(held: Held, act: ToolAct | ReconcileAct) -> tuple[ToolContext, str]:
    """The call's context for the tool, and the full canonical text of its arguments."""
    context = AgentContext.objects.select_related("details", "session").get(pk=held.run_id)
    return _context_of(context, ToolCall.objects.get(pk=act.call_id))


def _context_of(context: AgentContext, call: ToolCall) -> tuple[ToolContext, str]:
    about = tool_context_of(
        context,
        tool=call.tool,
        call_id=call.pk,
        idempotency_key=call.idempotency_key,
        attempt=call.attempt,
        deadline=call.deadline_at,
    )
    return about, full_text(call)


async def reconcile(engine: Engine, held: Held, act: ReconcileAct) -> Reconciled:
    """Ask the tool whether a call of unknown outcome happened. Doubt of any kind: it cannot tell."""
    try:
        context, text = await engine.database(read_call, held, act)
    except Exception:
        logger.exception("A call of unknown outcome could not be read.", extra={"run_id": held.run_id})
        return Reconciled(said=None, asked=False)
    question: Callable[[], Any] = lambda: act.tool.reconcile(context, act.tool.parse(text))  # noqa: E731
    try:
        failpoint("reconcile.asking")
        said = await engine.call(question, act.timeout, _nothing)
        failpoint("reconcile.answered")
        if not isinstance(said, Happened):
            return Reconciled(said=said)
        outcome = await engine.database(returned, act.tool, said.result)
        return Reconciled(said=Happened(outcome.result), note=outcome.note)
    except Exception:
        logger.exception("reconcile of %s failed.", act.tool.name, extra={"run_id": held.run_id})
        return Reconciled(said=None)
    finally:
        context.close()
