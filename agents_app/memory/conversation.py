"""What was said in earlier runs of a session, read from their own rows: newest first, and no more than is needed.

What a session costs does not grow with its length: runs are read in portions until the tokens are used up, and of a
very long run its last steps alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Q

from agents_app.core.budgets import BYTES_PER_TOKEN, tokens_of
from agents_app.core.fitting import apply_cut, fit, shortened
from agents_app.core.functions import ASK_USER, FINAL_ANSWER
from agents_app.core.status import ENDED, RunStatus, StepKind, StepStatus
from agents_app.core.transcript import AssistantMessage, CallResult, Correction, Message, ProposedCall, UserMessage
from agents_app.models import AgentContext, AgentStep, InputRequest, ToolCall
from agents_app.selectors.transcript import TranscriptRows, messages_of

PORTION = 20
MOST_RUNS = 400
LAST_STEPS = 200
"""Of a run with more steps, the last ones are read."""

NO_ANSWER = "[This request ended without an answer.]"
STILL_OPEN = "[This request is still being worked on.]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """What was said, oldest first, within its tokens. `first`: the oldest run of which all was kept that there is;
    `whole`: nothing of the session was left out."""

    messages: tuple[Message, ...] = ()
    runs: tuple[UUID, ...] = ()
    whole: bool = True


def earlier_runs(session_id: UUID, user_id: Any, before: UUID | None = None) -> Any:
    """The runs of a session that this user may be told of, newest first. before: those that were begun before this one.

    A session belongs to one user. That user's runs are asked for all the same: an account that was deleted leaves its
    runs behind, and whoever has no account must not be told of them.
    """
    found = AgentContext.objects.filter(session_id=session_id, hidden_at=None, details__erased_at=None)
    found = found.filter(user_id=user_id) if user_id is not None else found.filter(user=None, details__user_name="")
    if before is not None:
        found = found.filter(pk__lt=before)
    return found.select_related("details").order_by("-pk")


def talk_of(
    session_id: UUID, user_id: Any, *, tokens: int, functions: frozenset[str], before: UUID | None = None
) -> Talk:
    """The end of the talk of this session in at most so many tokens. functions: what the LLM that hears it may call."""
    said: list[tuple[UUID, list[Message]]] = []
    used, whole = 0, True
    for run_id, messages in _newest_first(earlier_runs(session_id, user_id, before), functions, tokens):
        if used > tokens:
            whole = False
            break
        said.append((run_id, messages))
        used += sum(tokens_of(shortened(message)) for message in messages)
    ordered = [message for _, messages in reversed(said) for message in messages]
    # The run's own input stands behind it when it is sent; here it takes no place.
    cut = fit([*ordered, UserMessage(text="")], len(ordered), tokens)
    kept = apply_cut(ordered, cut)
    gone = {place for first, end in cut.dropped for place in range(first, end)}
    runs, place = [], 0
    for run_id, messages in reversed(said):
        if not gone & set(range(place, place + len(messages))):
            runs.append(run_id)
        place += len(messages)
    return Talk(messages=kept, runs=tuple(runs), whole=whole and not gone)


def said_in(runs: list[AgentContext], functions: frozenset[str], tokens: int) -> list[list[Message]]:
    """What was said in each of these runs, as another run is told of it."""
    rows = _rows_of(runs)
    most = max(tokens // 4, 50) * BYTES_PER_TOKEN
    return [_as_told(run, rows[run.pk], functions, most) for run in runs]


def _newest_first(runs: Any, functions: frozenset[str], tokens: int) -> Iterator[tuple[UUID, list[Message]]]:
    for start in range(0, MOST_RUNS, PORTION):
        portion = list(runs[start : start + PORTION])
        yield from zip((run.pk for run in portion), said_in(portion, functions, tokens), strict=True)
        if len(portion) < PORTION:
            return


def _rows_of(runs: list[AgentContext]) -> dict[UUID, TranscriptRows]:
    """The rows of these runs' transcripts, with one statement per table."""
    found = {run.pk: TranscriptRows() for run in runs}
    short = Q(context__in=[run.pk for run in runs if run.last_step <= LAST_STEPS])
    for run in runs:
        if run.last_step > LAST_STEPS:
            short |= Q(context=run.pk, number__gt=run.last_step - LAST_STEPS)
    turns = AgentStep.objects.filter(short, kind=StepKind.THINK, status=StepStatus.COMPLETED)
    refs: set[str] = set()
    for turn in turns.order_by("context_id", "number"):
        found[turn.context_id].turns.append(turn)
        refs |= {entry["ref"] for entry in (turn.response or {}).get("calls", []) if entry.get("ref")}
    for call in ToolCall.objects.filter(pk__in=refs):
        found[call.context_id].calls[str(call.pk)] = call
    for question in InputRequest.objects.filter(pk__in=refs):
        found[question.context_id].inputs[str(question.pk)] = question
    return found


def _as_told(run: AgentContext, rows: TranscriptRows, functions: frozenset[str], most: int) -> list[Message]:
    """A run as an exchange. What was sensitive in it stays covered, and no LLM is shown another's thoughts."""
    # A run that nobody has worked on, or whose words are gone, says nothing.
    if not run.details.input:
        return []
    messages = messages_of(run, rows, sensitive=False)
    told: list[Message] = [UserMessage(text=_bounded(run.details.input, most))]
    names: dict[str, str] = {}
    for place, message in enumerate(messages[1:], start=1):
        corrected = place + 1 < len(messages) and isinstance(messages[place + 1], Correction)
        if isinstance(message, AssistantMessage) and not corrected:
            told += _reply(message, run, place, functions, most, names)
        elif isinstance(message, CallResult) and message.call_id in names:
            told.append(replace(message, call_id=names.pop(message.call_id), content=_bounded(message.content, most)))
    if run.status != RunStatus.COMPLETED:
        told.append(AssistantMessage(text=NO_ANSWER if run.status in ENDED else STILL_OPEN))
    return told


def _reply(
    message: AssistantMessage,
    run: AgentContext,
    place: int,
    functions: frozenset[str],
    most: int,
    names: dict[str, str],
) -> Iterator[Message]:
    """A reply, with those of its calls that the LLM can make, too. names: gets the new ids of these calls by the old:
    two runs may have had calls of one id, and a transcript must not."""
    kept: list[ProposedCall] = []
    used: list[str] = []
    for number, call in enumerate(message.calls):
        if call.name in functions and len(call.arguments) <= most:
            names[call.id] = f"{run.pk.hex[-12:]}-{place}-{number}"
            kept.append(replace(call, id=names[call.id]))
        elif call.name != ASK_USER:
            used.append(_bounded(call.arguments, most) if call.name == FINAL_ANSWER else f"[Used {_plain(call.name)}.]")
    text = "\n".join(each for each in (_bounded(message.text, most), *used) if each)
    if text or kept:
        yield AssistantMessage(text=text, calls=tuple(kept))


def _plain(name: str) -> str:
    """What an LLM called is the LLM's own text."""
    return re.sub(r"[^\w.-]+", " ", name)[:60]


def _bounded(text: str, most: int) -> str:
    """One message must not take the place of all others."""
    return text if len(text) <= most else f"{text[:most]}… [shortened; it had {len(text)} characters]"
