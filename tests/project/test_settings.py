"""What the demo says on the terminal."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPEAK = """
import logging
import django
django.setup()
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.log import log_response
from agents_app.management.cluster.quiet import speak_quietly
from project.settings import DEBUG

assert DEBUG
request = RequestFactory().get("/admin/")
for status in (400, 403, 404, 500):
    failure = PermissionDenied("refused") if status == 403 else None
    log_response("said %s", status, response=HttpResponse(status=status), request=request, exception=failure)
speak_quietly()
logging.getLogger("agents_app.cluster").info("as usual")
logging.getLogger("agents_app.cluster").error("it died")
"""


def test_the_terminal_tells_errors_and_neither_refusals_nor_what_is_usual(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    environment |= {"DJANGO_SETTINGS_MODULE": "project.settings", "AGENTS_DEMO_DB": str(tmp_path / "db.sqlite3")}
    done = subprocess.run(
        [sys.executable, "-c", SPEAK], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert [line for line in done.stderr.splitlines() if line.strip()] == ["said 500", "ERROR it died"]
