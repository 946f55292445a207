"""For the tests of your agents: an LLM that says what you tell it to, and a queue that runs when you tell it to.

Everything is imported when it is first used: the pytest plugin is loaded before Django is set up.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents_app.testing.assertions import (
        assert_called,
        assert_cancelled,
        assert_completed,
        assert_failed,
        assert_not_called,
        assert_waits_for_approval,
        assert_waits_for_input,
    )
    from agents_app.testing.deciding import answer_pending, approve_pending, reject_pending, send_back_pending
    from agents_app.testing.driving import move_time, run_until_idle, scripted_llm
    from agents_app.testing.embedder import HashingEmbedder
    from agents_app.testing.kit import AgentsKit, AgentsTestMixin
    from agents_app.testing.llm import ScriptedLLM, calls, fails, hang, raw_call, script, turn
    from agents_app.testing.reading import describe, event_types, events

_HOMES = {
    "assertions": [
        "assert_called",
        "assert_cancelled",
        "assert_completed",
        "assert_failed",
        "assert_not_called",
        "assert_waits_for_approval",
        "assert_waits_for_input",
    ],
    "deciding": ["answer_pending", "approve_pending", "reject_pending", "send_back_pending"],
    "embedder": ["HashingEmbedder"],
    "driving": ["move_time", "run_until_idle", "scripted_llm"],
    "kit": ["AgentsKit", "AgentsTestMixin"],
    "llm": ["ScriptedLLM", "calls", "fails", "hang", "raw_call", "script", "turn"],
    "reading": ["describe", "event_types", "events"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AgentsKit",
    "AgentsTestMixin",
    "HashingEmbedder",
    "ScriptedLLM",
    "answer_pending",
    "approve_pending",
    "assert_called",
    "assert_cancelled",
    "assert_completed",
    "assert_failed",
    "assert_not_called",
    "assert_waits_for_approval",
    "assert_waits_for_input",
    "calls",
    "describe",
    "event_types",
    "events",
    "fails",
    "hang",
    "move_time",
    "raw_call",
    "reject_pending",
    "run_until_idle",
    "script",
    "scripted_llm",
    "send_back_pending",
    "turn",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
