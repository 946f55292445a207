"""The page celery.md, followed in a project of its own with real workers and beat."""

import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.celery_broker import broker_url
from tests.docs.following import WAITS, new_project
from tests.docs.markdown import DOCS, blocks
from tests.packaging.test_readme import before_the_start, running

pytestmark = [pytest.mark.once, pytest.mark.long, pytest.mark.timeout(600)]


def test_runs_go_through_celery(tmp_path: Path, redis_url: str) -> None:
    project = new_project(tmp_path / "project", Path(sys.executable).parent)
    project.variables["CELERY_BROKER_URL"] = broker_url(redis_url)
    page = blocks(DOCS / "how-to" / "celery.md")
    steps = before_the_start()
    settings = next(place for place, block in enumerate(steps) if block.argument == "mysite/settings.py")
    for block in [*steps[: settings + 1], *page, *steps[settings + 1 :]]:
        project.follow(block)
    settings_py = project.directory / "mysite" / "settings.py"
    own = 'CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"] = "how-to-celery"'
    settings_py.write_text(f"{settings_py.read_text()}\n\n{own}\n")
    project.run("python manage.py check --fail-level WARNING")
    (start,) = [block for block in page if block.label == "start"]
    people = "from django.contrib.auth.models import User as U; U.objects.create_user('m', 'm@example.com')"
    project.run(f'python manage.py shell -c "{people}"')
    with ExitStack() as stack:
        for line in start.text.strip().splitlines():
            stack.enter_context(running(project, line))
        command = 'python manage.py agents_run accounts "Deactivate the user m@example.com" --user m --watch'
        assert "find_user returned" in project.run(command, code=WAITS)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        project.variables["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        began = time.monotonic()
        assert "was accepted" in project.run('python manage.py agents_run accounts "Is m@example.com active?"')
        assert time.monotonic() - began < 30
