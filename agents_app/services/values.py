"""What the commands give back: frozen values, as of the moment they were read."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from agents_app.core.events import RecordedEvent
from agents_app.core.status import ENDED, WAITING_FOR_PEOPLE, RunStatus
from agents_app.definitions.registry import registry
from agents_app.exceptions import InvalidArguments, NotFound, UnknownAgent
from agents_app.models import AgentContext, ArchivedRun
from agents_app.selectors.runs import events_after, is_id, one_of

Answer = TypeVar("Answer")
POLL_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Run(Generic[Answer]):
    """One run as of now. `output` is None until it has completed; `error` is (code, message) of a failed one.

    Of a run that was archived (`archived_at`) both are out of the database, and None.
    """

    id: UUID
    agent: str
    status: RunStatus
    version: int
    output: Answer | None
    error: tuple[str, str] | None
    created_at: datetime
    archived_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.status in ENDED

    @property
    def waits_for_people(self) -> bool:
        """Whether only people can go on with it."""
        return self.status in WAITING_FOR_PEOPLE

    @property
    def url(self) -> str:
        """Its page in the admin; empty where there is no admin, and in a script without addresses."""
        if not getattr(settings, "ROOT_URLCONF", None):
            return ""
        try:
            return reverse("admin:agents_app_agentcontext_change", args=[self.id])
        except NoReverseMatch:
            return ""

    def again(self) -> "Run[Answer]":
        """The same run as of now."""
        return cast("Run[Answer]", read_run(self.id))

    def wait(self, timeout: float | None = None) -> "Run[Answer]":
        """A newer Run: when it ended or waits for people, or after `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        run = self.again()
        while not (run.ended or run.waits_for_people) and (until is None or time.monotonic() < until):
            time.sleep(POLL_SECONDS)
            run = run.again()
        return run

    def watch(self, after: int = 0) -> Iterator[RecordedEvent]:
        """Its events from number `after` on, as they come, until it has ended."""
        while True:
            run = self.again()
            events = events_after(self.id, after)
            for event in events:
                after = event.sequence
                yield RecordedEvent(
                    run_id=self.id,
                    agent=self.agent,
                    sequence=event.sequence,
                    type=event.type,
                    at=event.at,
                    data=event.data,
                )
            if run.ended and (after >= run.version or run.archived_at is not None):
                return
            if not events:
                time.sleep(POLL_SECONDS)


def read_run(run_id: Any) -> Run[Any]:
    """The run of this id; of one that was archived, what is known still. Raises NotFound."""
    try:
        return run_of(one_of(AgentContext.objects.select_related("details"), run_id))
    except NotFound:
        entry = ArchivedRun.objects.filter(pk=run_id).first() if is_id(run_id) else None
        if entry is None:
            raise
        return run_of_entry(entry)


def run_of(context: AgentContext) -> Run[Any]:
    """A run from its rows."""
    details = context.details
    return Run(
        id=context.pk,
        agent=context.agent,
        status=RunStatus(context.status),
        version=context.version,
        output=_output(context),
        error=(details.error_code, details.error) if details.error_code else None,
        created_at=details.created_at,
    )


def run_of_entry(entry: ArchivedRun) -> Run[Any]:
    """A run from what stays of it when it is archived."""
    return Run(
        id=entry.pk,
        agent=entry.agent,
        status=RunStatus(entry.status),
        version=entry.version,
        output=None,
        error=None,
        created_at=entry.created_at,
        archived_at=entry.archived_at,
    )


def _output(context: AgentContext) -> Any:
    if context.status != RunStatus.COMPLETED:
        return None
    try:
        return registry.get(context.agent).load_answer(context.details.output)
    except (UnknownAgent, InvalidArguments):
        # The code has changed since; what was answered stays what it was.
        return context.details.output
