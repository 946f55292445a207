"""The pages of Django's documentation, out of its source distribution on PyPI."""

import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

DOWNLOAD_SECONDS = 240


class CannotGetPages(Exception):
    """Says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Page:
    name: str
    """Below docs/, without its suffix."""
    text: str

    @property
    def title(self) -> str:
        """What stands over the first line of punctuation."""
        lines = self.text.splitlines()
        for above, line in pairwise(lines):
            if is_rule(line) and above.strip() and not is_rule(above):
                return above.strip()
        return self.name


def is_rule(line: str) -> bool:
    return re.fullmatch(r"([=\-#*~])\1{2,}", line.strip()) is not None


def pages(release: str, directory: Path) -> list[Page]:
    """All pages of that release, kept in `directory` for the next time; raises `CannotGetPages`."""
    archive = directory / f"django-{release}.tar.gz"
    if not archive.exists():
        download(release, archive)
    found = []
    with tarfile.open(archive) as tar:
        for member in tar:
            match = re.fullmatch(r"[^/]+/docs/(?!_)(.+)\.txt", member.name)
            file = tar.extractfile(member) if match else None
            if match and file:
                found.append(Page(name=match[1], text=file.read().decode()))
    return sorted(found, key=lambda page: page.name)


def download(release: str, archive: Path) -> None:
    with tempfile.TemporaryDirectory(dir=archive.parent) as name:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        command += ["--dest", name, f"Django=={release}"]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS)
            [source] = Path(name).glob("*.tar.gz")
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            said = getattr(error, "stderr", None) or error
            raise CannotGetPages(
                f"The source distribution of Django {release} cannot be had from PyPI: {said}"
            ) from error
        source.replace(archive)  # another process may have been faster; it has the same bytes
