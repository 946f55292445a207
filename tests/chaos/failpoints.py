"""The failpoints of the product: found in its source, so that none is forgotten."""

import ast
from pathlib import Path

import agents_app
from agents_app.core.events import EventType

CHANGES = {
    "change.concluded": "concluded",
    "known.concluded": "concluded",
    "change.committed": "committed",
    "known.committed": "committed",
}
"""The failpoints around the commit of a change; each counts once more for each event of the change."""
RARE = frozenset({EventType.INPUT_EXPIRED, EventType.INPUT_WITHDRAWN})
"""Events that a chaos has no time to wait for, or no reason to cause."""
AT_THE_START = frozenset({EventType.RUN_STARTED})


def in_source() -> list[str]:
    """The names that `failpoint("…")` is called with."""
    app = Path(agents_app.__file__).parent
    # The chaos reads no documents: what knowledge does is harmed in tests/knowledge.
    files = (path for path in sorted(app.rglob("*.py")) if app / "knowledge" not in path.parents)
    names = [name for path in files for name in _in(path)]
    assert len(names) == len(set(names)), f"a failpoint has two places: {sorted(names)}"
    return sorted(names)


def _in(path: Path) -> list[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "failpoint"]
    names = [name.value for name in named if isinstance(name, ast.Constant) and isinstance(name.value, str)]
    assert len(names) == len(named), f"{path}: a failpoint's name must be a literal"
    return names


def by_event() -> list[str]:
    """Around each commit of a change, once more for each event that it may record."""
    events = [event for event in EventType if event not in RARE | AT_THE_START]
    return [f"{moment}/{event}" for moment in ("concluded", "committed") for event in events]
