"""The page about the commands says what the commands say."""

import pytest

from docs.commands import GROUPS, commands_page, names
from docs.generate import REFERENCE

pytestmark = pytest.mark.once


def test_every_command_is_on_the_page_once() -> None:
    assert sorted(name for members in GROUPS.values() for name in members) == names()


def test_the_page_is_current() -> None:
    assert (REFERENCE / "commands.md").read_text() == commands_page(), "run scripts/docs"


def test_usage() -> None:
    page = commands_page()
    assert "manage.py agents_settle CALL happened|try_again|give_up [--result JSON] [--reason REASON] --as USER" in page
    assert "manage.py agents_show [RUN] [--watch] [--as USER] [--json]" in page
    assert "| `--set PATH=VALUE` |" in page
    assert "| 6 | The run that was watched waits for people. |" in page
