"""A process group that is started and ended as a whole; here its main is a short script."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from agents_app.management.cluster import cluster as module
from agents_app.management.cluster.cluster import Cluster
from tests.management.cluster.supervised import alive, until

pytestmark = pytest.mark.once

MAIN = """
import os, signal, sys
sign, held = int(sys.argv[1]), int(sys.argv[2])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
if child := os.fork():
    open("child", "w").write(str(child))
    os.write(sign, b".")
os.read(held, 1)  # until let go
signal.pause()
"""

AS_FIRST_PROCESS = """
import os, time
from agents_app.management.cluster.cluster import Cluster
own, orphan = os.fork() or os._exit(3), os.fork() or os._exit(4)
time.sleep(0.2)
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
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    (tmp_path / "a_main.py").write_text(MAIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(module, "MAIN", "a_main")
    return Cluster(grace=5)


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
    assert time.monotonic() - begun < 10


def test_the_first_process_of_a_container_buries_orphans() -> None:
    code = [sys.executable, "-c", AS_FIRST_PROCESS]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[-2] == "none left", done.stderr
    assert done.stdout.split("\n")[0] in ("3", "4")
