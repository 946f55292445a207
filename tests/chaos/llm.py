"""An LLM behind real HTTP, in the chat format of OpenAI, that does what the plan in a run's input says.

What it answers depends on the messages alone, so a turn that is asked again is answered alike; but it fails where the
plan says so, before it goes on.
"""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAILURES = {"err500": 2, "err400": 1}
"""How often it fails at such a turn."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked was killed in the midst of it."""


class ScriptedLLM:
    """Serves on a free port of one of this machine's addresses until it is closed. `asked` counts the requests."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.asked = 0
        self._failures: Counter[tuple[int, str]] = Counter()
        self._server = Server((address, 0), _handler(self))
        self.url = f"http://{address}:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, name="chaos-llm", daemon=True).start()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: dict[str, Any]) -> tuple[int, bytes]:
        """Status and body."""
        self.asked += 1
        messages = request["messages"]
        plan = json.loads(next(_text(message) for message in messages if message["role"] == "user"))
        said = sum(message["role"] == "assistant" for message in messages)
        turns = [turn for turn in plan["turns"] if turn[0] not in FAILURES]
        if self._fails(plan, said):
            return self._fails_with(plan, said)
        if said >= len(turns):
            return 200, _stream(f"done {plan['number']}", [])
        text = "I am at it." if plan["kind"] == "mixed" and said == 0 else None
        return 200, _stream(text, [_call(plan, said, place, name) for place, name in enumerate(turns[said])])

    def _fails(self, plan: dict[str, Any], said: int) -> bool:
        kind = plan["turns"][said][0] if said < len(plan["turns"]) else ""
        return kind in FAILURES and self._failures[plan["number"], kind] < FAILURES[kind]

    def _fails_with(self, plan: dict[str, Any], said: int) -> tuple[int, bytes]:
        kind = plan["turns"][said][0]
        self._failures[plan["number"], kind] += 1
        return int(kind.removeprefix("err")), json.dumps({"error": {"message": "as planned", "type": "error"}}).encode()


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _call(plan: dict[str, Any], turn: int, place: int, name: str) -> dict[str, Any]:
    arguments: dict[str, Any] = {"slot": f"{turn}.{place}"}
    if name == "pay":
        arguments["amount"] = 10 + plan["number"]
    if name == "ask":
        name, arguments = "ask_user", {"question": "Shall I go on?"}
    return {"name": name, "arguments": json.dumps(arguments), "id": f"c{turn}-{place}"}


def _stream(text: str | None, calls: list[dict[str, Any]]) -> bytes:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": text}]
    for place, call in enumerate(calls):
        function = {"name": call["name"], "arguments": call["arguments"]}
        deltas.append({"tool_calls": [{"index": place, "id": call["id"], "type": "function", "function": function}]})
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"})
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "scripted"}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    chunks = [{**head, "choices": [choice]} for choice in choices] + [{**head, "choices": [], "usage": usage}]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode() + b"data: [DONE]\n\n"


def _handler(llm: ScriptedLLM) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = llm.answer(request)
            self.send_response(status)
            self.send_header("Content-Type", "text/event-stream" if status == 200 else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    return Handler
