"""The five minutes of the README work: with the code as it is, and with the wheel in a new environment."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import venv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing
from tests.docs.following import Project, new_project
from tests.docs.markdown import ROOT, Block, blocks
from tests.ports import own_port

pytestmark = [pytest.mark.once, pytest.mark.timeout(600)]

README = blocks(ROOT / "README.md")
HERE = Path(sys.executable).parent


@contextmanager
def running(project: Project, command: str) -> Iterator[None]:
    """While it lasts the command runs; its whole session is ended afterwards."""
    process = project.start(command)
    try:
        yield
    finally:
        for number, seconds in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, number)
                process.wait(seconds)


def until(found: Callable[[], Any], seconds: float = 120) -> Any:
    """What `found` gives as soon as it is something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (value := found()) not in (None, [], "", False):
            return value
        time.sleep(0.2)
    raise AssertionError("It did not come in time.")


def labelled(label: str) -> list[str]:
    """The lines (continued ones joined) of the only block with this label."""
    (block,) = [block for block in README if block.label == label]
    return block.text.replace("\\\n", " ").strip().splitlines()


def before_the_start() -> list[Block]:
    return README[: [block.label for block in README].index("start")]


def follow_readme(project: Project) -> None:
    """All steps; a run waits, is approved and completes, on the command line and over REST."""
    for block in before_the_start():
        project.follow(block)
    # The app's own checks must have nothing to say of what the README recommends.
    project.run("python manage.py check --fail-level WARNING")
    port = own_port()
    with ExitStack() as stack:
        for line in labelled("start"):
            stack.enter_context(running(project, f"{line} --port {port}" if "uvicorn" in line else line))
        (watched,) = [block for block in README if block.argument == "waits"]
        output = project.follow(watched)
        assert "Deactivate mallory@example.com" in output
        approve_by_command(project)
        talk_rest(project, port)


def approve_by_command(project: Project) -> None:
    (waiting,) = json.loads(project.run("python manage.py agents_inbox --json"))["approvals"]
    project.run(f"python manage.py agents_approve {waiting['id']} --as admin")
    output = project.run(f"python manage.py agents_show {waiting['run']} --watch")
    assert "completed" in output.lower()
    assert users(project)["mallory@example.com"] is False


def users(project: Project) -> dict[str, bool]:
    code = "import json; from django.contrib.auth.models import User as U"
    show = "print('USERS', json.dumps({u.email: u.is_active for u in U.objects.all()}))"
    output = project.run(f'python manage.py shell -c "{code}; {show}"')
    found: dict[str, bool] = json.loads(output.split("USERS ")[1].splitlines()[0])
    return found


def talk_rest(project: Project, port: int) -> None:
    """The four curl lines, and the one that gets a ticket."""
    if shutil.which("curl") is None:
        missing("curl", "apt-get install curl")
    here = "127.0.0.1:8000", f"127.0.0.1:{port}"
    start, pending, approve, stream = [line.replace(*here).replace("curl ", "curl -sf ") for line in labelled("curl")]

    def asked(line: str) -> Any:
        return json.loads(project.run(line))

    until(lambda: port_answers(port))
    run = project.variables["RUN"] = asked(start)["id"]
    (request,) = until(lambda: [each for each in asked(pending)["results"] if each["run"] == run])
    project.variables |= {"ID": request["id"], "DIGEST": request["digest"]}
    assert asked(approve)["status"] == "approved"
    # The stream goes on after the run's end: a failed run may be retried.
    until(lambda: "run.completed" in project.run(f"{stream} --max-time 2 || true"))
    ticket = labelled("ticket")[0].replace(*here)
    assert re.search(r"\w:\w", project.run(f'{ticket}\necho "$TICKET"'))


def port_answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.mark.long
def test_the_readme_with_this_code(tmp_path: Path) -> None:
    follow_readme(new_project(tmp_path / "project", HERE))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a clean copy: what lies about in the checkout must not get in."""
    target = tmp_path_factory.mktemp("wheel")
    source = target / "source"
    ignored = shutil.ignore_patterns(".git", ".venv", ".demo", "__pycache__", ".*cache", "node_modules")
    shutil.copytree(ROOT, source, ignore=ignored)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if "hatchling" in done.stderr and done.returncode:
        missing("hatchling", "pip install hatchling")
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = target.glob("*.whl")
    return made


def test_the_wheel_is_complete(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "agents_app").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wheel.name.startswith("django_agents_app-")
    assert wanted - names == set()
    assert "agents_app/py.typed" in names
    assert "agents_app/locale/de/LC_MESSAGES/django.mo" in names, "a host without msgfmt speaks German, too"
    for folder in ("templates/agents_app", "static/agents_app", "migrations"):
        assert any(name.startswith(f"agents_app/{folder}/") for name in names), folder
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"agents_app"}


@pytest.mark.long
def test_the_readme_with_the_wheel(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    programs = environment / "bin"
    install = [programs / "pip", "install", "-q", "--disable-pip-version-check", "-c", ROOT / "constraints.txt"]
    (line,) = labelled("install")
    extras = re.search(r"django-agents-app(\[\w+\])", line)
    assert extras is not None
    done = subprocess.run([*install, f"{wheel}{extras[1]}"], capture_output=True, text=True, timeout=400, check=False)
    if done.returncode and re.search("connection|resolve|No matching distribution", done.stderr, re.IGNORECASE):
        missing("a package registry", done.stderr[-300:])
    assert done.returncode == 0, done.stderr
    subprocess.run([programs / "pip", "check"], check=True, timeout=200)
    follow_readme(new_project(tmp_path / "project", programs))
