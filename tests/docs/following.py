"""Follows a page's labelled blocks in a project of its own, as a reader would."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.markdown import Block

SECONDS = 280
WAITS = 6
"""The exit code of a command that watched a run until it waits for people."""


@dataclass(kw_only=True)
class Project:
    """A directory, and the programs (`bin` of an environment) that commands are taken from."""

    directory: Path
    programs: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Without what the tests' own Django has set."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "AGENTS_", "COV"))}
        return {**own, "PATH": f"{self.programs}:{own['PATH']}", "PYTHONUNBUFFERED": "1", **self.variables}

    def run(self, command: str, *, code: int = 0) -> str:
        """Run in a shell; what it printed. Raises AssertionError for another exit code."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == code, f"{command}\nended with {done.returncode}, not {code}:\n{done.stdout}"
        return done.stdout

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """Start in a session of its own and leave it running; its output goes to a file."""
        with (self.directory / f"{command.split()[0]}.log").open("ab") as log:
            return subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def follow(self, block: Block) -> str:
        """Do what a block's label says; what was printed."""
        path = self.directory / block.argument
        match block.label:
            case "file":
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text)
            case "append":
                path.write_text(f"{path.read_text()}\n\n{block.text}")
            case "run":
                return self.run(block.text, code=WAITS if block.argument == "waits" else 0)
        return ""


def new_project(directory: Path, programs: Path) -> Project:
    """What `django-admin startproject mysite .` makes."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    project = Project(directory=directory, programs=programs)
    project.run("django-admin startproject mysite .")
    return project
