"""From the errors of pydantic-ai and its SDKs to `LLMError` with a stable code."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agents_app.exceptions import LLMError

MESSAGE_LIMIT = 500
"""Characters of a provider's error text that are kept."""

# Class name in pydantic_ai.exceptions, our code, whether trying again may help; the narrow before the broad.
RULES: tuple[tuple[str, str, bool], ...] = (
    ("ModelRateLimitError", "rate_limited", True),
    ("ModelQuotaExceededError", "quota_exceeded", False),
    ("ModelOverloadedError", "overloaded", True),
    ("ModelUnavailableError", "unavailable", True),
    ("ModelServerError", "server_error", True),
    ("ModelTimeoutError", "timeout", True),
    ("ModelConnectionError", "connection", True),
    ("ModelRequestTimeout", "timeout", True),
    ("ModelContextWindowExceededError", "context_window_exceeded", False),
    ("ModelAuthenticationError", "authentication", False),
    ("ModelNotFoundError", "not_found", False),
    ("ModelRequestRejectedError", "rejected", False),
    ("ContentFilterError", "content_filter", False),
    ("UnexpectedModelBehavior", "invalid_reply", True),
    ("UserError", "misconfigured", False),
)

TRANSIENT_HTTP = frozenset({408, 409, 425, 429})
"""HTTP statuses below 500 after which trying again may help."""

TOO_LONG = re.compile(
    "exceed_context_size|maximum context length|exceeds the available context|prompt is too long", re.IGNORECASE
)
"""How compatible servers (llama.cpp, vLLM) say that the conversation is too long; the library knows OpenAI's way."""


def llm_error(error: Exception, *, secrets: Iterable[str | None] = ()) -> LLMError:
    """The `LLMError` that says what this error means, without secrets in its text."""
    if isinstance(error, LLMError):
        return error
    code, transient = _meaning(error)
    return LLMError(
        _message(error, code, secrets),
        code=code,
        transient=transient,
        retry_after=getattr(error, "retry_after", None),
    )


def _meaning(error: Exception) -> tuple[str, bool]:
    from pydantic_ai import exceptions

    for name, code, transient in RULES:
        if isinstance(error, getattr(exceptions, name)):
            too_long = code == "rejected" and TOO_LONG.search(str(error))
            return ("context_window_exceeded", False) if too_long else (code, transient)
    if isinstance(error, exceptions.ModelHTTPError):
        return "provider_error", error.status_code >= 500 or error.status_code in TRANSIENT_HTTP
    if isinstance(error, exceptions.ModelAPIError) and (error.provider_error_code or error.provider_error_type):
        return "provider_error", True
    if isinstance(error, ImportError):
        return "not_installed", False
    if isinstance(error, TimeoutError):
        return "timeout", True
    if isinstance(error, OSError) or _is_transport_error(error):
        return "connection", True
    # What is left was raised while reading what the provider sent.
    return "invalid_reply", True


def _is_transport_error(error: Exception) -> bool:
    """Whether the HTTP library raised it, whichever of its generations is in use."""
    return any(kind.__name__ == "TransportError" and kind.__module__.startswith("http") for kind in type(error).__mro__)


def _words(error: Exception, code: str) -> str:
    """Without the reply itself, which such errors quote: it belongs to the transcript, an error is told in events."""
    from pydantic_ai import exceptions

    if isinstance(error, exceptions.UnexpectedModelBehavior):
        return str(error.message)
    if code == "invalid_reply" and not isinstance(error, exceptions.ModelAPIError):
        return f"The reply could not be read ({type(error).__name__})."
    return str(error)


def _message(error: Exception, code: str, secrets: Iterable[str | None]) -> str:
    text = _words(error, code) or (
        "There was no reply in time." if isinstance(error, TimeoutError) else type(error).__name__
    )
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    text = re.sub(r"\b(sk-|key-|Bearer )[\w*.-]{4,}", r"\1***", text)
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"
