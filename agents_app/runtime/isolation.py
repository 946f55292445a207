"""Tools with `isolation="process"`: in a process of their own, which is killed when its time is over."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from datetime import datetime
from typing import Any

from agents_app.core.canonical import clean_json
from agents_app.core.outcomes import Ending, Outcome
from agents_app.runtime.held import Held, ToolAct
from agents_app.runtime.results import timed_out

CHILD = "agents_app.runtime.isolated_tool"


async def call_in_process(held: Held, act: ToolAct) -> Outcome:
    """Start a Python process that makes the call and prints its outcome as JSON; kill its whole group on time-out.

    A process that ends without an outcome leaves it in doubt, as a worker's death would.
    """
    job = json.dumps({"call": str(act.call_id), "agent": held.definition.name, "worker": os.getpid()})
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        CHILD,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(act.timeout):
            output, _ = await process.communicate(job.encode())
    except TimeoutError:
        return timed_out(act.tool, act.timeout)
    finally:
        _kill(process)
        await process.wait()
    return _outcome(output, process.returncode)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _outcome(output: bytes, code: int | None) -> Outcome:
    try:
        said: dict[str, Any] = json.loads(output.splitlines()[-1])
        return Outcome(
            ending=Ending(said["ending"]),
            result=clean_json(said.get("result"))[0],
            note=said.get("note", ""),
            code=said.get("code", ""),
            message=said.get("message", ""),
            until=datetime.fromisoformat(said["until"]) if said.get("until") else None,
        )
    except (ValueError, KeyError, IndexError, TypeError):
        return Outcome(ending=Ending.DIED, code="process_died", message=f"The tool's process ended with code {code}.")
