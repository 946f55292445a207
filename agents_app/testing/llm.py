"""An LLM that says what a test tells it to."""

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from agents_app.core.transcript import AssistantMessage, LLMReply, LLMRequest, ProposedCall, Usage, UserMessage
from agents_app.exceptions import LLMError
from agents_app.llm import OnText

USAGE = Usage(input_tokens=10, output_tokens=5)
"""What a scripted turn costs, unless it says otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptedCall:
    """One call in a turn. Without an `id` it gets one from its place in the script."""

    name: str
    arguments: str
    id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptedTurn:
    """Text and calls of one reply."""

    text: str = ""
    calls: tuple[ScriptedCall, ...] = ()
    usage: Usage = USAGE


@dataclass(frozen=True, kw_only=True, slots=True)
class Hang:
    """A turn that never ends; it waits until it is cancelled."""


@dataclass(frozen=True, kw_only=True)
class Fails:
    """A turn that raises `error` the first `times` it is asked for, then is `then`."""

    times: int
    error: Exception
    then: "Turn"


Turn = (
    str
    | BaseModel
    | Exception
    | ScriptedTurn
    | ScriptedCall
    | list[ScriptedCall]
    | LLMReply
    | Hang
    | Fails
    | Callable[[LLMRequest], Any]
)
"""What may stand in a script; a callable gets the request and returns one of the others."""


def calls(name: str, /, **arguments: Any) -> ScriptedCall:
    """A turn that calls one function; a list of these calls several in one turn."""
    return ScriptedCall(name=name, arguments=json.dumps(to_jsonable_python(arguments)))


def raw_call(name: str, arguments: str, *, call_id: str | None = None) -> ScriptedCall:
    """A call with exactly this text as arguments, be it invalid, and exactly this id."""
    return ScriptedCall(name=name, arguments=arguments, id=call_id)


def turn(text: str = "", calls: Iterable[ScriptedCall] = (), usage: Usage = USAGE) -> ScriptedTurn:
    """A turn with text and calls together."""
    return ScriptedTurn(text=text, calls=tuple(calls), usage=usage)


def hang() -> Hang:
    """A turn that never ends; it waits until it is cancelled."""
    return Hang()


def fails(times: int, error: Exception, then: Turn) -> Fails:
    """A turn that raises `error` the first `times` it is asked for, then is `then`."""
    return Fails(times=times, error=error, then=then)


def script(*turns: Turn) -> "ScriptedLLM":
    """An LLM that gives these turns one after the other.

    The turn is chosen by counting the LLM's replies since the run's input: a call that is repeated after a
    worker's death gets the same turn again, and several runs, also of one session, can share one script.
    """
    return ScriptedLLM(turns)


class ScriptedLLM:
    """See `script`. `requests` are all requests it was sent, in order."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self.turns = tuple(turns)
        self.requests: list[LLMRequest] = []
        self._failures: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"<ScriptedLLM of {len(self.turns)} turns, asked {len(self.requests)} times>"

    async def respond(self, request: LLMRequest, on_text: OnText | None = None) -> LLMReply:
        """The turn whose turn it is. Raises LLMError "script_exhausted" when there is none left."""
        self.requests.append(request)
        number = _replies_so_far(request)
        if number >= len(self.turns):
            raise LLMError(
                f"The script has {len(self.turns)} turns and was asked for turn {number + 1}.",
                code="script_exhausted",
            ) from AssertionError("script exhausted")
        reply = await self._play(self.turns[number], number, request)
        if on_text is not None:
            for word in _words(reply.text):
                on_text(word)
        return reply

    async def _play(self, turn: Turn, number: int, request: LLMRequest) -> LLMReply:
        if isinstance(turn, LLMReply):
            return turn
        if isinstance(turn, Exception):
            raise turn
        if isinstance(turn, Hang):
            await asyncio.get_running_loop().create_future()
        if isinstance(turn, Fails):
            self._failures[number] = self._failures.get(number, 0) + 1
            if self._failures[number] <= turn.times:
                raise turn.error
            return await self._play(turn.then, number, request)
        if callable(turn):
            return await self._play(turn(request), number, request)
        return _reply(_as_scripted_turn(turn, request), number)


def _replies_so_far(request: LLMRequest) -> int:
    """The run's own: what stands before its input is the session's."""
    inputs = [index for index, message in enumerate(request.messages) if isinstance(message, UserMessage)]
    start = inputs[-1] if inputs else 0
    return sum(isinstance(message, AssistantMessage) for message in request.messages[start:])


def _as_scripted_turn(turn: Turn, request: LLMRequest) -> ScriptedTurn:
    match turn:
        case ScriptedTurn():
            return turn
        case str():
            return ScriptedTurn(text=turn)
        case BaseModel():
            answer = turn.model_dump_json()
            return (
                ScriptedTurn(calls=(raw_call(request.answer.name, answer),))
                if request.answer
                else ScriptedTurn(text=answer)
            )
        case ScriptedCall():
            return ScriptedTurn(calls=(turn,))
        case list():
            return ScriptedTurn(calls=tuple(turn))
    raise TypeError(f"{turn!r} cannot stand in a script.")


def _reply(turn: ScriptedTurn, number: int) -> LLMReply:
    return LLMReply(
        text=turn.text,
        calls=tuple(
            ProposedCall(id=call.id or f"call-{number + 1}-{place}", name=call.name, arguments=call.arguments)
            for place, call in enumerate(turn.calls, start=1)
        ),
        usage=turn.usage,
        llm="scripted",
        finish_reason="tool_call" if turn.calls else "stop",
    )


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+\s*$|\s*\S+", text) or [text] * bool(text)
