"""What the events alone say of a run's rows: the statuses of the run, its calls, requests, questions and turns."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agents_app.models import AgentEvent

CALLS = {
    "tool_call.proposed": "proposed",
    "tool_call.started": "started",
    "tool_call.succeeded": "succeeded",
    "tool_call.failed": "failed",
    "tool_call.unknown": "unknown",
    "tool_call.rejected": "rejected",
    "tool_call.cancelled": "cancelled",
    "tool_call.ready": "ready",
    "approval.requested": "awaiting_approval",
    "approval.approved": "ready",
}
APPROVALS = {
    "approval.requested": "pending",
    "approval.approved": "approved",
    "approval.rejected": "rejected",
    "approval.expired": "expired",
    "approval.withdrawn": "withdrawn",
}
INPUTS = {
    "input.requested": "pending",
    "input.answered": "answered",
    "input.expired": "expired",
    "input.withdrawn": "withdrawn",
}
ENDS = {"run.completed": "completed", "run.failed": "failed", "run.cancelled": "cancelled"}


@dataclass(kw_only=True)
class Replay:
    """What is known after some events. `run`: its end, or for whom it waits; None where events alone do not say."""

    run: str | None = None
    calls: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    approvals: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    turns: dict[int, str] = field(default_factory=dict)

    def take(self, kind: str, data: dict[str, Any]) -> None:
        """The next event."""
        if kind in CALLS:
            self.calls[data["call"]] = CALLS[kind]
        if kind == "tool_call.started":
            self.attempts[data["call"]] = data["attempt"]
        if kind in APPROVALS:
            self.approvals[data["request"]] = APPROVALS[kind]
        if kind in INPUTS:
            self.inputs[data["request"]] = INPUTS[kind]
        if kind in ("step.started", "step.completed"):
            self.turns[data["number"]] = kind.removeprefix("step.")
        if kind in ENDS:
            self.run = ENDS[kind]
        elif kind == "run.waiting":
            self.run = data["status"]
        elif kind == "run.paused":
            self.run = "paused"
        elif kind.startswith(("run.", "input.", "approval.", "tool_call.", "step.")):
            self.run = None if kind in ("run.resumed", "run.retried", "step.started", "tool_call.started") else self.run


def replay(events: Iterable[AgentEvent]) -> Replay:
    """All of them, in order."""
    state = Replay()
    for event in events:
        state.take(event.type, event.data)
    return state
