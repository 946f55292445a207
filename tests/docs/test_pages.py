"""Links lead somewhere, code can be read, and the pages speak of the product alone."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.markdown import DOCS, ROOT, anchors, blocks, links, pages

pytestmark = pytest.mark.once

LABELS = {"", "file", "append", "run", "tested", "install", "start", "approve", "curl", "ticket"}
# Made elsewhere, and put there by hand.
PICTURES = {ROOT / "docs" / "images" / name for name in ("approval.png", "desk.png")}
# What the words of the product are not; `thread` and `job` of the operating system are meant where they stand as code.
NOT_OUR_WORDS = re.compile(r"\b(bots?|workflows?|chats?|ctx)\b", re.IGNORECASE)
each_page = pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))


@each_page
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for link in links(path):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if (not target.exists() and target not in PICTURES) or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@each_page
def test_python_can_be_read(path: Path) -> None:
    for block in blocks(path):
        if block.language == "python":
            # A method may be shown as it stands in its class.
            text = f"class _:\n{block.text}" if block.text.startswith("    ") else block.text
            ast.parse(text)


@each_page
def test_labels_are_known(path: Path) -> None:
    assert {block.label for block in blocks(path)} <= LABELS
    fenced = path.read_text().count("\n```")
    assert fenced == 2 * len(blocks(path)), "a fence is not closed, or has more than a language"


@each_page
def test_one_title(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1


@each_page
def test_the_words_are_the_glossarys(path: Path) -> None:
    text = re.sub(r"`[^`]*`", "", re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL))
    assert NOT_OUR_WORDS.findall(text) == []


@each_page
def test_pages_speak_of_the_product_alone(path: Path) -> None:
    assert re.findall(r"/work/|/tmp/|\bTODO\b|\bFIXME\b|\bclaude code\b", path.read_text(), re.IGNORECASE) == []


@pytest.mark.parametrize(
    "word",
    ["slack"],
)
def test_nothing_is_promised_that_is_not_there(word: str) -> None:
    """These come with later releases; when one does, take its word off this list."""
    texts = {path.name: path.read_text().lower() for path in [*DOCS.rglob("*.md"), ROOT / "README.md"]}
    assert [name for name, text in texts.items() if re.search(rf"\b{word}\b", text)] == []
