"""The port against a real server: llama.cpp with a tiny LLM of random weights, which says well-formed nonsense."""

import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from django.test import override_settings

from agents_app.core.transcript import AssistantMessage, FunctionSpec, LLMRequest, UserMessage
from agents_app.exceptions import LLMError
from agents_app.llm import LLM, close_connections, resolve
from tests.conftest import missing

pytestmark = pytest.mark.long

LOOK = FunctionSpec(name="look", description="Look", parameters={"type": "object", "properties": {}})


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not all(importlib.util.find_spec(name) for name in ("xllamacpp", "gguf")):
        missing("llama.cpp", "pip install xllamacpp gguf")
    command = [sys.executable, str(Path(__file__).with_name("llama_server.py")), str(tmp_path_factory.mktemp("llama"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if line.startswith("http")), "")
            assert line, f"the server ended with {process.poll()}"
            yield line.strip()
        finally:
            process.kill()


@pytest_asyncio.fixture(autouse=True)
async def no_connection_is_left() -> AsyncIterator[None]:
    yield
    await close_connections()


def connect(address: str, key: str = "llama-key", max_tokens: int = 16) -> LLM:
    alias = {
        "llm": "openai:tiny",
        "base_url": f"{address}/v1",
        "api_key": key,
        "settings": {"max_tokens": max_tokens, "seed": 1},
    }
    with override_settings(AGENTS_APP={"LLMS": {"llama": alias}}):
        return resolve("llama")


def request(text: str = "Hello") -> LLMRequest:
    messages = (UserMessage(text="Hi"), AssistantMessage(text="Hi!"), UserMessage(text=text))
    return LLMRequest(
        llm="llama", instructions="Help.", messages=messages, functions=(LOOK,), temperature=0.0, timeout=60
    )


@pytest.mark.asyncio
async def test_a_plain_reply(address: str) -> None:
    reply = await connect(address).respond(request())
    assert reply.text.strip()
    assert reply.finish_reason == "length"
    assert reply.usage.input_tokens > 5
    assert reply.usage.output_tokens == 16
    assert reply.usage.cost is None


@pytest.mark.asyncio
async def test_a_streamed_reply_says_the_same(address: str) -> None:
    told: list[str] = []
    reply = await connect(address).respond(request(), told.append)
    assert len(told) > 3
    assert "".join(told) == reply.text == (await connect(address).respond(request())).text
    assert (reply.finish_reason, reply.usage.output_tokens) == ("length", 16)


@pytest.mark.asyncio
async def test_a_wrong_key(address: str) -> None:
    with pytest.raises(LLMError) as caught:
        await connect(address, key="wrong").respond(request())
    assert (caught.value.code, caught.value.transient) == ("authentication", False)


@pytest.mark.asyncio
async def test_a_conversation_that_is_too_long(address: str) -> None:
    with pytest.raises(LLMError) as caught:
        await connect(address).respond(request("word " * 5000))
    assert (caught.value.code, caught.value.transient) == ("context_window_exceeded", False)
