"""The plugin in somebody else's test run, with and without Django."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents_app.definitions.registry import registry
from agents_app.services import start_run
from agents_app.testing import AgentsKit
from tests.testing.shop import TextAgent

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.once


@pytest.mark.django_db
def test_the_fixtures(agents: AgentsKit, scripted_llm) -> None:
    with registry.override(TextAgent):
        llm = scripted_llm(TextAgent, "Hello.")
        run = start_run(TextAgent, "hi")
        agents.run_until_idle()
        agents.assert_completed(run, "Hello.")
        assert len(llm.requests) == 1


def run_pytest(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", *options, str(folder)],
        env={**inherited, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


PLUGIN = ("-p", "agents_app.testing.pytest_plugin")


def test_it_is_harmless_without_django(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_nothing_of_ours_is_loaded():\n"
        "    assert 'agents_app.testing.pytest_plugin' in sys.modules\n"
        "    assert 'agents_app.models' not in sys.modules\n"
        "    assert 'django.db.models' not in sys.modules\n"
        "    assert 'pydantic_ai' not in sys.modules\n"
    )
    done = run_pytest(tmp_path, *PLUGIN)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_test_that_asks_for_it_without_django_is_told(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(agents): pass\n")
    done = run_pytest(tmp_path, *PLUGIN)
    assert done.returncode == 1
    assert "set DJANGO_SETTINGS_MODULE" in done.stdout


def test_it_works_in_a_project_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "their_settings.py").write_text(
        "SECRET_KEY = 'x' * 50\n"
        "INSTALLED_APPS = ['django.contrib.auth', 'django.contrib.contenttypes', 'django_q', 'agents_app']\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}\n"
        "Q_CLUSTER = {'orm': 'default', 'timeout': 60, 'retry': 300}\n"
        "USE_TZ = True\n"
    )
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "from agents_app import Agent, register\n"
        "from agents_app.services import start_run\n"
        "@register\n"
        "class Greeter(Agent[str]):\n"
        "    'Greets.'\n"
        "    name = 'greeter'\n"
        "@pytest.mark.django_db\n"
        "@pytest.mark.parametrize('text', ['one', 'two'])\n"
        "def test_it(agents, scripted_llm, text):\n"
        "    scripted_llm(Greeter, text)\n"
        "    run = start_run(Greeter, 'hi')\n"
        "    agents.run_until_idle()\n"
        "    agents.assert_completed(run, text)\n"
        "@pytest.mark.django_db(transaction=True)\n"
        "def test_transactional(agents, scripted_llm):\n"
        "    scripted_llm(Greeter, 'committed')\n"
        "    run = start_run(Greeter, 'hi')\n"
        "    agents.run_until_idle()\n"
        "    agents.assert_completed(run, 'committed')\n"
    )
    done = run_pytest(tmp_path, "-p", "pytest_django.plugin", *PLUGIN, DJANGO_SETTINGS_MODULE="their_settings")
    assert "3 passed" in done.stdout, done.stdout + done.stderr
