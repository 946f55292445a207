"""A process group that is started and ended as a whole; here its main is a short script."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agents_app.management.cluster import cluster as module
from agents_app.management.cluster.cluster import Cluster
from tests.management.cluster.supervised import alive, until

pytestmark = pytest.mark.once

MAIN = """
import os, signal, sys, time
sign, held = int(sys.argv[1]), int(sys.argv[2])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
if os.fork() == 0:
    with open("child", "w") as file:
        file.write(str(os.getpid()))
    os.write(sign, b".")
os.read(held, 1)  # until let go
while True:  # not `pause`: it would sleep through a signal that came just before
    time.sleep(0.05)
"""

AS_FIRST_PROCESS = """
import os
from agents_app.management.cluster.cluster import Cluster
own, orphan = os.fork() or os._exit(3), os.fork() or os._exit(4)
for child in (own, orphan):
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # dead, not buried
cluster = Cluster.__new__(Cluster)
cluster.pid = max(own, orphan)
cluster._reap_orphans()
print(os.waitstatus_to_exitcode(os.waitpid(cluster.pid, os.WNOHANG)[1]))
cluster.pid = 0
cluster._reap_orphans()
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("none left")
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    (tmp_path / "a_main.py").write_text(MAIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(module, "MAIN", "a_main")
    cluster = Cluster(grace=5)
    yield cluster
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(cluster.pid, signal.SIGKILL)


def test_it_gives_signs_and_ends_when_asked(cluster: Cluster) -> None:
    until(cluster.signs_came, "a sign")
    assert cluster.ended() is None
    cluster.ask_to_end()
    until(lambda: cluster.ended() is not None, "the end")
    assert cluster.ended() == 7
    cluster.ask_to_end()
    cluster.kill()


def test_all_of_it_is_killed_its_orphans_too(cluster: Cluster) -> None:
    until(cluster.signs_came, "a sign")
    child = psutil.Process(int(Path("child").read_text()))
    psutil.Process(cluster.pid).kill()
    until(lambda: cluster.ended() == -9, "the end of the main process")
    assert alive(child)
    begun = time.monotonic()
    cluster.kill()
    assert not alive(child)
    assert time.monotonic() - begun < 30


def test_the_first_process_of_a_container_buries_orphans() -> None:
    code = [sys.executable, "-c", AS_FIRST_PROCESS]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[-2] == "none left", done.stderr
    assert done.stdout.split("\n")[0] in ("3", "4")
