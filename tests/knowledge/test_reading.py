"""From bytes to sections: kinds, encodings, headings, HTML, PDF; and what cannot be read."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app.knowledge.chunking import passages_of
from agents_app.knowledge.reading import HTML, MARKDOWN, PDF, TEXT, Part, Section, Unreadable, kind_of, parts_of
from agents_app.knowledge.reading import pdf as module
from agents_app.knowledge.reading.encodings import NOTHING, decoded
from agents_app.knowledge.reading.headings import sections_of
from agents_app.knowledge.reading.html import page_of
from agents_app.knowledge.reading.parts import too_large
from tests.dead import all_gone
from tests.knowledge.pdfs import bomb, pdf

pytestmark = pytest.mark.once


def limits(**values: Any) -> Any:
    return override_settings(AGENTS_APP={**settings.AGENTS_APP, **values})


def read(place: Path, content: bytes, kind: str, first: int = 1) -> list[Part]:
    path = place / "content"
    path.write_bytes(content)
    return list(parts_of(path, kind, first))


def refusal(place: Path, content: bytes, kind: str) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read(place, content, kind)
    return caught.value


def shown(sections: list[Section]) -> list[tuple[str, str]]:
    return [(" > ".join(each.headings), each.text) for each in sections]


# Kinds.


@pytest.mark.parametrize(
    ("name", "said", "beginning", "kind"),
    [
        ("a/b.MD", "", b"# x", MARKDOWN),
        ("page.html", "application/octet-stream", b"<p>", HTML),
        ("notes", "text/plain; charset=utf-8", b"x", TEXT),
        ("upload", "text/x-markdown", b"x", MARKDOWN),
        ("wrong.txt", "text/plain", b"%PDF-1.7", PDF),
        ("readme.rst", "", b"x", TEXT),
    ],
)
def test_kinds(name: str, said: str, beginning: bytes, kind: str) -> None:
    assert kind_of(name, said, beginning) == kind


@pytest.mark.parametrize(
    ("name", "said", "beginning", "code"),
    [
        ("letter.docx", "", b"PK\x03\x04rest", "unsupported_kind"),
        ("bomb.txt", "text/plain", b"PK\x03\x04rest", "unsupported_kind"),
        ("bomb.html", "text/html", b"\x1f\x8b\x08", "unsupported_kind"),
        ("picture.png", "image/png", b"\x89PNG", "unsupported_kind"),
        ("broken.pdf", "application/pdf", b"hello", "damaged_pdf"),
    ],
)
def test_what_is_never_opened(name: str, said: str, beginning: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        kind_of(name, said, beginning)
    assert caught.value.code == code


# Encodings.


@pytest.mark.parametrize(
    ("content", "text", "noted"),
    [
        ("Grüße\r\nan".encode(), "Grüße\nan", False),
        ("Grüße".encode("utf-8-sig"), "Grüße", False),
        ("Grüße".encode("utf-16"), "Grüße", False),
        ("Grüße – “so”".encode("cp1252"), "Grüße – “so”", True),
        (b"a long enough text with one NUL: \x00 in it", "a long enough text with one NUL: \ufffd in it", True),
    ],
)
def test_encodings(content: bytes, text: str, noted: bool) -> None:
    assert decoded(content) == (text, decoded(content)[1])
    assert bool(decoded(content)[1].sentences) is noted


def test_html_says_its_own_encoding() -> None:
    page = '<meta charset="koi8-r"><p>Привет</p>'.encode("koi8-r")
    assert decoded(page, html=True) == ('<meta charset="koi8-r"><p>Привет</p>', NOTHING)
    assert "Windows-1252" in decoded('<meta charset="rot13"><p>é'.encode("latin-1"), html=True)[1].sentences[0]


def test_binary_is_no_text() -> None:
    with pytest.raises(Unreadable) as caught:
        decoded("Grüße".encode("utf-16-le") * 20)
    assert caught.value.code == "not_text"


# Headings.


def test_markdown_headings_are_a_path() -> None:
    text = "---\ntitle: x\n---\nBefore.\n\n"
    text += "# Shop\n\n## Returns ##\nWithin 30 days.\n\n```\n# no heading\n```\n\n"
    text += "## Mail\n\nSetext\n------\nUnder it.\n\nTwo\n===\nLast.\n"
    assert shown(sections_of(text, markdown=True)) == [
        ("", "Before."),
        ("Shop > Returns", "Within 30 days.\n\n```\n# no heading\n```"),
        ("Shop > Setext", "Under it."),
        ("Two", "Last."),
    ]
    for each in sections_of(text, markdown=True):
        assert text[each.start :].startswith(each.text)


def test_underlined_headings_of_plain_text() -> None:
    text = "=====\nTitle\n=====\n\nIntro.\n\n"
    text += "First\n-----\n\nOne.\n\nDeeper\n~~~~~~\nTwo.\n\nSecond\n------\nThree.\n\n-----\n\nrule above\n"
    assert shown(sections_of(text, markdown=False)) == [
        ("Title", "Intro."),
        ("Title > First", "One."),
        ("Title > First > Deeper", "Two."),
        ("Title > Second", "Three.\n\n-----\n\nrule above"),
    ]


# HTML.


def test_html_gives_what_a_reader_sees() -> None:
    page = """<!doctype html><html><head><title>The&nbsp;Shop</title><style>p{}</style></head><body>
    <nav>Home</nav><h1>Shop</h1><p>Hello   <b>there</b>,<br>you.<script>alert("pay")</script><!-- secret -->
    <h2>Prices</h2><ul><li>One<li>Two</ul><table><tr><td>A<td>B</table><pre>x
  y</pre><div style="display:none">Refund 1000</div><p hidden>hidden</p><img alt="a picture">&#0;&#xD800;</body>"""
    sections, title = page_of(page)
    assert title == "The\N{NO-BREAK SPACE}Shop"
    assert shown(sections) == [
        ("Shop", "Hello there,\n\nyou."),
        ("Shop > Prices", "One\n\nTwo\n\nA | B\n\nx\n  y\n\na picture\ufffd\ufffd"),
    ]


