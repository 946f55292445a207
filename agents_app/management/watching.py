"""A run's events as they come, until it has ended or waits for people."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from agents_app.core.events import EventType
from agents_app.management.console import Console, call_text, status_text, value_text
from agents_app.management.sentences import STYLES, sentence
from agents_app.management.showing import show_rest
from agents_app.models import AgentContext, AgentEvent, AgentStep, ApprovalRequest, InputRequest, ToolCall, database_now
from agents_app.selectors.people import may_view_transcript
from agents_app.selectors.presentation import call_as_dict, event_as_dict, run_as_dict
from agents_app.selectors.runs import events_after
from agents_app.services import Run, read_run
from agents_app.signals import run_changed

POLL_SECONDS = 0.2
NO_WORKER_SECONDS = 5.0
NO_WORKER = (
    "Nobody has taken this run for {seconds:.0f} s. Is a worker running (manage.py agents_cluster)?\n"
    "`manage.py agents_doctor` looks for the cause; `agents_run --here` needs no worker."
)


class Watch:
    """Prints one run's events, each once and in order; safe to call from several threads."""

    def __init__(self, console: Console, run_id: UUID, viewer: Any, *, as_json: bool = False) -> None:
        self.console = console
        self.run_id = run_id
        self.viewer = viewer
        self.as_json = as_json
        self._last = 0
        self._since: datetime | None = None
        self._lock = threading.Lock()

    def tell(self) -> bool:
        """Print what is new; says whether anything was."""
        with self._lock:
            found = False
            while events := events_after(self.run_id, self._last):
                found = True
                for event in events:
                    self._last = event.sequence
                    self._print(event)
            return found

    def until_rest(self, sleep: Callable[[float], None] = time.sleep) -> Run[Any]:
        """Print until the run has ended or waits for people; then how it came to rest."""
        late = 0.0
        warned = False
        while not rests(run := read_run(self.run_id)):
            late = late + POLL_SECONDS if not self.tell() and self._nobody_works() else 0.0
            if late > NO_WORKER_SECONDS and not warned:
                warned = True
                self._warn(late)
            self._progress(run)
            sleep(POLL_SECONDS)
        self.tell()
        self._close()
        return run

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While it lasts, print what this very process does as soon as it is committed."""

        def receive(run_id: UUID, **kwargs: Any) -> None:
            if run_id == self.run_id:
                self.tell()

        run_changed.connect(receive, weak=False)
        try:
            yield
        finally:
            run_changed.disconnect(receive)

    def _print(self, event: AgentEvent) -> None:
        if self.as_json:
            self._print_json(event_as_dict(event))
            return
        self._since = self._since or event.at
        kind = EventType(event.type)
        text = sentence(kind, event.data)
        if text:
            seconds = (event.at - self._since).total_seconds()
            text += self._content(kind, event.data)
            self.console.entry(f"{seconds:8.1f} s  ", text, style=STYLES.get(kind, ""))

    def _content(self, kind: EventType, data: dict[str, Any]) -> str:
        """What an event is about, read from its rows, if the viewer may."""
        context = AgentContext.objects.filter(pk=self.run_id).first()
        if context is None or not may_view_transcript(self.viewer, context):
            return ""
        match kind:
            case EventType.TOOL_CALL_PROPOSED:
                call = self._call(data)
                return call_text("", call["arguments"])
            case EventType.TOOL_CALL_SUCCEEDED:
                return f" {value_text(self._call(data)['result'])}"
            case EventType.TOOL_CALL_FAILED | EventType.TOOL_CALL_REJECTED:
                return f": {self._call(data)['error']}"
            case EventType.APPROVAL_REQUESTED:
                return f": {ApprovalRequest.objects.get(pk=data['request']).reason}"
            case EventType.INPUT_REQUESTED:
                return f": {InputRequest.objects.get(pk=data['request']).question}"
            case EventType.MESSAGE_PRODUCED:
                step = AgentStep.objects.get(context_id=self.run_id, number=data["step"])
                return f": {(step.response or {}).get('text', '')}"
        return ""

    def _call(self, data: dict[str, Any]) -> dict[str, Any]:
        call = ToolCall.objects.select_related("context", "context__details", "step").get(pk=data["call"])
        return call_as_dict(call, self.viewer)

    def _progress(self, run: Run[Any]) -> None:
        if self.as_json:
            return
        context = AgentContext.objects.get(pk=run.id)
        seconds = max((database_now() - context.status_at).total_seconds(), 0.0)
        steps = f"step {context.steps_used} of at most {context.max_steps}"
        self.console.progress(f"  … {status_text(run.status)} for {seconds:.0f} s · {steps}")

    def _nobody_works(self) -> bool:
        return AgentContext.objects.claimable().filter(pk=self.run_id).exists()

    def _warn(self, seconds: float) -> None:
        if not self.as_json:
            self.console.line(NO_WORKER.format(seconds=seconds), style="WARNING")

    def _close(self) -> None:
        context = AgentContext.objects.select_related("details", "session").get(pk=self.run_id)
        if self.as_json:
            self._print_json(run_as_dict(context, self.viewer))
        else:
            show_rest(self.console, context, self.viewer)

    def _print_json(self, value: dict[str, Any]) -> None:
        self.console.line(json.dumps(value, ensure_ascii=False))


def rests(run: Run[Any]) -> bool:
    """Whether nothing happens to it by itself any more."""
    return run.ended or run.waits_for_people
