"""The checks that need no test: each prints its name, and its output only when it fails."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
BIN = Path(PYTHON).parent
MANAGE = [PYTHON, "manage.py"]

FIXES = {
    "format": [f"{BIN}/ruff", "format", "."],
    "lint": [f"{BIN}/ruff", "check", "--fix", "."],
}
CHECKS = {
    "format": [f"{BIN}/ruff", "format", "--check", "."],
    "lint": [f"{BIN}/ruff", "check", "."],
    "imports": [f"{BIN}/lint-imports", "--no-cache"],
    "types": [f"{BIN}/mypy"],
    "system checks": [*MANAGE, "check", "--fail-level", "WARNING"],
    "migrations": [*MANAGE, "makemigrations", "--check", "--dry-run"],
}


def holds(name: str, command: list[str], directory: str) -> bool:
    """Run one check; the demo's database is not touched."""
    started = time.monotonic()
    environment = {
        **os.environ,
        "AGENTS_DEMO_DB": f"{directory}/db.sqlite3",
        "DJANGO_SETTINGS_MODULE": "project.settings",
    }
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(f"{name}: {'failed' if done.returncode else 'ok'} ({time.monotonic() - started:.0f} s)", flush=True)
    if done.returncode:
        print(done.stdout, flush=True)
    return done.returncode == 0


def main(arguments: list[str]) -> int:
    """The number of checks that failed."""
    with tempfile.TemporaryDirectory() as directory:
        if "--fix" in arguments:
            for name, command in FIXES.items():
                holds(f"{name} (fix)", command, directory)
        return sum(not holds(name, command, directory) for name, command in CHECKS.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
