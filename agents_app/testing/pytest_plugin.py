"""The fixtures `agents` and `scripted_llm`. Loaded by pytest wherever this app is installed, so it does nothing yet."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings

if TYPE_CHECKING:
    from agents_app.testing.kit import AgentsKit
    from agents_app.testing.llm import ScriptedLLM


@pytest.fixture
def agents() -> "Iterator[AgentsKit]":
    """Run and check your agents: `agents.run_until_idle()`, `agents.assert_completed(run)`, …

    While a test uses it the queue is off: runs go on by `run_until_idle` alone. The test asks for the database itself.
    """
    if not settings.configured:
        pytest.fail("The fixture `agents` needs Django: set DJANGO_SETTINGS_MODULE (see pytest-django).", pytrace=False)
    # By name: what it imports has models, and Django is not set up when pytest loads this module.
    kit: AgentsKit
    with import_module("agents_app.testing.kit").AgentsKit.opened() as kit:
        yield kit


@pytest.fixture
def scripted_llm(agents: "AgentsKit") -> "Callable[..., ScriptedLLM]":
    """Let a script answer an agent until the end of the test: `scripted_llm(SupportAgent, calls(…), "Done.")`."""

    def answered(agent: Any, *turns: Any) -> "ScriptedLLM":
        return agents.scripted_llm(agent, *turns)

    return answered
