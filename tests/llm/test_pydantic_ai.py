"""The port over real HTTP, in the formats of OpenAI and Anthropic."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from django.test import override_settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from agents_app.core.transcript import (
    AssistantMessage,
    CallResult,
    FunctionSpec,
    LLMRequest,
    ProposedCall,
    UserMessage,
)
from agents_app.exceptions import LLMError
from agents_app.llm import LLM, close_connections, resolve
from agents_app.llm.pydantic_ai import PydanticAILLM
from tests.llm.wire import Anthropic, OpenAI, Wire

KEY = "sk-very-secret-key"
REFUND = FunctionSpec(
    name="refund",
    description="Refund an order",
    parameters={
        "type": "object",
        "properties": {"number": {"type": "string"}, "amount": {"type": "number"}},
        "required": ["number", "amount"],
    },
)
ANSWER = FunctionSpec(
    name="final_answer",
    description="Answer",
    parameters={"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
)
ASKED = LLMRequest(
    llm="served",
    instructions="Help customers.",
    messages=(UserMessage(text="Refund A-1001"),),
    functions=(REFUND,),
    timeout=200,
)

both = pytest.mark.parametrize("wire", [OpenAI, Anthropic])


@pytest.fixture(scope="module")
def started() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as server:
        yield server


@pytest.fixture
def server(started: HTTPServer) -> HTTPServer:
    started.clear()
    return started


@pytest_asyncio.fixture(autouse=True)
async def no_connection_is_left() -> AsyncIterator[None]:
    yield
    await close_connections()


def connect(wire: Wire, server: HTTPServer, **settings: Any) -> LLM:
    alias = {
        "llm": f"{wire.provider}:{wire.llm}",
        "base_url": server.url_for(wire.base),
        "api_key": KEY,
        "settings": settings,
    }
    with override_settings(AGENTS_APP={"LLMS": {"served": alias}}):
        return resolve("served")


def serve(wire: Wire, server: HTTPServer, *responses: Response) -> list[dict[str, Any]]:
    """Answer with these responses, the last one for ever; returns the bodies that will have been asked."""
    bodies: list[dict[str, Any]] = []

    def respond(request: Request) -> Response:
        bodies.append(json.loads(request.data))
        return responses[min(len(bodies), len(responses)) - 1]

    server.expect_request(wire.path, method="POST").respond_with_handler(respond)
    return bodies


async def failure(llm: LLM, request: LLMRequest = ASKED, **options: Any) -> LLMError:
    with pytest.raises(LLMError) as caught:
        await llm.respond(request, **options)
    assert KEY not in repr(caught.value.message)
    assert caught.value.__context__ is None, "the library's error may quote what was sent"
    return caught.value


@both
@pytest.mark.asyncio
async def test_a_plain_reply_with_usage_and_price(wire: Wire, server: HTTPServer) -> None:
    bodies = serve(wire, server, wire.reply("Hello there"))

    reply = await connect(wire, server).respond(ASKED)

    assert (reply.text, reply.calls, reply.finish_reason) == ("Hello there", (), "stop")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (11, 7)
    assert reply.usage.cost is not None
    assert Decimal(0) < reply.usage.cost < Decimal("0.01")
    assert reply.llm == wire.llm
    assert len(bodies) == 1
    assert "Help customers." in json.dumps(bodies[0])
    assert not bodies[0].get("stream")


@both
@pytest.mark.asyncio
async def test_calls_keep_the_arguments_as_the_llm_wrote_them(wire: Wire, server: HTTPServer) -> None:
    calls = [("c1", "refund", '{"number": "A-1", "amount": 1}'), ("c2", "refund", '{"number": "A-2", "amount": 2}')]
    serve(wire, server, wire.reply("Well", calls))

    reply = await connect(wire, server).respond(ASKED)

    assert reply.text == "Well"
    assert [(call.id, call.name, json.loads(call.arguments)) for call in reply.calls] == [
        (id_, name, json.loads(arguments)) for id_, name, arguments in calls
    ]


@pytest.mark.asyncio
async def test_arguments_that_are_no_json_come_through(server: HTTPServer) -> None:
    serve(OpenAI, server, OpenAI.reply(None, [("c1", "refund", '{"number": A-1')]))
    reply = await connect(OpenAI, server).respond(ASKED)
    assert reply.calls == (ProposedCall(id="c1", name="refund", arguments='{"number": A-1'),)


@both
@pytest.mark.asyncio
async def test_streaming_tells_the_text_as_it_comes_and_returns_the_whole(wire: Wire, server: HTTPServer) -> None:
    call = ("c1", "refund", '{"number": "A-1001", "amount": 120.5}')
    bodies = serve(wire, server, wire.stream("I will ", "refund ", "it.", calls=[call]))
    told: list[str] = []

    reply = await connect(wire, server).respond(ASKED, told.append)

    assert told == ["I will ", "refund ", "it."]
    assert reply.text == "I will refund it."
    assert reply.calls == (ProposedCall(id="c1", name="refund", arguments=call[2]),)
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (11, 7)
    assert reply.finish_reason == "tool_call"
    assert bodies[0]["stream"] is True


@pytest.mark.asyncio
async def test_a_listener_that_fails_does_not_cost_the_reply(
    server: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    serve(OpenAI, server, OpenAI.stream("paid", " for"))

    def broken(text: str) -> None:
        raise ValueError("nobody is there")

    reply = await connect(OpenAI, server).respond(ASKED, broken)

    assert reply.text == "paid for"
    assert "listener" in caplog.text


@both
@pytest.mark.asyncio
async def test_a_stream_that_ends_in_the_middle_is_no_reply(wire: Wire, server: HTTPServer) -> None:
    serve(wire, server, wire.stream("I will ", finish=None))
    error = await failure(connect(wire, server), on_text=lambda text: None)
    assert (error.code, error.transient) == ("invalid_reply", True)


@both
@pytest.mark.asyncio
async def test_the_longest_reply_is_asked_of_the_provider(wire: Wire, server: HTTPServer) -> None:
    bodies = serve(wire, server, wire.reply("Done"))
    request = LLMRequest(llm="served", instructions="", messages=(UserMessage(text="x"),), max_tokens=321)
    await connect(wire, server).respond(request)
    assert 321 in (bodies[0].get("max_tokens"), bodies[0].get("max_completion_tokens"))


@both
@pytest.mark.asyncio
async def test_what_is_sent_back_is_valid(wire: Wire, server: HTTPServer) -> None:
    bodies = serve(wire, server, wire.reply("Done"))
    call = ProposedCall(id="c1", name="refund", arguments='{"number":"A-1001","amount":120}')
    request = LLMRequest(
        llm="served",
        instructions="Help.",
        messages=(
            UserMessage(text="Refund A-1001"),
            AssistantMessage(text="I will.", calls=(call,)),
            CallResult(call_id="c1", name="refund", content="Rejected: too much", failed=True),
        ),
        functions=(REFUND,),
        answer=ANSWER,
        temperature=0.25,
    )

    await connect(wire, server).respond(request)

    body = bodies[0]
    assert body["temperature"] == 0.25
    text = json.dumps(body["tools"])
    assert '"refund"' in text
    assert '"final_answer"' in text
    if wire is OpenAI:
        assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "tool"]
        assert body["messages"][2]["tool_calls"][0]["function"]["arguments"] == call.arguments
        assert body["messages"][3]["tool_call_id"] == "c1"
    else:
        assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
        result = body["messages"][2]["content"][0]
        assert (result["type"], result["tool_use_id"], result["is_error"]) == ("tool_result", "c1", True)
        assert 1_000 < body["max_tokens"] < 32_000


@both
@pytest.mark.asyncio
async def test_lone_surrogates_and_nul_do_not_crash_a_call(wire: Wire, server: HTTPServer) -> None:
    bodies = serve(wire, server, wire.reply("fine"))
    bad = "a\ud800b\x00"
    request = LLMRequest(
        llm="served",
        instructions=bad,
        messages=(
            UserMessage(text=bad),
            AssistantMessage(text=bad, calls=(ProposedCall(id="c1", name="refund", arguments=bad),)),
            CallResult(call_id="c1", name="refund", content=bad),
        ),
        functions=(FunctionSpec(name="refund", description=bad, parameters={"type": "object", "title": bad}),),
    )
    assert (await connect(wire, server).respond(request)).text == "fine"
    assert "\ufffd" in json.dumps(bodies[0], ensure_ascii=False)


@pytest.mark.asyncio
async def test_thoughts_are_read_and_sent_back_with_their_signature(server: HTTPServer) -> None:
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "SIGNED"},
        {"type": "redacted_thinking", "data": "HIDDEN"},
        {"type": "tool_use", "id": "c1", "name": "refund", "input": {"number": "A-1", "amount": 1}},
    ]
    first = json.loads(Anthropic.reply().get_data(as_text=True)) | {"content": content, "stop_reason": "tool_use"}
    bodies = serve(
        Anthropic, server, Response(json.dumps(first), content_type="application/json"), Anthropic.reply("Done")
    )
    llm = connect(Anthropic, server)

    reply = await llm.respond(ASKED)
    said = AssistantMessage(text=reply.text, calls=reply.calls, thoughts=reply.thoughts)
    result = CallResult(call_id="c1", name="refund", content="ok")
    await llm.respond(
        LLMRequest(llm="x", instructions="", messages=(*ASKED.messages, said, result), functions=(REFUND,))
    )

    assert (reply.thoughts[0].text, reply.thoughts[0].signature) == ("Hm.", "SIGNED")
    assert bodies[1]["messages"][1]["content"][:2] == content[:2]


@both
@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "code", "transient"),
    [
        (401, "authentication", False),
        (404, "not_found", False),
        (429, "rate_limited", True),
        (500, "server_error", True),
        (503, None, True),
    ],
)
async def test_errors_have_a_code_and_are_not_retried_here(
    wire: Wire, server: HTTPServer, status: int, code: str | None, transient: bool
) -> None:
    bodies = serve(wire, server, wire.error(status, f"That is wrong with your key {KEY}"))

    error = await failure(connect(wire, server))

    assert error.code == code or (code is None and error.code in {"unavailable", "overloaded"})
    assert error.transient is transient
    assert len(bodies) == 1, "attempts are the run's to count"


@both
@pytest.mark.asyncio
async def test_how_long_to_wait_is_passed_on(wire: Wire, server: HTTPServer) -> None:
    serve(wire, server, wire.error(429, "Slow down", Retry_After="17"))
    assert (await failure(connect(wire, server))).retry_after == 17


@pytest.mark.asyncio
async def test_openai_says_quota_and_context_window_by_codes(server: HTTPServer) -> None:
    def error(status: int, code: str) -> Response:
        body = {"error": {"message": "No.", "type": code, "code": code}}
        return Response(json.dumps(body), status=status, content_type="application/json")

    serve(OpenAI, server, error(429, "insufficient_quota"), error(400, "context_length_exceeded"), error(400, "odd"))
    llm = connect(OpenAI, server)
    found = [await failure(llm) for _ in range(3)]
    assert [(one.code, one.transient) for one in found] == [
        ("quota_exceeded", False),
        ("context_window_exceeded", False),
        ("rejected", False),
    ]


@pytest.mark.asyncio
async def test_anthropic_says_overloaded_also_in_the_middle_of_a_stream(server: HTTPServer) -> None:
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    started = Anthropic.stream("I ", finish=None).get_data(as_text=True)
    stream = Response(f"{started}event: error\ndata: {json.dumps(event)}\n\n", content_type="text/event-stream")
    serve(Anthropic, server, Anthropic.error(529, "Overloaded"), stream)
    llm = connect(Anthropic, server)

    assert (await failure(llm)).code == "overloaded"
    assert (await failure(llm, on_text=lambda text: None)).code == "overloaded"


@both
@pytest.mark.asyncio
@pytest.mark.parametrize("body", ["{not json", "[]", '{"ok": true}', ""])
async def test_a_body_that_is_no_reply(wire: Wire, server: HTTPServer, body: str) -> None:
    serve(wire, server, Response(body, content_type="application/json"))
    error = await failure(connect(wire, server))
    assert (error.code, error.transient) == ("invalid_reply", True)


@both
@pytest.mark.asyncio
async def test_an_empty_reply_is_a_reply(wire: Wire, server: HTTPServer) -> None:
    serve(wire, server, wire.reply(None))
    reply = await connect(wire, server).respond(ASKED)
    assert (reply.text, reply.calls) == ("", ())


@both
@pytest.mark.asyncio
async def test_a_withheld_reply(wire: Wire, server: HTTPServer) -> None:
    serve(wire, server, wire.reply("I can", finish="content_filter"))
    error = await failure(connect(wire, server))
    assert (error.code, error.transient) == ("content_filter", False)


@both
@pytest.mark.asyncio
@pytest.mark.parametrize("streaming", [False, True])
async def test_a_server_that_hangs(wire: Wire, server: HTTPServer, streaming: bool) -> None:
    over = threading.Event()

    def hang(request: Request) -> Response:
        over.wait(30)
        return wire.reply()

    server.expect_request(wire.path).respond_with_handler(hang)
    request = LLMRequest(llm="x", instructions="", messages=ASKED.messages, timeout=0.3)
    try:
        llm = connect(wire, server)
        error = await asyncio.wait_for(failure(llm, request, on_text=print if streaming else None), timeout=200)
    finally:
        over.set()
    assert (error.code, error.transient) == ("timeout", True)


@pytest.mark.asyncio
async def test_nobody_listens(unused_tcp_port: int) -> None:
    alias = {"llm": "openai:x", "base_url": f"http://127.0.0.1:{unused_tcp_port}/v1", "api_key": KEY}
    with override_settings(AGENTS_APP={"LLMS": {"away": alias}}):
        llm = resolve("away")
    error = await failure(llm)
    assert (error.code, error.transient) == ("connection", True)


@pytest.mark.asyncio
async def test_a_cancelled_call_is_cancelled(server: HTTPServer) -> None:
    asked, over = threading.Event(), threading.Event()

    def hang(request: Request) -> Response:
        asked.set()
        over.wait(30)
        return OpenAI.reply()

    server.expect_request(OpenAI.path).respond_with_handler(hang)
    call = asyncio.create_task(connect(OpenAI, server).respond(ASKED))
    try:
        assert await asyncio.to_thread(asked.wait, 20)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    finally:
        over.set()


@pytest.mark.asyncio
@pytest.mark.parametrize("provider", ["ollama", "vllm", "openai-responses"])
async def test_other_providers_take_a_server_too(provider: str, server: HTTPServer) -> None:
    alias = {"llm": f"{provider}:qwen3:8b", "api_key": KEY, "base_url": server.url_for("/v1")}
    bodies = serve(OpenAI, server, OpenAI.reply("Hello"))
    with override_settings(AGENTS_APP={"LLMS": {"other": alias}}):
        llm = resolve("other")
    if provider == "openai-responses":  # another format; the server has no such path
        assert (await failure(llm)).code in {"server_error", "not_found"}
        assert server.log[0][0].path == "/v1/responses"
        return
    assert (await llm.respond(ASKED)).text == "Hello"
    assert bodies[0]["model"] == "qwen3:8b"


@pytest.mark.asyncio
async def test_a_provider_that_has_one_server_only() -> None:
    alias = {"llm": "deepseek:deepseek-chat", "api_key": KEY, "base_url": "http://localhost"}
    with override_settings(AGENTS_APP={"LLMS": {"other": alias}}):
        llm = resolve("other")
    error = await failure(llm)
    assert (error.code, error.transient) == ("misconfigured", False)
    assert "base_url" in error.message


@pytest.mark.parametrize("name", ["openrouter:openai/gpt-5", "deepseek:deepseek-chat", "cerebras:qwen-3-32b"])
def test_every_provider_of_the_chat_format_can_be_made(name: str) -> None:
    with override_settings(AGENTS_APP={"LLMS": {"other": {"llm": name, "api_key": KEY}}}):
        llm = resolve("other")
    assert isinstance(llm, PydanticAILLM)
    assert llm._make_model().model_name == name.partition(":")[2]


@pytest.mark.asyncio
async def test_without_a_key_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    error = await failure(resolve("openai:gpt-4o-mini"))
    assert (error.code, error.transient) == ("misconfigured", False)
    assert "OPENAI_API_KEY" in error.message


@pytest.mark.asyncio
async def test_the_environment_is_honoured(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url_for("/v1"))
    serve(OpenAI, server, OpenAI.reply("from here"), OpenAI.error(401, f"Wrong key: {KEY}"))
    llm = resolve("openai:qwen3")

    reply = await llm.respond(ASKED)

    assert reply.text == "from here"
    sent = server.log[0][0].headers["Authorization"]
    assert sent == f"Bearer {KEY}"
    assert (await failure(llm)).code == "authentication"


@pytest.mark.asyncio
async def test_the_settings_of_an_alias_are_sent(server: HTTPServer) -> None:
    bodies = serve(Anthropic, server, Anthropic.reply())
    await connect(Anthropic, server, max_tokens=77).respond(ASKED)
    assert bodies[0]["max_tokens"] == 77


def test_one_llm_works_on_one_event_loop_after_another(server: HTTPServer) -> None:
    serve(OpenAI, server, OpenAI.reply("again"))
    llm = connect(OpenAI, server)

    async def ask() -> str:
        try:
            return (await llm.respond(ASKED)).text
        finally:
            await close_connections()

    assert [asyncio.run(ask()) for _ in range(3)] == ["again"] * 3


@pytest.mark.asyncio
async def test_connections_are_kept_between_calls(server: HTTPServer) -> None:
    ports: list[Any] = []

    def respond(request: Request) -> Response:
        ports.append(request.environ["REMOTE_PORT"])
        return OpenAI.reply()

    server.expect_request(OpenAI.path).respond_with_handler(respond)
    llm, other = connect(OpenAI, server), connect(OpenAI, server)
    await asyncio.gather(*(llm.respond(ASKED) for _ in range(3)))
    await other.respond(ASKED)
    assert len(ports) == 4


def test_secrets_are_not_shown(server: HTTPServer) -> None:
    llm = connect(OpenAI, server)
    assert KEY not in repr(llm) + str(llm) + repr(vars(llm))
