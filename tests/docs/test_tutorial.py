"""The tutorial works as it stands, and both type checkers accept its `agents.py`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.following import Project, new_project
from tests.docs.markdown import DOCS, ROOT, blocks
from tests.packaging.test_readme import before_the_start, labelled, running

pytestmark = [pytest.mark.once, pytest.mark.timeout(600)]

HERE = Path(sys.executable).parent
TUTORIAL = blocks(DOCS / "tutorial" / "index.md")
STEPS_1_TO_3 = ("mysite/settings.py", "mysite/urls.py", "mysite/asgi.py")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A new project after steps 1 to 3 of the README, with `shop` for `accounts`."""
    project = new_project(tmp_path / "project", HERE)
    project.run("python manage.py startapp shop")
    for block in before_the_start():
        if block.argument in STEPS_1_TO_3:
            project.follow(block)
    settings = project.directory / "mysite" / "settings.py"
    settings.write_text(settings.read_text().replace('"accounts"', '"shop"'))
    return project


@pytest.mark.long
def test_the_tutorial(project: Project) -> None:
    outputs = []
    for block in TUTORIAL:
        outputs.append(project.follow(block))
        if block.label == "approve":
            decide(project, block.text)
    assert any("A-1001" in output for output in outputs)
    assert "OK" in outputs[-1]


def decide(project: Project, text: str) -> None:
    """Approve as the page says, while the queue runs."""
    inbox, approve = text.strip().splitlines()
    queue, _server = labelled("start")
    assert queue in "".join(block.text for block in TUTORIAL if block.label == "start")
    with running(project, queue):
        (waiting,) = json.loads(project.run(f"{inbox} --json"))["approvals"]
        project.run(approve.replace("ID", waiting["id"]))
        project.run(f"python manage.py agents_show {waiting['run']} --watch")
    code = "from shop.models import Order; print('refunded', Order.objects.get().refunded)"
    assert "refunded 100" in project.run(f'python manage.py shell -c "{code}"')


@pytest.fixture
def agents_py(project: Project) -> Path:
    """The tutorial's `agents.py`, with all that it imports."""
    for block in TUTORIAL:
        if block.label in ("file", "append") and block.argument != "shop/tests.py":
            project.follow(block)
    return project.directory / "shop" / "agents.py"


def checked(*command: str | Path, directory: Path) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=200)
    return done.stdout + done.stderr


@pytest.mark.long
def test_mypy_accepts_the_tutorial(project: Project, agents_py: Path) -> None:
    silent = "".join(
        f"[mypy-{name}]\nfollow_imports = silent\n" for name in ("agents_app.*", "shop.models", "shop.orders")
    )
    config = project.directory / "mypy.ini"
    config.write_text(f"[mypy]\nstrict = True\nwarn_unreachable = True\n{silent}")
    environment_path = f"{project.directory}:{ROOT}"
    command = ["env", f"MYPYPATH={environment_path}", str(HERE / "mypy"), "--config-file", str(config), str(agents_py)]
    output = checked(*command, directory=project.directory)
    assert "Success: no issues found" in output, output


@pytest.mark.long
def test_pyright_accepts_the_tutorial(project: Project, agents_py: Path) -> None:
    config = {"include": ["shop/agents.py"], "extraPaths": [".", str(ROOT)], "typeCheckingMode": "standard"}
    (project.directory / "pyrightconfig.json").write_text(json.dumps(config))
    output = checked(HERE / "pyright", "--pythonpath", sys.executable, directory=project.directory)
    assert "0 errors" in output, output
