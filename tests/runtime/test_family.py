"""Whoever loses its parent ends."""

import json
import os
import subprocess
import sys
import time

import psutil
import pytest

pytestmark = [pytest.mark.once, pytest.mark.skipif(sys.platform != "linux", reason="only Linux can")]

PARENT = r"""
import os, time
from agents_app.runtime.family import let_children_die_with_us
let_children_die_with_us()
if child := os.fork():
    os.write(1, b"%d\n" % child)
elif grandchild := os.fork():
    os.write(1, b"%d\n" % grandchild)
time.sleep(60)
"""


def test_children_and_theirs_die_with_the_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        family = [psutil.Process(int(parent.stdout.readline())) for _ in range(2)]
        assert all(one.is_running() for one in family)
        parent.kill()
        parent.wait()
        until = time.monotonic() + 30
        while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family):
            assert time.monotonic() < until
            time.sleep(0.02)


def test_nobody_dies_with_a_process_that_is_not_the_parent() -> None:
    """It had died before one could say so."""
    code = "from agents_app.runtime.family import die_with; die_with(1 << 30)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 1


def test_a_tools_own_process_ends_with_its_worker() -> None:
    job = json.dumps({"call": "x", "agent": "x", "worker": os.getpid() + 1})
    command = [sys.executable, "-m", "agents_app.runtime.isolated_tool"]
    done = subprocess.run(command, input=job, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
