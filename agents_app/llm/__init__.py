"""The port to language models: `resolve(name)` gives an `LLM`; nothing here imports pydantic-ai until it is called."""

from agents_app.llm.base import LLM, OnText
from agents_app.llm.limits import candidates, limits_of
from agents_app.llm.pydantic_ai import close_connections
from agents_app.llm.resolve import known, resolve

__all__ = ["LLM", "OnText", "candidates", "close_connections", "known", "limits_of", "resolve"]
