"""The handler of a function on AWS Lambda.

Events: `{"action": "start", "agent": …, "input": …}` with `user` and `idempotency_key` as one likes,
`{"action": "continue", "run_id": …}` from the executor, `{"action": "sweep"}` from a schedule of EventBridge.
"""

import logging
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db import connections
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agents_app.definitions.validation import at_place
from agents_app.exceptions import InvalidInput, NotFound
from agents_app.live import publish
from agents_app.runtime import drive, recovery
from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.runtime.shutdown import replaced
from agents_app.runtime.telling import leave
from agents_app.selectors.people import user_named
from agents_app.services import SYSTEM, Run, start_run

logger = logging.getLogger("agents_app.aws_lambda")

MARGIN_SECONDS = 3.0
"""What is left of an invocation for giving the run back and closing connections."""
LEAST_SECONDS = 1.0
"""With less time than that nothing is begun."""

EXPECTED = (
    '{"action": "start", "agent": …, "input": …} (and user, idempotency_key), {"action": "continue", "run_id": …} '
    'or {"action": "sweep"}'
)


class Event(BaseModel):
    """Base of the events: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Start(Event):
    """Accept a run. idempotency_key: by default the invocation's, which is the same when Lambda delivers it again."""

    action: Literal["start"]
    agent: str
    input: str
    user: str | None = None
    idempotency_key: str | None = None


class Continue(Event):
    """Drive this run for the time that the invocation has."""

    action: Literal["continue"]
    run_id: UUID


class Sweep(Event):
    """Invoke for every run that is due and that nobody works on."""

    action: Literal["sweep"]


EVENTS: TypeAdapter[Start | Continue | Sweep] = TypeAdapter(
    Annotated[Start | Continue | Sweep, Field(discriminator="action")]
)


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Act on one event. What it returns is read by those alone who invoke synchronously.

    Raises InvalidInput, NotFound and UnknownAgent for events that cannot be used: Lambda then delivers them again and
    puts them where its dead letters go.
    """
    try:
        match _checked(event):
            case Start() as start:
                return _start(start, context)
            case Continue(run_id=run_id):
                return _continue(run_id, context)
            case Sweep():
                found = recovery.sweep()
                return {"due": found.due, "stale_leases": found.stale_leases, "hinted": len(found.hinted)}
    finally:
        _close()


def _checked(event: Any) -> Start | Continue | Sweep:
    try:
        return EVENTS.validate_python(event)
    except ValidationError as error:
        # The first part of the place is the action.
        faults = "; ".join(at_place(fault["loc"][1:], fault["msg"]) for fault in error.errors(include_url=False))
        raise InvalidInput(f"This event cannot be used: {faults}. Expected is {EXPECTED}.") from None


def _start(event: Start, context: Any) -> dict[str, Any]:
    user = None
    if event.user is not None and (user := user_named(event.user)) is None:
        raise NotFound(f"There is no user {event.user!r}.")
    key = event.idempotency_key or f"lambda:{context.aws_request_id}"
    run: Run[Any] = start_run(event.agent, event.input, user=user, idempotency_key=key, by=SYSTEM)
    return {"run_id": str(run.id), "status": str(run.status)}


def _continue(run_id: UUID, context: Any) -> dict[str, Any]:
    replaced.set()  # Lambda starts another process when this one ends
    seconds = context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS
    if seconds < LEAST_SECONDS:
        logger.error("The function's timeout is too short for an iteration.", extra={"run_id": run_id})
        return {"run_id": str(run_id)}
    drive.continue_run(str(run_id), seconds=seconds)
    return {"run_id": str(run_id)}


def _close() -> None:
    """The process is frozen now, for any time: what it has told must be out, and no connection may rot meanwhile."""
    heartbeat.join()
    leave()
    close_engine()
    publish.shutdown()
    connections.close_all()
