"""LLMs with names of their own, that do what a test says. Not put in an agent's place by `override_llm`: the gate in
front of the LLM is passed as in production."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.test import override_settings

from agents_app.core.transcript import LLMReply, LLMRequest, Usage
from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError
from agents_app.llm import OnText
from agents_app.models import LLMState
from agents_app.runtime import llm_gate
from tests.office import Clerk

PATH = "tests.runtime.llms.ToldLLM"
DOWN = LLMError("It is down.", code="unavailable", transient=True)

asked: list[str] = []
"""The names of the LLMs that were asked, in order."""

behaviour: dict[str, Callable[[LLMRequest], Any] | Exception | str] = {}
"""By the name of the LLM; a text is its answer."""


class ToldLLM:
    async def respond(self, request: LLMRequest, on_text: OnText | None = None) -> LLMReply:
        asked.append(request.llm)
        said = behaviour.get(request.llm, f"{request.llm} says so.")
        if callable(said):
            said = said(request)
        if isinstance(said, Exception):
            raise said
        if isinstance(said, LLMReply):
            return said
        return LLMReply(text=said, usage=Usage(input_tokens=60, output_tokens=40), llm=f"{request.llm}-2026")


class Reserved(Clerk):
    """Has others to fall back on."""

    name = "reserved"
    llm = "first"
    fallback_llms = ("second",)


class Plain(Clerk):
    """Has one LLM."""

    name = "plain"
    llm = "first"


@contextmanager
def told_llms(first: dict[str, Any] | None = None, **changed: Any) -> Iterator[None]:
    """`first` and `second`, of which the first has these options, and settings of the app."""
    llms = {"first": {"llm": PATH, **(first or {})}, "second": PATH}
    asked.clear()
    behaviour.clear()
    llm_gate.forget()
    with registry.override(Plain, Reserved), with_settings(LLMS=llms, **changed):
        yield
    llm_gate.forget()


def with_settings(**changed: Any) -> override_settings:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, **changed})


def state(name: str = "first") -> LLMState | None:
    return LLMState.objects.filter(name=name).first()
