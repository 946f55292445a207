"""`manage.py demo_serve`, in processes of its own, as `scripts/demo` runs it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from project.demo.ports import HOST, answers
from tests.dead import all_gone
from tests.ports import own_port

ROOT = Path(__file__).parent.parent.parent
SECONDS = 120
pytestmark = [pytest.mark.long, pytest.mark.once]


class Demo:
    """A demo in a directory of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.log = directory / "output.txt"
        provider = ("OPENAI_", "ANTHROPIC_", "AGENTS_", "DATABASE_URL", "REDIS_URL", "COVERAGE_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(provider)} | {
            "AGENTS_DEMO_DB": str(directory / "db.sqlite3"),
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "PYTHONUNBUFFERED": "1",
        }
        self.process = None

    def start(self, *options):
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "demo_serve", *options],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.wait_for("The demo is running.")

    def wait_for(self, text):
        until = time.monotonic() + SECONDS
        while text not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.1)

    def manage(self, *arguments):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def statuses(self):
        code = "from agents_app.models import AgentContext as C; print(*C.objects.order_by('id').values_list('status'))"
        return self.manage("shell", "-v0", "-c", code).stdout.replace("('", "").replace("',)", "").split()

    def stop(self, kind):
        """Signal the supervisor alone; the pids of all processes that were there."""
        family = [self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))]
        self.process.send_signal(kind)
        assert self.process.wait(timeout=SECONDS) == 0, self.log.read_text()
        return family


@pytest.fixture
def demo(tmp_path):
    demo = Demo(tmp_path)
    yield demo
    if demo.process and demo.process.poll() is None:
        demo.process.terminate()
        demo.process.wait(timeout=SECONDS)


@pytest.mark.timeout(600)
def test_the_whole_demo(demo):
    number = own_port()
    with socket.socket() as taken:
        taken.bind((HOST, number))
        taken.listen()
        demo.start("--port", str(number))
        output = demo.log.read_text()
        assert f"Port {number} is taken; using " in output
        port = int(output.split("is taken; using ")[1].split(".")[0])

    wanted = ["completed", "waiting_for_approval", "waiting_for_input"]
    until = time.monotonic() + SECONDS
    while demo.statuses() != wanted:
        assert time.monotonic() < until, demo.log.read_text()
    assert "NOT intelligent" in demo.log.read_text()
    assert answers(port, "/accounts/login/")

    refused = demo.manage("demo_serve", "--reset")
    assert refused.returncode == 1
    assert "stop it before --reset" in refused.stderr

    family = demo.stop(signal.SIGINT)
    assert len(family) > 5  # supervisor, server, and the cluster with its workers
    assert all_gone(family)
    assert not answers(port, "/")

    demo.start("--port", str(own_port()))
    assert demo.statuses() == wanted
    demo.stop(signal.SIGTERM)

    lines = "from project.demo.models import OrderLine as O; "
    demo.manage("shell", "-v0", "-c", lines + "O.objects.all().delete()")
    demo.start("--reset", "--port", str(own_port()))
    count = demo.manage(
        "shell", "-v0", "-c", "from project.demo.models import OrderLine as O; print(O.objects.count())"
    )
    assert int(count.stdout) > 5


def test_a_port_that_is_none_is_refused(demo):
    refused = demo.manage("demo_serve", "--port", "70000")
    assert refused.returncode == 2
    assert "not a port" in refused.stderr
