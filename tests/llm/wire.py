"""What the servers of OpenAI and Anthropic send, as bytes: the two formats that nearly every server speaks."""

import json
from collections.abc import Iterable
from typing import Any

from werkzeug import Response

Call = tuple[str, str, str]
"""id, name, arguments"""


class OpenAI:
    """The chat completions format."""

    provider = "openai"
    llm = "gpt-4o-mini"
    path = "/v1/chat/completions"
    base = "/v1"

    @classmethod
    def reply(cls, text: str | None = "Hello", calls: Iterable[Call] = (), finish: str = "stop") -> Response:
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if calls:
            message["tool_calls"] = [
                {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
                for id_, name, arguments in calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else finish}
        return _json(cls._chunk("chat.completion", [choice]) | {"usage": cls._usage})

    @classmethod
    def stream(cls, *pieces: str, calls: Iterable[Call] = (), finish: str | None = "stop") -> Response:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": piece} for piece in pieces]
        for place, (id_, name, arguments) in enumerate(calls):
            start = {"index": place, "id": id_, "type": "function", "function": {"name": name, "arguments": ""}}
            deltas.append({"tool_calls": [start]})
            half = len(arguments) // 2
            deltas += [
                {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}
                for piece in (arguments[:half], arguments[half:])
            ]
        choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        if finish:
            choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else finish})
        chunks = [cls._chunk("chat.completion.chunk", [choice]) for choice in choices]
        chunks.append(cls._chunk("chat.completion.chunk", []) | {"usage": cls._usage})
        return _sse([json.dumps(chunk) for chunk in chunks] + (["[DONE]"] if finish else []))

    @staticmethod
    def error(status: int, message: str, **headers: str) -> Response:
        return _json({"error": {"message": message, "type": "error", "code": None}}, status, headers)

    _usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}

    @classmethod
    def _chunk(cls, kind: str, choices: list[Any]) -> dict[str, Any]:
        return {"id": "c1", "object": kind, "created": 1_700_000_000, "model": cls.llm, "choices": choices}


class Anthropic:
    """The messages format."""

    provider = "anthropic"
    llm = "claude-haiku-4-5"
    path = "/v1/messages"
    base = ""

    @classmethod
    def reply(cls, text: str | None = "Hello", calls: Iterable[Call] = (), finish: str = "stop") -> Response:
        content: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
        content += [
            {"type": "tool_use", "id": id_, "name": name, "input": json.loads(arguments)}
            for id_, name, arguments in calls
        ]
        reason = "tool_use" if calls else {"stop": "end_turn", "content_filter": "refusal"}[finish]
        usage = {"input_tokens": 11, "output_tokens": 7}
        return _json(cls._message | {"content": content, "stop_reason": reason, "usage": usage})

    @classmethod
    def stream(cls, *pieces: str, calls: Iterable[Call] = (), finish: str | None = "stop") -> Response:
        start = cls._message | {"content": [], "stop_reason": None, "usage": {"input_tokens": 11, "output_tokens": 1}}
        events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
        if pieces:
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
            events += cls._block(0, {"type": "text", "text": ""}, deltas)
        for place, (id_, name, arguments) in enumerate(calls, start=1 if pieces else 0):
            half = len(arguments) // 2
            deltas = [{"type": "input_json_delta", "partial_json": one} for one in (arguments[:half], arguments[half:])]
            events += cls._block(place, {"type": "tool_use", "id": id_, "name": name, "input": {}}, deltas)
        if finish:
            reason = "tool_use" if calls else "end_turn"
            delta = {"stop_reason": reason, "stop_sequence": None}
            events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}})
            events.append({"type": "message_stop"})
        return _sse([json.dumps(event) for event in events], names=[str(event["type"]) for event in events])

    @staticmethod
    def error(status: int, message: str, **headers: str) -> Response:
        kind = {
            400: "invalid_request_error",
            401: "authentication_error",
            403: "permission_error",
            404: "not_found_error",
            429: "rate_limit_error",
            529: "overloaded_error",
        }
        error = {"type": kind.get(status, "api_error"), "message": message}
        return _json({"type": "error", "error": error}, status, headers)

    _message = {"id": "m1", "type": "message", "role": "assistant", "model": llm, "stop_sequence": None}

    @staticmethod
    def _block(place: int, block: dict[str, Any], deltas: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {"type": "content_block_start", "index": place, "content_block": block},
            *({"type": "content_block_delta", "index": place, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": place},
        ]


Wire = type[OpenAI] | type[Anthropic]


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
    return Response(json.dumps(body), status=status, headers=named, content_type="application/json")


def _sse(data: list[str], names: list[str] | None = None) -> Response:
    events = names or [""] * len(data)
    lines = [(f"event: {name}\n" if name else "") + f"data: {one}\n\n" for name, one in zip(events, data, strict=True)]
    return Response("".join(lines), content_type="text/event-stream")
