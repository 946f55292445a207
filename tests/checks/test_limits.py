"""Limits that say nothing sensible are found at start-up."""

from typing import Any

import pytest
from django.test import override_settings

from agents_app import Agent, tool
from agents_app.checks.limits import check_limits
from agents_app.definitions.inspection import inspect_agent
from agents_app.definitions.registry import registry

pytestmark = [pytest.mark.once]


class Scribe(Agent[str]):
    name = "scribe"


def ids(**given: Any) -> list[str]:
    with override_settings(AGENTS_APP=given), registry.override(Scribe):
        return [str(message.id).removeprefix("agents_app.") for message in check_limits()]


def test_what_is_right_is_silent() -> None:
    assert ids() == []
    assert ids(MAX_RUNNING={"scribe": 3}, MAX_RUNNING_PER_USER=1, MAX_RUNNING_PER_SESSION=1, RUNS_PER_WORKER=1000) == []


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "3", True])
def test_a_limit_is_a_whole_number(wrong: Any) -> None:
    assert ids(MAX_RUNNING_PER_USER=wrong) == ["E130"]
    assert ids(MAX_RUNNING_PER_SESSION=wrong) == ["E130"]
    assert ids(MEMORY_RUNS_PER_DAY=wrong) == ["E130"]
    assert ids(MAX_RUNNING={"scribe": wrong}) == ["E131"]
    assert ids(RUNS_PER_WORKER=wrong) == ["E132"]


def test_a_limit_for_nobody_is_a_mistake_in_a_name() -> None:
    assert ids(MAX_RUNNING=["scribe"]) == ["E131"]
    assert ids(MAX_RUNNING={"scrib": 3}) == ["W130"]
    assert ids(TOOL_THREADS=None) == ["E132"]


def test_a_call_may_not_take_longer_than_a_worker_waits_for_it() -> None:
    assert ids(DRAIN_SECONDS=Scribe.llm_timeout) == []
    assert ids(DRAIN_SECONDS=Scribe.llm_timeout - 1) == ["W131"]


def test_nor_may_a_tool() -> None:
    @tool(effect="read", timeout=300)
    async def search(words: str) -> str:
        """Search."""
        return words

    patient = type("Patient", (Agent,), {"name": "patient", "tools": [search]})
    with override_settings(AGENTS_APP={"DRAIN_SECONDS": 299}), registry.override(patient):
        (warning,) = check_limits()
    assert warning.id == "agents_app.W131"
    assert "“search” 300 s" in warning.msg


def test_all_calls_of_an_agent_that_take_too_long_are_one_warning() -> None:
    def search(words: str) -> str:
        """Search."""
        return words

    seconds = {"slow": 300, "slower": 400, "quick": 10}
    tools = [tool(effect="read", name=name, timeout=timeout)(search) for name, timeout in seconds.items()]
    patient = type("Patient", (Agent,), {"name": "patient", "tools": tools, "llm_timeout": 90})
    with override_settings(AGENTS_APP={"DRAIN_SECONDS": 75}), registry.override(patient):
        (warning,) = check_limits()
    assert warning.msg == (
        "The agent 'patient' gives its LLM 90 s, its tool “slow” 300 s, its tool “slower” 400 s: "
        "over DRAIN_SECONDS (75 s)."
    )
    assert warning.hint is not None
    assert "to 400 or more" in warning.hint


@pytest.mark.parametrize(
    "options", [{"max_running": 0}, {"max_running_per_session": "1"}, {"priority": "urgent"}, {"max_steps": None}]
)
def test_an_agent_that_says_nonsense_has_a_problem(options: dict[str, Any]) -> None:
    (problem,) = inspect_agent(type("Wrong", (Agent,), {"name": "wrong", **options})).problems
    assert next(iter(options)) in problem.message
