"""A run as its customer reads it: what was said, asked and done, in order."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agents_app import ToolContext
from agents_app.core.status import InputStatus, RunStatus, StepKind, StepStatus, ToolCallStatus
from agents_app.definitions.registry import definition_of
from agents_app.exceptions import AgentsError
from agents_app.models import AgentContext, InputRequest, ToolCall
from agents_app.services import read_run
from project.demo.agents import Reply
from project.demo.forms import AnswerForm

RUN_WORDS: dict[RunStatus, tuple[str, str]] = {
    RunStatus.IDLE: ("Accepted", "busy"),
    RunStatus.THINKING: ("Thinking", "busy"),
    RunStatus.USING_TOOL: ("Working", "busy"),
    RunStatus.WAITING_FOR_APPROVAL: ("A colleague decides", "people"),
    RunStatus.WAITING_FOR_INPUT: ("Waits for your answer", "you"),
    RunStatus.SCHEDULED: ("Continues soon", "busy"),
    RunStatus.PAUSED: ("On hold", "people"),
    RunStatus.COMPLETED: ("Answered", "good"),
    RunStatus.CANCELLED: ("Cancelled", "over"),
    RunStatus.FAILED: ("Failed", "bad"),
}
"""What a customer reads for each status, and its tone."""

CALL_WORDS: dict[ToolCallStatus, tuple[str, str]] = {
    ToolCallStatus.PROPOSED: ("comes next", "busy"),
    ToolCallStatus.AWAITING_APPROVAL: ("a colleague decides about it", "people"),
    ToolCallStatus.READY: ("comes next", "busy"),
    ToolCallStatus.STARTED: ("under way", "busy"),
    ToolCallStatus.UNKNOWN: ("a colleague finds out whether it happened", "people"),
    ToolCallStatus.SUCCEEDED: ("done", "good"),
    ToolCallStatus.FAILED: ("did not work", "bad"),
    ToolCallStatus.REJECTED: ("was not done", "bad"),
    ToolCallStatus.CANCELLED: ("was not done any more", "over"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line of the conversation. `kind`: agent, user, question or call; `tone` colours a call."""

    kind: str
    text: str
    tone: str = ""
    state: str = ""
    note: str = ""
    request: InputRequest | None = None
    form: AnswerForm | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """All that the page of a run shows."""

    run: AgentContext
    status: str
    tone: str
    entries: list[Entry]
    answer: Reply | None
    error: str

    @property
    def may_cancel(self) -> bool:
        """Whether there is something left to cancel."""
        return not self.run.ended and self.run.cancel_requested_at is None


def words_for(run: AgentContext) -> tuple[str, str]:
    """The status in the customer's words, and its tone."""
    if not run.ended and run.cancel_requested_at is not None:
        return "Is being cancelled", "over"
    return RUN_WORDS[RunStatus(run.status)]


def conversation_of(run: AgentContext, filled: AnswerForm | None = None) -> Conversation:
    """Read a run. `filled`: the form of an answer that was not accepted."""
    status, tone = words_for(run)
    current = read_run(run.pk)
    return Conversation(
        run=run,
        status=status,
        tone=tone,
        entries=_entries(run, filled),
        answer=current.output if isinstance(current.output, Reply) else None,
        error=current.error[1] if current.error else "",
    )


def _entries(run: AgentContext, filled: AnswerForm | None) -> list[Entry]:
    """By turns of the LLM: what it said, what it wanted done, what it asked."""
    found: list[tuple[tuple[int, int, int], Entry]] = []
    turn = 0
    for step in run.steps.filter(status=StepStatus.COMPLETED).order_by("number"):
        if step.kind == StepKind.THINK:
            turn = step.number
        elif step.kind == StepKind.RESPOND:
            found.append(((turn, 0, step.number), Entry(kind="agent", text=str((step.response or {}).get("text", "")))))
    calls = run.tool_calls.select_related("proposed_by")
    found.extend(((call.proposed_by.number, 1, call.number), _call(run, call)) for call in calls)
    for request in run.input_requests.select_related("proposed_by", "step"):
        turn = request.proposed_by.number
        entries = enumerate(_question(request, filled), start=2 * request.step.number)
        found.extend(((turn, 2, place), entry) for place, entry in entries)
    return [entry for _, entry in sorted(found, key=lambda item: item[0])]


def _call(run: AgentContext, call: ToolCall) -> Entry:
    state, tone = CALL_WORDS[ToolCallStatus(call.status)]
    return Entry(
        kind="call",
        text=_title(run, call),
        tone=tone,
        state=state,
        note=call.error if call.status in (ToolCallStatus.REJECTED, ToolCallStatus.FAILED) else "",
    )


def _title(run: AgentContext, call: ToolCall) -> str:
    """The tool's own line about the call, or its name where the arguments do not fit."""
    try:
        tool = definition_of(run.agent).tools[call.tool]
        context = ToolContext(run_id=run.pk, agent=run.agent, call_id=call.pk, tool=call.tool, user=run.user)
        return tool.summary(context, tool.parse(call.arguments))
    except (AgentsError, KeyError):
        return call.tool.replace("_", " ").capitalize()


def _question(request: InputRequest, filled: AnswerForm | None) -> Iterator[Entry]:
    form = None
    if request.status == InputStatus.PENDING:
        form = filled if filled is not None and filled.request == request else AnswerForm(request)
    yield Entry(kind="question", text=request.question, request=request, form=form)
    if request.status == InputStatus.ANSWERED:
        yield Entry(kind="user", text=_plain(request.answer))
    elif request.status != InputStatus.PENDING:
        yield Entry(kind="call", text="Your answer", state=f"is no longer needed ({request.status})", tone="over")


def _plain(answer: Any) -> str:
    if isinstance(answer, dict):
        return "\n".join(f"{name.replace('_', ' ')}: {_plain(value)}" for name, value in answer.items())
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
