"""The supervisor: it leaves no process behind, whatever the processes do."""

import os
import signal
import sys
import time

import pytest

from project.demo import processes
from project.demo.processes import Died, Processes
from tests.dead import all_gone

pytestmark = pytest.mark.once

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.pause()"])
print("pids", os.getpid(), child.pid, flush=True)
time.sleep(60)
"""
POLITE = """
import signal, sys
def end(*_):
    print("goodbye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
signal.pause()
"""


class Lines(list):
    """What was written; waits for a line."""

    def wait_for(self, text):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if found := [line for line in self if text in line]:
                return found[0]
            time.sleep(0.02)
        raise AssertionError(f"no {text!r} in {self}")


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
def group(lines):
    return Processes(lines.append)


def start(group, name, code):
    group.start(name, [sys.executable, "-c", code])


def test_output_is_written_behind_the_name(group, lines):
    with group.ended_with_us():
        start(group, "web", POLITE)
        assert lines.wait_for("ready") == "web   | ready"
    assert "web   | goodbye" in lines


def test_who_does_not_end_is_killed_with_its_children(group, lines, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.3)
    with group.ended_with_us():
        start(group, "queue", STUBBORN)
        pids = [int(pid) for pid in lines.wait_for("pids").split()[-2:]]
    assert all_gone(pids)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_watch_and_the_leaders_are_asked_once(group, lines, kind):
    before = signal.getsignal(kind)
    with group.ended_with_us():
        start(group, "web", POLITE)
        lines.wait_for("ready")
        os.kill(os.getpid(), kind)
        group.watch()
    assert lines.count("web   | goodbye") == 1
    assert signal.getsignal(kind) == before


def test_a_second_signal_kills_at_once(group, lines, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_SECONDS", 80)
    with group.ended_with_us():
        start(group, "queue", STUBBORN)
        pids = [int(pid) for pid in lines.wait_for("pids").split()[-2:]]
        os.kill(os.getpid(), signal.SIGINT)
        group.watch()
        started = time.monotonic()
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, 0.3)
    assert time.monotonic() - started < processes.GRACE_SECONDS / 2
    assert all_gone(pids)


def test_a_death_is_told_and_the_others_end(group, lines):
    with group.ended_with_us():
        start(group, "web", POLITE)
        lines.wait_for("ready")
        start(group, "queue", "raise SystemExit(3)")
        with pytest.raises(Died, match="“queue” ended with code 3"):
            group.watch()
    assert "web   | goodbye" in lines
