"""Every error of the library has a code of ours, and no secret gets out with it."""

import inspect
import json

import httpx2
import pytest
from pydantic import BaseModel, ValidationError
from pydantic_ai import exceptions

from agents_app.exceptions import LLMError
from agents_app.llm.errors import MESSAGE_LIMIT, RULES, llm_error

CODES = {name: (code, transient) for name, code, transient in RULES}


def api_errors() -> list[type[exceptions.ModelAPIError]]:
    """All categories that the installed library has."""
    found = [one for _, one in inspect.getmembers(exceptions, inspect.isclass)]
    return [one for one in found if issubclass(one, exceptions.ModelAPIError) and not one.__name__.startswith("_")]


def make(kind: type[exceptions.ModelAPIError]) -> exceptions.ModelAPIError:
    if kind is exceptions.ModelHTTPError:
        return exceptions.ModelHTTPError(status_code=418, model_name="x")
    if kind is exceptions.ModelRequestTimeout:
        return exceptions.ModelRequestTimeout("x", 5.0)
    return kind("x", "message")


@pytest.mark.parametrize("kind", api_errors())
def test_every_category_of_the_library_has_its_own_code(kind: type[exceptions.ModelAPIError]) -> None:
    error = llm_error(make(kind))
    if kind is exceptions.ModelAPIError:
        assert error.code == "invalid_reply"
    elif kind is exceptions.ModelHTTPError:
        assert (error.code, error.transient) == ("provider_error", False)
    else:
        assert (error.code, error.transient) == CODES[kind.__name__]


@pytest.mark.parametrize(
    ("error", "code", "transient"),
    [
        (exceptions.ModelHTTPError(status_code=502, model_name="x"), "provider_error", True),
        (exceptions.ModelHTTPError(status_code=409, model_name="x"), "provider_error", True),
        (exceptions.ModelAPIError("x", "m", provider_error_type="odd"), "provider_error", True),
        (exceptions.UnexpectedModelBehavior("nonsense"), "invalid_reply", True),
        (exceptions.ContentFilterError("no"), "content_filter", False),
        (exceptions.UserError("Set the key"), "misconfigured", False),
        (ImportError("Please install google-genai"), "not_installed", False),
        (TimeoutError(), "timeout", True),
        (ConnectionResetError("reset"), "connection", True),
        (httpx2.ReadError("cut"), "connection", True),
        (json.JSONDecodeError("odd", "x", 0), "invalid_reply", True),
    ],
)
def test_other_errors(error: Exception, code: str, transient: bool) -> None:
    found = llm_error(error)
    assert (found.code, found.transient) == (code, transient)
    assert found.message


def test_compatible_servers_say_in_words_that_a_conversation_is_too_long() -> None:
    text = "This model's maximum context length is 2048 tokens."
    assert llm_error(exceptions.ModelRequestRejectedError("x", text)).code == "context_window_exceeded"


def test_our_own_error_stays() -> None:
    error = LLMError(code="content_filter")
    assert llm_error(error) is error


def test_how_long_to_wait_is_kept() -> None:
    assert llm_error(exceptions.ModelRateLimitError("x", "slow", retry_after=3.5)).retry_after == 3.5


def test_keys_are_taken_out_and_long_texts_are_cut() -> None:
    text = "Incorrect API key provided: my-own-key or sk-abc12345 or Bearer abc.def " + "x" * 1000
    message = llm_error(exceptions.ModelRequestRejectedError("x", text), secrets=["my-own-key", None, ""]).message
    assert "my-own-key" not in message
    assert "abc12345" not in message
    assert "abc.def" not in message
    assert len(message) == MESSAGE_LIMIT


class _Wanted(BaseModel):
    amount: int


def test_the_reply_itself_is_not_quoted() -> None:
    """Events tell an error to everybody who may know of the run; the reply is for those who read the transcript."""
    with pytest.raises(ValidationError) as unreadable:
        _Wanted.model_validate({"amount": "what the LLM said"})
    for error in (exceptions.UnexpectedModelBehavior("Odd reply", "what the LLM said"), unreadable.value):
        assert "what the LLM said" in str(error)
        message = llm_error(error).message
        assert message
        assert "what the LLM said" not in message