@pytest.mark.parametrize("page", ["<", "<p", "</p></p>", "<div>" * 50_000 + "deep", "<script>", "<!-- x", "<svg/><p>x"])
def test_no_markup_is_an_error(page: str) -> None:
    sections, _ = page_of(page)
    assert shown(sections) in ([], [("", "deep")], [("", "x")], [("", "<")], [("", "<p")])


# PDF.


def test_a_pdf_is_read_page_by_page_from_any_page_on(tmp_path: Path) -> None:
    content = pdf("Page one", "Page two", "Page three", encode=True)
    parts = read(tmp_path, content, PDF)
    assert [(part.number, part.of, part.sections[0].text, part.sections[0].page) for part in parts] == [
        (1, 3, "Page one", 1),
        (2, 3, "Page two", 2),
        (3, 3, "Page three", 3),
    ]
    assert read(tmp_path, content, PDF, first=3) == parts[2:]


def test_a_pdf_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"", PDF).code == "empty"
    assert refusal(tmp_path, b"%PDF-1.4\nnothing more", PDF).code == "damaged_pdf"
    assert refusal(tmp_path, pdf(), PDF).code == "empty"
    with limits(KNOWLEDGE_PAGES=2):
        assert "3 pages" in refusal(tmp_path, pdf("a", "b", "c"), PDF).message
    with limits(KNOWLEDGE_CHARACTERS=10):
        assert refusal(tmp_path, pdf("more than ten characters"), PDF).code == "too_long"


def test_a_bomb_ends_with_an_error(tmp_path: Path) -> None:
    content = bomb()
    assert len(content) < 20_000
    with limits(KNOWLEDGE_PAGE_SECONDS=60.0):
        assert refusal(tmp_path, content, PDF).code in ("pdf_bomb", "too_much_memory")


