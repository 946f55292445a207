"""The port to LLMs: one method."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from agents_app.core.transcript import LLMReply, LLMRequest

OnText = Callable[[str], None]
"""Receives the text of a reply piece by piece. It is called on the event loop: it must be quick and must not raise."""


@runtime_checkable
class LLM(Protocol):
    """A language model. Implement this one method to bring your own; name the class in AGENTS_APP["LLMS"].

    The object may be used by many runs at the same time on one event loop, and belongs to that loop.
    """

    async def respond(self, request: LLMRequest, on_text: OnText | None = None) -> LLMReply:
        """The LLM's reply to the conversation so far.

        With `on_text` the text is also given piece by piece as it comes. Raises `LLMError` and nothing else.
        """
        ...
