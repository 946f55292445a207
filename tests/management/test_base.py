"""Errors become exit codes; people are found by their natural key."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.management import get_commands
from django.db import OperationalError

from agents_app.exceptions import (
    AgentsError,
    AlreadyDecided,
    Expired,
    InvalidArguments,
    LLMError,
    NotFound,
    NotPermitted,
    StaleDigest,
    UnknownAgent,
    WrongState,
)
from agents_app.management import base
from agents_app.management.base import OPERATOR, READER_LEFT, person
from agents_app.management.exits import MEANINGS, Exit, exit_of_error
from agents_app.selectors.people import VIEW_SENSITIVE, VIEW_TRANSCRIPT
from docs.commands import names
from tests.management.desk import manage


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnknownAgent(), 2),
        (InvalidArguments(), 2),
        (NotFound(), 3),
        (NotPermitted(), 4),
        (WrongState(), 5),
        (AlreadyDecided("by Ada"), 5),
        (StaleDigest(), 5),
        (Expired(), 5),
        (LLMError(), 1),
        (AgentsError(), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_exit_codes(error: AgentsError, code: int) -> None:
    assert exit_of_error(error) == code


def test_a_reader_that_has_enough_is_no_error(child_environment: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "django", "agents_list"],
        env=child_environment,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=200,
        check=False,
    )
    os.close(writer)
    assert (done.stderr, done.returncode) == ("", READER_LEFT)


def test_every_exit_code_has_a_meaning() -> None:
    assert list(MEANINGS) == list(Exit)


def test_every_command_is_found_by_django() -> None:
    ours = {name for name, app in get_commands().items() if app in ("agents_app", "agents_app.knowledge")}
    assert ours == set(names())
    assert len(ours) >= 16


def test_a_person_is_found_by_the_natural_key(people: dict[str, Any]) -> None:
    assert person("lead") == people["lead"]
    assert person(None) is OPERATOR
    with pytest.raises(NotFound, match="ghost"):
        person("ghost")


def test_a_user_model_of_the_team_is_asked_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    class Manager:
        def get_by_natural_key(self, key: str) -> str:
            return f"found {key}"

    class Person:
        _default_manager = Manager()

    monkeypatch.setattr(base, "get_user_model", lambda: Person)
    assert person("ada@example.org") == "found ada@example.org"


def test_the_operator_sees_everything_but_what_is_sensitive() -> None:
    assert OPERATOR.has_perm(VIEW_TRANSCRIPT)
    assert not OPERATOR.has_perm(VIEW_SENSITIVE)


def test_a_database_that_is_away_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("agents_app.management.commands.agents_show.person", away)
    done = manage("agents_show")
    assert done.code == 1
    assert "connection refused" in done.error
    assert "agents_doctor" in done.error