def test_a_process_that_takes_too_much_memory_ends(tmp_path: Path) -> None:
    with limits(KNOWLEDGE_MEMORY=300_000_000, KNOWLEDGE_PAGE_SECONDS=60.0):
        stream = b"BT /F1 12 Tf (x) Tj ET\n" * 2_500_000  # within pypdf's own limit
        assert refusal(tmp_path, pdf(streams=[stream], encode=True), PDF).code in ("too_much_memory", "damaged_pdf")


@pytest.mark.parametrize("first", ["", "sys.stdout.close(); os.close(1)"], ids=["of a page", "after all pages"])
def test_a_process_that_takes_too_long_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    child = tmp_path / "child.py"
    child.write_text(f"import os, sys, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); {first}\n")
    with child.open("a") as script:
        script.write("time.sleep(600)")
    monkeypatch.setattr(module, "CHILD", child)
    with limits(KNOWLEDGE_PAGE_SECONDS=3.0):
        assert refusal(tmp_path, pdf("a"), PDF).code == "too_slow"
    pid = tmp_path / "pid"
    assert all_gone([int(text)] if pid.exists() and (text := pid.read_text()) else [])  # it may not even have begun


# Limits, parts and passages.


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.truncate(500 * 2**20)  # sparse: takes no room
    with pytest.raises(Unreadable) as caught:
        list(parts_of(path, TEXT))
    assert caught.value.code == "too_large"
    assert caught.value.message == "This document has 524.3 MB; 50 MB are allowed (KNOWLEDGE_BYTES)."


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (60_000_198, "has 60 MB; 50 MB are allowed"),
        (1_234_567_890, "has 1.2 GB; 50 MB are allowed"),
        (50_000_001, "has 50,000,001 bytes; 50,000,000 bytes are allowed"),
        (None, "has more than the 50 MB that are allowed"),
    ],
)
def test_sizes_are_told_as_people_read_them(size: int | None, text: str) -> None:
    assert text in too_large(size).message


def test_texts_that_are_none(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"", TEXT).code == "empty"
    assert kind_of("scan.pdf", "", b"") == PDF
    assert refusal(tmp_path, b"", PDF).code == "empty"
    assert refusal(tmp_path, b" \n\n ", TEXT).code == "no_text"
    assert refusal(tmp_path, b"<script>1</script>", HTML).code == "no_text"
    with limits(KNOWLEDGE_CHARACTERS=10):
        assert refusal(tmp_path, b"eleven char", TEXT).code == "too_long"


def test_parts_are_the_same_from_any_of_them_on(tmp_path: Path) -> None:
    text = "\n\n".join(f"# Chapter {number}\n\n" + f"Sentence {number}. " * 4_000 for number in range(12))
    parts = read(tmp_path, text.encode(), MARKDOWN)
    assert len(parts) == parts[0].of > 2
    assert read(tmp_path, text.encode(), MARKDOWN, first=2) == parts[1:]
    joined = "".join(each.text for part in parts for each in part.sections)
    assert joined.count("Sentence") == 48_000


def test_one_long_line_is_cut_in_reasonable_time(tmp_path: Path) -> None:
    (part, *_) = parts = read(tmp_path, b"x" * 1_000_000, TEXT)
    passages = [each for part in parts for each in passages_of(part.sections, TEXT, "Long")]
    assert part.of == len(parts)
    assert sum(len(each.text) for each in passages) == 1_000_000
    assert max(len(each.text) for each in passages) <= 1_500


def test_passages_know_their_place() -> None:
    text = "# Shop\n\n" + "\n\n".join(f"Paragraph {number} of the handbook, with words." for number in range(200))
    with limits(KNOWLEDGE_CHUNK=300):
        passages = list(passages_of(sections_of(text, markdown=True), MARKDOWN, "Handbook"))
    assert len(passages) > 20
    assert {each.heading for each in passages} == {"Handbook › Shop"}
    assert all(text[each.start : each.end] == each.text and len(each.text) <= 300 for each in passages)
    assert len({each.digest for each in passages}) == len(passages)
