"""mypy and pyright accept what an author may write, and find what is wrong in it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
MISTAKES = HERE / "mistakes.py"
FILES = (HERE / "agents.py", MISTAKES)
PROGRAMS = Path(sys.executable).parent

pytestmark = pytest.mark.once


def run(*command: str | Path) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280).stdout


def lines_marked_wrong(path: Path) -> set[int]:
    return {number for number, line in enumerate(path.read_text().splitlines(), 1) if line.endswith("# wrong")}


Found = dict[tuple[str, int], str]
"""What is wrong, by file and line."""


def mypy(cache: Path) -> Found:
    output = run(PROGRAMS / "mypy", "--config-file", HERE / "mypy.ini", "--cache-dir", cache, *FILES)
    assert "Success" in output or "Found " in output, output
    errors = re.findall(r"(\w+\.py):(\d+): error: (.*)", output)
    return {(file, int(line)): message for file, line, message in errors}


def pyright() -> Found:
    output = run(PROGRAMS / "pyright", "--outputjson", "--project", HERE, "--pythonpath", sys.executable)
    found = json.loads(output)
    assert found["summary"]["filesAnalyzed"] == len(FILES)
    return {
        (Path(item["file"]).name, item["range"]["start"]["line"] + 1): item["message"]
        for item in found["generalDiagnostics"]
        if item["severity"] == "error"
    }


def assert_as_marked(found: Found) -> None:
    """Nothing in the example, and each of the mistakes."""
    wrong = {(MISTAKES.name, line) for line in lines_marked_wrong(MISTAKES)}
    assert wrong
    assert set(found) == wrong, found


def test_mypy_accepts_the_example_and_finds_the_mistakes(tmp_path: Path) -> None:
    assert_as_marked(mypy(tmp_path))


def test_pyright_accepts_the_example_and_finds_the_mistakes() -> None:
    assert_as_marked(pyright())
