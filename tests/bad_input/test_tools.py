"""Tools that misbehave. What their effect allows is done again, the rest waits for a person; no worker is lost."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings

from agents_app import Agent, ToolContext, register, tool
from agents_app.core.transcript import LLMRequest
from agents_app.services import Run, start_run
from agents_app.testing import calls, run_until_idle
from agents_app.testing.kit import AgentsKit
from tests import office
from tests.scenarios.checks import assert_sound

Started = Callable[..., Run[str]]


@register
class Hasty(Agent[str]):
    """Has no patience."""

    name = "hasty"

    @tool(effect="read", timeout=2, retries=1)
    def peek(self, context: ToolContext) -> str:
        """Look."""
        return _act("peek", context)

    @tool(effect="external", timeout=0.3)
    def throw(self, context: ToolContext) -> str:
        """Throw."""
        return _act("throw", context)

    @tool(effect="atomic", timeout=1, retries=0)
    def note(self, context: ToolContext, name: str) -> str:
        """Note a name in the database, then do whatever."""
        office.person(name)
        return _act("note", context)

    @tool(effect="external", timeout=5)
    async def call_out(self, context: ToolContext) -> str:
        """Call without a thread."""
        return _act("call_out", context)


def _act(name: str, context: ToolContext) -> Any:
    return office._act(name, context, context.attempt)


@pytest.fixture
def hasty(_office: None, agents: AgentsKit) -> Callable[..., Run[str]]:
    """Start the hasty agent on a script."""

    def begin(*turns: Any) -> Run[str]:
        register(Hasty)
        agents.scripted_llm(Hasty, *turns)
        run = start_run(Hasty, "go")
        run_until_idle()
        return run.again()

    return begin


def told(request: LLMRequest) -> str:
    return request.messages[-1].content  # type: ignore[union-attr,no-any-return]


def raises(error: BaseException) -> Callable[..., Any]:
    def act(context: Any, value: Any) -> Any:
        raise error

    return act


ERRORS = [ValueError("secret"), StopIteration(), SystemExit(3), KeyboardInterrupt(), MemoryError(), RecursionError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_external_tool_that_raises_leaves_its_outcome_unknown(started: Started, error: BaseException) -> None:
    office.behaviour["send"] = raises(error)
    run = started(calls("send", text="a"), "Done.")
    call = office.call_of(run)
    assert (call.status, call.error_code, call.attempt) == ("unknown", "exception", 1)
    assert "secret" not in call.error
    assert run.status == "waiting_for_approval" or call.reconcile
    assert_sound(run)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_read_that_raises_is_repeated_then_failed(started: Started, error: BaseException) -> None:
    office.behaviour["look"] = raises(error)
    run = started(calls("look", number="a"), told)
    call = office.call_of(run)
    assert (call.status, call.attempt) == ("failed", 3)
    assert run.status == "completed"
    assert "secret" not in str(run.output)
    assert_sound(run)


@pytest.mark.parametrize("error", [*ERRORS, asyncio.CancelledError()], ids=lambda e: type(e).__name__)
def test_an_async_tool_that_raises_ends_neither_loop_nor_worker(hasty: Started, error: BaseException) -> None:
    office.behaviour["call_out"] = raises(error)
    run = hasty(calls("call_out"), "Done.")
    assert office.call_of(run).status == "unknown"
    assert run.status == "waiting_for_approval"
    assert hasty("Still here.").output == "Still here."


@pytest.fixture
def stuck() -> Any:
    """A tool that hangs until the end of the test."""
    free = threading.Event()
    yield lambda context, value: free.wait(20) and "late"
    free.set()


def test_a_read_that_hangs_is_abandoned_and_repeated(hasty: Started, stuck: Any) -> None:
    office.behaviour["peek"] = lambda context, value: stuck(context, value) if context.attempt == 1 else "seen"
    run = hasty(calls("peek"), told)
    assert run.output == '"seen"'
    assert office.call_of(run).attempt == 2
    assert_sound(run)


def test_an_external_tool_that_hangs_is_not_repeated(hasty: Started, stuck: Any) -> None:
    office.behaviour["throw"] = stuck
    run = hasty(calls("throw"), "Done.")
    call = office.call_of(run)
    assert (call.status, call.error_code, call.attempt) == ("unknown", "timeout", 1)
    assert run.status == "waiting_for_approval"


def test_an_atomic_tool_that_hangs_leaves_nothing_behind(hasty: Started, stuck: Any) -> None:
    from django.contrib.auth import get_user_model

    office.behaviour["note"] = stuck
    run = hasty(calls("note", name="nora"), told)
    assert office.call_of(run).status == "failed"
    assert not get_user_model().objects.filter(username="nora").exists()
    assert run.status == "completed"
    assert_sound(run)


ODD = {"object": object(), "inside": {1: object()}, "function": open, "bytes": b"\xff\xfe", "huge": 10**5000}


@pytest.mark.parametrize("name", ODD)
def test_a_result_that_cannot_be_stored_is_a_success_with_a_note(started: Started, name: str) -> None:
    office.behaviour["send"] = lambda context, value: ODD[name]
    run = started(calls("send", text="a"), told)
    call = office.call_of(run)
    assert call.status == "succeeded"
    assert call.note
    assert call.note in str(run.output)
    assert_sound(run)


def test_nan_and_deep_nesting_are_stored_somehow(started: Started) -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    office.behaviour["send"] = lambda context, value: {"1": float("nan")}.get(value, deep)
    run = started([calls("send", text="1"), calls("send", text="2")], "Done.")
    assert run.status == "completed"
    assert_sound(run)


def test_ten_megabytes_are_cut_with_a_note(started: Started) -> None:
    office.behaviour["send"] = lambda context, value: "x" * 10_000_000
    run = started(calls("send", text="a"), "Done.")
    call = office.call_of(run)
    assert call.status == "succeeded"
    assert len(str(call.result)) == 100_000
    assert "10000002 characters" in call.note


def test_nul_and_lone_surrogates_are_replaced_with_a_note(started: Started) -> None:
    office.behaviour["send"] = lambda context, value: "a\x00b\ud800"
    run = started(calls("send", text="a"), "Done.")
    call = office.call_of(run)
    assert call.result == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
    assert call.note
    assert run.status == "completed"


def test_what_a_tool_says_is_cleaned_and_cut(started: Started) -> None:
    from agents_app import ToolFailed

    office.behaviour["send"] = raises(ToolFailed("a\x00" + "x" * 1_000_000))
    run = started(calls("send", text="a"), "Done.")
    assert office.call_of(run).status == "failed"
    assert run.status == "completed"


def test_hanging_tools_do_not_exhaust_the_process_for_others(hasty: Started, stuck: Any) -> None:
    office.behaviour["peek"] = stuck
    with override_settings(AGENTS_APP={**_settings(), "ABANDONED_THREADS": 2}):
        first = hasty(calls("peek"), told)
        assert first.status == "completed"
        assert hasty("Still here.").output == "Still here."


def _settings() -> dict[str, Any]:
    from django.conf import settings

    return dict(settings.AGENTS_APP)
