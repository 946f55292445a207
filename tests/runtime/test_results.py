"""A tool that returned has succeeded, whatever it returned; and what its exceptions say."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from agents_app import Agent, ApprovalRequired, Postpone, ToolFailed, ToolRetry, tool
from agents_app.core.outcomes import Ending
from agents_app.definitions.registry import definition_of
from agents_app.runtime.results import SAID_LIMIT, raised, returned, timed_out


class Anything(Agent[str]):
    name = "anything"

    @tool(effect="read")
    def get(self) -> Any:
        """Get."""

    @tool(effect="read")
    def number(self) -> int:
        """Get a number."""
        return 1


TOOL, NUMBER = (definition_of(Anything).tools[name] for name in ("get", "number"))


@pytest.mark.parametrize("value", [None, 1, "text", [1, {"a": None}], True])
def test_json_is_kept(value: Any) -> None:
    outcome = returned(TOOL, value)
    assert (outcome.ending, outcome.result, outcome.note) == (Ending.RETURNED, value, "")


def test_another_type_than_declared_is_kept_too() -> None:
    assert returned(NUMBER, "three").result == "three"


@pytest.mark.parametrize("value", [object(), lambda: 1, {1: object()}])
def test_what_cannot_be_stored_is_replaced_by_a_note(value: Any) -> None:
    outcome = returned(TOOL, value)
    assert (outcome.ending, outcome.result) == (Ending.RETURNED, None)
    assert "could not be stored" in outcome.note


def test_characters_that_cannot_be_stored_are_replaced_and_noted() -> None:
    outcome = returned(TOOL, {"a\x00": ["\ud800"]})
    assert outcome.result == {"a\ufffd": ["\ufffd"]}
    assert "replaced" in outcome.note


@pytest.mark.parametrize("value", ["x" * 200, {"key": "x" * 200}])
def test_what_is_too_long_is_cut_and_noted(value: Any) -> None:
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "RESULT_LIMIT": 100}):
        outcome = returned(TOOL, value)
    assert outcome.ending is Ending.RETURNED
    assert isinstance(outcome.result, str)
    assert len(outcome.result) == 100
    assert "characters" in outcome.note
    assert "first 100" in outcome.note


def test_ten_megabytes_are_no_trouble() -> None:
    assert len(str(returned(TOOL, "x" * 10_000_000).result)) == 100_000


@pytest.mark.parametrize(
    ("error", "ending", "message"),
    [
        (ToolRetry("write it so"), Ending.REFUSED, "write it so"),
        (ToolFailed("sold out\x00"), Ending.REFUSED, "sold out\ufffd"),
        (ToolFailed(), Ending.REFUSED, "ToolFailed"),
        (ApprovalRequired("late"), Ending.ASKED, "late"),
        (ValueError("the secret"), Ending.RAISED, "The tool raised ValueError."),
        (SystemExit("the secret"), Ending.RAISED, "The tool raised SystemExit."),
    ],
)
def test_exceptions(error: BaseException, ending: Ending, message: str) -> None:
    outcome = raised(TOOL, error)
    assert (outcome.ending, outcome.message) == (ending, message)


def test_what_a_tool_says_has_a_limit() -> None:
    assert len(raised(TOOL, ToolFailed("x" * 1_000_000)).message) == SAID_LIMIT


def test_postpone_until() -> None:
    until = timezone.now() + timedelta(hours=1)
    assert raised(TOOL, Postpone(until)).until == until
    naive = datetime(2100, 1, 1)  # noqa: DTZ001 - that is the case
    assert raised(TOOL, Postpone(naive)).until == timezone.make_aware(naive)


def test_time_over() -> None:
    outcome = timed_out(TOOL, 2.0)
    assert (outcome.ending, outcome.code) == (Ending.TIMED_OUT, "timeout")
    assert "2 s" in outcome.message
