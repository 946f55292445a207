"""Rules of the code that no linter holds: places of imports and status writes, lengths, words."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import quantiles

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent
APP = ROOT / "agents_app"
MODULES = sorted(path for path in APP.rglob("*.py") if "migrations" not in path.parts)

MODULE_LINES = 400
FUNCTION_LINES = 60
FUNCTION_LINES_P90 = 20
FORBIDDEN_WORDS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "misc",
    "common",
    "job",
    "jobs",
    "bot",
    "thread",
    "chat",
    "tick",
}
FORBIDDEN_WORDS |= {"workflow", "review", "ctx"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in MODULES}


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    """The lines of the body; signature and docstring are not counted."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 40


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_own_code_is_imported_at_the_top() -> None:
    hidden = [
        f"{name_of(path)}, {function.name}, line {node.lineno}"
        for path, tree in trees().items()
        if path.name != "apps.py"
        for function in functions(tree)
        for node in ast.walk(function)
        if (isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == "agents_app"))
        or (isinstance(node, ast.Import) and any(name.name.split(".")[0] == "agents_app" for name in node.names))
    ]
    assert not hidden, f"import of our own code inside a function: {hidden}"


def writes_status(node: ast.AST) -> bool:
    """`x.status = …`, `x.update(status=…)`, `setattr(x, "status", …)`, `bulk_update(…, ["status"])` and their like."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(target, ast.Attribute) and target.attr == "status" for target in targets)
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if name in {"update", "aupdate", "update_or_create"}:
        return any(word.arg == "status" for word in node.keywords)
    return name in {"setattr", "bulk_update", "abulk_update", "save", "asave"} and any(
        isinstance(inner, ast.Constant) and inner.value == "status" for inner in ast.walk(node)
    )


def status_writes(tree: ast.AST) -> list[int]:
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.expr) and writes_status(node)]


@pytest.mark.parametrize(
    "code",
    [
        "call.status = 1",
        "rows.filter(id=1).update(version=2, status=3)",
        "setattr(call, 'status', 1)",
        "rows.bulk_update(calls, ['status'])",
        "call.save(update_fields=['status'])",
    ],
)
def test_status_writes_are_recognised(code: str) -> None:
    assert status_writes(ast.parse(code)) == [1]


def test_status_is_written_by_transitions_alone() -> None:
    others = [path for path in MODULES if path.relative_to(APP).parts[0] not in {"transitions", "transitions.py"}]
    found = {name_of(path): lines for path in others if (lines := status_writes(trees()[path]))}
    assert not found, f"a status is written in these lines: {found}; use agents_app.transitions"


def test_modules_are_short() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}
    assert not {name: length for name, length in lengths.items() if length > MODULE_LINES}


def test_functions_are_short() -> None:
    lengths = {
        f"{name_of(path)}, {function.name}": body_lines(function)
        for path, tree in trees().items()
        for function in functions(tree)
    }
    assert not {name: length for name, length in lengths.items() if length > FUNCTION_LINES}


def test_most_functions_are_very_short() -> None:
    lengths = [body_lines(function) for tree in trees().values() for function in functions(tree)]
    assert quantiles(lengths, n=10)[-1] <= FUNCTION_LINES_P90


def test_names_of_modules_are_the_designs_words() -> None:
    words = {path: set(re.split(r"[_/.]", str(path.relative_to(APP).with_suffix("")))) for path in MODULES}
    assert not {name_of(path): found & FORBIDDEN_WORDS for path, found in words.items() if found & FORBIDDEN_WORDS}


def test_every_module_has_its_import_rule() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    ruled = {contract["module"].split(".")[1] for contract in contracts if contract["type"] == "may_import"}
    # These may import anything, and nothing may import them.
    free = {"__init__", "apps", "checks", "urls", "testing"}
    found = {path.relative_to(APP).parts[0].removesuffix(".py") for path in MODULES}
    assert found - free - ruled == set(), "add a may_import contract to pyproject.toml"
    assert not ruled & free


def test_every_folder_is_a_package() -> None:
    """A folder without `__init__.py` can be imported, but the import rules do not see it."""
    assert [str(path) for path in {path.parent for path in MODULES} if not (path / "__init__.py").exists()] == []
