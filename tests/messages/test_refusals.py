"""What the desk, memory and knowledge refuse, in the language of who reads it; an LLM reads English."""

import ast
from pathlib import Path

import pytest
from django.utils.translation import override

import agents_app
from agents_app import services
from agents_app.exceptions import InvalidInput, UnknownAgent
from agents_app.services import SYSTEM
from tests import office

pytestmark = pytest.mark.once

ROOT = Path(agents_app.__file__).parent
REFUSALS = {
    *("InvalidInput", "MemoryChanged", "NotPermitted", "NotFound", "Unreadable", "WrongState", "AlreadyDecided"),
    *("Expired", "StaleDigest", "LinkUsed", "InvalidLink", "UnknownAgent", "BrokenAgent", "PolicyProblem"),
}
PLACES = (
    "memory",
    *("services", "gate/approvers.py", "gate/grants.py", "selectors", "links", "admin", "api/views"),
    "definitions/registry.py",
    *(f"knowledge/{each}" for each in ("api", "search", "reading", "ingesting.py")),
)
BY_CODE_ALONE = {"values.py", "found.py"}
"""Names of what can be given at all: doors have looked at them before."""


def test_each_is_marked() -> None:
    files = [
        file for place in PLACES for file in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    ]
    assert len(files) > 20
    unmarked = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in files
        if file.name not in BY_CODE_ALONE
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in REFUSALS
        if node.args and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
    ]
    assert not unmarked, "mark it with gettext"


@pytest.mark.django_db
def test_in_the_language_of_who_reads_it() -> None:
    ann = office.person("ann")
    with override("de"), pytest.raises(UnknownAgent, match="Kein Agent heißt „nobody“"):
        services.explain_call("nobody", "pay", {}, by=SYSTEM)
    with override("de"), pytest.raises(InvalidInput, match="Eine Tatsache hat höchstens 1000 Zeichen; diese hat 1001"):
        services.remember_fact("x" * 1001, by=SYSTEM, user=ann)
