"""Reads the documentation as a machine may: labelled code blocks, links, headings.

A block is labelled by a comment right above its fence: `<!-- file: path -->` is to be written, `<!-- append: path -->`
to be put at a file's end, `<!-- run -->` to be run in a shell; any other word is known to one test alone. A block
without a label only illustrates.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
FENCE = re.compile(
    r"(?:^<!-- (?P<label>[a-z-]+)(?:: (?P<argument>[^\n]+?))? -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A fenced block. `label` is empty where there is none; `argument` is what follows it."""

    label: str
    argument: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    return [
        Block(**{key: value or "" for key, value in found.groupdict().items()})
        for found in FENCE.finditer(page.read_text())
    ]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """Where the page's links lead."""
    return [found["target"] for found in LINK.finditer(prose(page))]


def anchors(page: Path) -> set[str]:
    """The anchors of the page's headings, as code hosts make them."""
    titles = (found["title"].lower() for found in HEADING.finditer(prose(page)))
    return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in titles}


def pages() -> list[Path]:
    """Every page of the documentation, and those at the root of the repository."""
    return sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
