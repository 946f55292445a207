"""mypy and pyright accept what an author may write, and find what is wrong in it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PROGRAMS = Path(sys.executable).parent

pytestmark = pytest.mark.once


def run(*command: str | Path) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110).stdout


def lines_marked_wrong(path: Path) -> set[int]:
    return {number for number, line in enumerate(path.read_text().splitlines(), 1) if line.endswith("# wrong")}


def mypy(path: Path, cache: Path) -> dict[int, str]:
    output = run(PROGRAMS / "mypy", "--config-file", HERE / "mypy.ini", "--cache-dir", cache, path)
    assert "Success" in output or "Found " in output, output
    errors = re.findall(rf"{path.name}:(\d+): error: (.*)", output)
    return {int(line): message for line, message in errors}


def pyright(path: Path) -> dict[int, str]:
    output = run(PROGRAMS / "pyright", "--outputjson", "--project", HERE, "--pythonpath", sys.executable)
    found = json.loads(output)
    assert found["summary"]["filesAnalyzed"] == 2
    return {
        item["range"]["start"]["line"] + 1: item["message"]
        for item in found["generalDiagnostics"]
        if item["severity"] == "error" and Path(item["file"]) == path
    }


def test_mypy_accepts_the_example(tmp_path: Path) -> None:
    assert mypy(HERE / "agents.py", tmp_path) == {}


def test_mypy_finds_the_mistakes(tmp_path: Path) -> None:
    path = HERE / "mistakes.py"
    assert set(mypy(path, tmp_path)) == lines_marked_wrong(path)


def test_pyright_accepts_the_example() -> None:
    assert pyright(HERE / "agents.py") == {}


def test_pyright_finds_the_mistakes() -> None:
    path = HERE / "mistakes.py"
    assert set(pyright(path)) == lines_marked_wrong(path)
