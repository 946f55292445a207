"""Names of LLMs."""

import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from django.test import override_settings
from pydantic_ai.providers import infer_provider_class

from agents_app.core.transcript import LLMReply, LLMRequest
from agents_app.exceptions import UnknownLLM
from agents_app.llm import LLM, OnText, known, resolve
from agents_app.llm.demo import DemoLLM
from agents_app.llm.endpoint import PROVIDERS, Endpoint, endpoint
from agents_app.llm.pydantic_ai import PydanticAILLM


class MyLLM:
    async def respond(self, request: LLMRequest, on_text: OnText | None = None) -> LLMReply:
        return LLMReply(text="mine")


class NotAnLLM:
    pass


ALIASES: dict[str, Any] = {
    "fast": "openai:gpt-5-mini",
    "faster": "fast",
    "local": {"llm": "openai:qwen3", "base_url": "http://localhost:1/v1", "api_key": "k", "settings": {"seed": 1}},
    "variant": {"llm": "fast", "settings": {"seed": 2}},
    "mine": "tests.llm.test_resolve.MyLLM",
    "away": "tests.llm.nowhere.MyLLM",
    "no_llm": "tests.llm.test_resolve.NotAnLLM",
    "round": "and_round",
    "and_round": "round",
    "odd": 12,
    "misspelt": {"llm": "openai:x", "url": "http://localhost"},
    "demo_with_key": {"llm": "demo", "api_key": "k"},
    "offline": {"llm": "demo"},
}
BAD = ["nothing", "foo:bar", "openai:", ":x", "", "tests.llm.test_resolve.MyLLM", "round", "odd", "misspelt"]
BAD += ["demo_with_key"]


@pytest.fixture(autouse=True)
def aliases() -> Any:
    with override_settings(AGENTS_APP={"LLMS": ALIASES}):
        yield


def endpoint_of(name: str) -> Endpoint:
    llm = resolve(name)
    assert isinstance(llm, PydanticAILLM)
    return llm.endpoint


@pytest.mark.parametrize("name", ["openai:gpt-5-mini", "fast", "faster"])
def test_a_provider_and_aliases_of_it(name: str) -> None:
    assert endpoint_of(name) == Endpoint(provider="openai", llm="gpt-5-mini")
    assert known(name)


def test_an_llm_may_have_colons_in_its_name() -> None:
    assert endpoint_of("ollama:qwen3:8b").llm == "qwen3:8b"


def test_an_alias_with_options() -> None:
    assert endpoint_of("local") == Endpoint(
        provider="openai", llm="qwen3", base_url="http://localhost:1/v1", api_key="k", settings={"seed": 1}
    )
    assert endpoint_of("variant").settings == {"seed": 2}


@pytest.mark.parametrize("name", ["demo", "offline"])
def test_the_demo_llm(name: str) -> None:
    assert isinstance(resolve(name), DemoLLM)
    assert known(name)


def test_ones_own_class() -> None:
    assert isinstance(resolve("mine"), MyLLM)
    assert isinstance(resolve("mine"), LLM)
    assert known("mine")


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_known_says_what_to_do(name: str) -> None:
    assert not known(name)
    with pytest.raises(UnknownLLM) as caught:
        resolve(name)
    assert "provider:model" in caught.value.message or 'AGENTS_APP["LLMS"]' in caught.value.message


@pytest.mark.parametrize(("name", "text"), [("away", "cannot be imported"), ("no_llm", "respond")])
def test_a_class_that_cannot_be_used(name: str, text: str) -> None:
    with pytest.raises(UnknownLLM, match=text):
        resolve(name)


def test_an_alias_may_hide_the_demo_llm() -> None:
    with override_settings(AGENTS_APP={"LLMS": {"demo": "openai:gpt-5-mini"}}):
        assert endpoint_of("demo").llm == "gpt-5-mini"
    with override_settings(AGENTS_APP={"LLMS": {"demo": "demo"}}):
        assert isinstance(resolve("demo"), DemoLLM)


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_the_library_knows_every_provider(provider: str) -> None:
    with suppress(ImportError):  # known, but its extra is not installed
        infer_provider_class(PROVIDERS[provider])
    assert endpoint(f"{provider}:x") is not None


def test_names_are_checked_without_the_library() -> None:
    code = (
        "from django.conf import settings; settings.configure(AGENTS_APP={'LLMS': {'fast': 'openai:x'}})\n"
        "import sys; from agents_app.llm import known, resolve\n"
        "assert known('fast') and not known('slow'); resolve('fast')\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('pydantic_ai', 'openai', 'anthropic')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200)


def test_an_endpoint_hides_its_secrets() -> None:
    shown = repr(endpoint_of("local").with_options(api_key="SECRET", base_url="http://me:SECRET@host"))
    assert "SECRET" not in shown
    assert "qwen3" in shown
