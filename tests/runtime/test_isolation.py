"""Tools in a process of their own, which can be killed."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from agents_app.core.outcomes import Ending
from agents_app.core.status import RunStatus, ToolCallStatus
from agents_app.definitions.registry import definition_of, registry
from agents_app.runtime.drive import drive_to_rest
from agents_app.runtime.isolation import _outcome
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.runtime.isolated_agents import Loner

pytestmark = pytest.mark.usefixtures("workers")


@pytest.fixture(autouse=True)
def _child(child_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AGENTS_TEST_SQLITE", "AGENTS_TEST_PG_NAME"):
        if name in child_environment:
            monkeypatch.setenv(name, child_environment[name])
    base = child_environment["DJANGO_SETTINGS_MODULE"].rpartition(".")[2]
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", f"tests.runtime.{base}_isolated")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    with registry.override(Loner):
        yield


def driven(agents: AgentsKit, what: str) -> Run[Any]:
    agents.scripted_llm(Loner, calls("act", what=what), "Done.")
    run = start_run(Loner, "x")
    drive_to_rest(run.id)
    return run.again()


def test_the_result_comes_back(agents: AgentsKit) -> None:
    run = driven(agents, "return")
    assert run.status is RunStatus.COMPLETED
    call = office.call_of(run)
    assert call.status == ToolCallStatus.SUCCEEDED
    pid, key = call.result
    assert pid != os.getpid()
    assert key == call.idempotency_key


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("fail", ToolCallStatus.FAILED, "tool_failed"),
        ("ask", ToolCallStatus.AWAITING_APPROVAL, ""),
        ("raise", ToolCallStatus.UNKNOWN, "exception"),
        ("die", ToolCallStatus.UNKNOWN, "process_died"),
    ],
)
def test_other_ends(agents: AgentsKit, what: str, status: ToolCallStatus, code: str) -> None:
    call = office.call_of(driven(agents, what))
    assert (call.status, call.error_code) == (status, code)


@pytest.mark.parametrize("what", ["run-program", "leave-program"])
def test_what_its_own_children_write_is_not_taken_for_the_outcome(agents: AgentsKit, what: str) -> None:
    """Programs that it starts inherit its standard output; one that is left behind would hold it open."""
    spec = definition_of(Loner).tools["act"]
    object.__setattr__(spec, "timeout", 15.0)
    try:
        call = office.call_of(driven(agents, what))
    finally:
        object.__setattr__(spec, "timeout", 30.0)
    assert (call.status, call.result) == (ToolCallStatus.SUCCEEDED, {"run-program": "ran"}.get(what, "left"))


def test_a_process_that_hangs_is_killed(agents: AgentsKit, tmp_path: Path) -> None:
    """On a busy machine its time may be over before the process has begun to hang: then it gets more."""
    spec, said = definition_of(Loner).tools["act"], tmp_path / "pid"
    before = spec.timeout
    try:
        for seconds in (5.0, 20.0, 60.0):
            object.__setattr__(spec, "timeout", seconds)
            call = office.call_of(driven(agents, f"hang {said}"))
            assert (call.status, call.error_code) == (ToolCallStatus.UNKNOWN, "timeout")
            if said.exists() and said.read_text():
                break
    finally:
        object.__setattr__(spec, "timeout", before)
    pid = int(said.read_text())
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("output", [b"", b"what a mess", b'{"ending": "exploded"}', b"[1]", b"3"])
def test_an_output_that_says_nothing_leaves_it_in_doubt(output: bytes) -> None:
    outcome = _outcome(output, -9)
    assert (outcome.ending, outcome.code) == (Ending.DIED, "process_died")
