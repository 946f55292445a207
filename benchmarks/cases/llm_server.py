"""The scripted LLM behind real HTTP, in the chat format of OpenAI. Prints its URL, and serves until it is ended."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.clerk.agents import ANSWER, CALLS

HEAD = {"id": "c1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "scripted"}
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


class Handler(BaseHTTPRequestHandler):
    """Takes the turn that follows those that were."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_POST(self) -> None:
        """Answer as a stream of pieces."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = _stream(sum(message["role"] == "assistant" for message in request["messages"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def _stream(turn: int) -> bytes:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if turn < len(CALLS) else ANSWER}]
    if turn < len(CALLS):
        name, arguments = CALLS[turn]
        function = {"name": name, "arguments": json.dumps(arguments)}
        deltas.append({"tool_calls": [{"index": 0, "id": f"call_{turn}", "type": "function", "function": function}]})
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls" if turn < len(CALLS) else "stop"})
    chunks = [*({**HEAD, "choices": [choice]} for choice in choices), {**HEAD, "choices": [], "usage": USAGE}]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode() + b"data: [DONE]\n\n"


def main() -> None:
    """Serve on a free port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
