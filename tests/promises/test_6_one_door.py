"""Promise 6. Admin, REST, websocket and command line call the same commands. No rule lives in a door."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

import agents_app
from tests.promises.mutants import Mutant
from tests.promises.stage import Stage
from tests.test_structure import status_writes

APP = Path(agents_app.__file__).parent
DOORS = ("admin", "api", "ws", "management", "links")
FORBIDDEN = ("agents_app.transitions", "agents_app.gate")
"""What a door must not reach by itself: who writes a status, and who judges."""


def modules() -> list[Path]:
    return [path for door in DOORS for path in sorted((APP / door).rglob("*.py"))]


def rules_in(source: str) -> list[str]:
    """What in this module of a door belongs into a command."""
    tree = ast.parse(source)
    found = [f"line {line}: writes a status" for line in status_writes(tree)]
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found += [f"line {node.lineno}: imports {name}" for name in names if name.startswith(FORBIDDEN)]  # type: ignore[attr-defined]
    return found


@pytest.mark.once
def test_no_rule_lives_in_a_door() -> None:
    found = {str(path.relative_to(APP)): rules_in(path.read_text()) for path in modules()}
    assert {name: rules for name, rules in found.items() if rules} == {}


def test_every_door_is_looked_at() -> None:
    assert {path.relative_to(APP).parts[0] for path in modules()} >= {"admin", "api", "management"}


def door(source: str) -> Callable[[Stage], None]:
    """The check above, of a door with this source."""

    def check(stage: Stage) -> None:
        assert rules_in(source) == []

    return check


BYPASSES = {
    "a door writes a status": "def approve(request, call):\n    call.status = 'ready'\n    call.save()",
    "a door updates a status": "ToolCall.objects.filter(pk=1).update(status='ready')",
    "a door moves a run itself": "from agents_app.transitions import approvals",
    "a door imports the writer whole": "import agents_app.transitions.calls",
    "a door imports the writer by its package": "from agents_app import transitions",
    "a door judges by itself": "from agents_app.gate.approvers import may_decide",
}

MUTANTS = [Mutant(name=name, check=door(source), cuts=()) for name, source in BYPASSES.items()]
