"""How-to “Test your agents”: its files, in a project of their own, pass as pytest and as Django tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import DOCS, blocks

pytestmark = pytest.mark.once

ROOT = DOCS.parent
SETTINGS = """
SECRET_KEY = "x" * 50
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django_q", "agents_app", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
Q_CLUSTER = {"orm": "default", "timeout": 60, "retry": 300}
USE_TZ = True
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the page's files."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "their_settings.py").write_text(SETTINGS)
    for block in blocks(DOCS / "how-to" / "test-your-agents.md"):
        if block.label == "file":
            (tmp_path / block.argument).write_text(block.text)
    return tmp_path


def run(project: Path, *command: str) -> str:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "their_settings",
        "PYTHONPATH": str(ROOT),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=project, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.long
def test_with_pytest(project: Path) -> None:
    plugins = ("-p", "pytest_django.plugin", "-p", "agents_app.testing.pytest_plugin")
    assert "4 passed" in run(project, "pytest", *plugins, "shop/test_tools.py", "shop/test_support.py", "shop/tests.py")


@pytest.mark.long
def test_with_django(project: Path) -> None:
    assert "Ran 1 test" in run(project, "django", "test", "shop.tests")
