"""The text of a PDF, read by a process of its own: a page that takes all memory or time takes that process alone."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_noop

from agents_app.conf import conf
from agents_app.core.canonical import clean_text
from agents_app.knowledge.reading.base import Part, Section, Unreadable

CHILD = Path(__file__).with_name("pdf_child.py")
LONGEST_LINE = 20_000_000
"""Bytes of what the process says at once."""
READ = 2**16

SAID = {
    "encrypted_pdf": gettext_noop("This PDF is encrypted. Save it without a password."),
    "damaged_pdf": gettext_noop("This PDF is damaged: %(detail)s"),
    "pdf_bomb": gettext_noop("This PDF unpacks to more than is allowed. It is not read."),
    "too_much_memory": gettext_noop("Reading this PDF took more memory than KNOWLEDGE_MEMORY allows."),
}


def pages_of(path: str, first: int) -> Iterator[Part]:
    """The pages from `first` on (from 1). Raises Unreadable; the process is gone when this ends, however it ends."""
    left = conf.KNOWLEDGE_CHARACTERS
    pages = 0
    for said in _said_of(path, first):
        if "error" in said:
            text = SAID.get(said["error"], SAID["damaged_pdf"])
            raise Unreadable(text, code=said["error"], values={"detail": said.get("detail", "")})
        if "of" in said:
            pages = _few(said["of"])
            continue
        text, left = clean_text(said["text"])[0], left - len(said["text"])
        if left < 0:
            raise too_long()
        yield Part(number=said["page"], of=pages, sections=(Section(text=text, page=said["page"]),))


def too_long() -> Unreadable:
    """Of a text that is longer than allowed."""
    text = gettext_noop("This text is longer than %(limit)s characters (KNOWLEDGE_CHARACTERS).")
    return Unreadable(text, code="too_long", values={"limit": conf.KNOWLEDGE_CHARACTERS})


def _few(pages: int) -> int:
    if pages == 0:
        raise Unreadable(gettext_noop("This PDF has no pages."), code="empty")
    if pages > conf.KNOWLEDGE_PAGES:
        text = gettext_noop("This PDF has %(pages)s pages; %(limit)s are allowed (KNOWLEDGE_PAGES).")
        raise Unreadable(text, code="too_many_pages", values={"pages": pages, "limit": conf.KNOWLEDGE_PAGES})
    return pages


def _said_of(path: str, first: int) -> Iterator[dict[str, Any]]:
    asked = {"path": path, "first": first, "pages": conf.KNOWLEDGE_PAGES, "memory": conf.KNOWLEDGE_MEMORY}
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _tell(process, asked)
        for line in _lines(process):
            yield json.loads(line)
        if _code(process) != 0:
            text = gettext_noop("The process that read this PDF died (code %(code)s).")
            raise Unreadable(text, code="damaged_pdf", values={"code": process.returncode})
    finally:
        _kill(process)


def _code(process: "subprocess.Popen[bytes]") -> int:
    """With which it ends, having said all."""
    try:
        return process.wait(conf.KNOWLEDGE_PAGE_SECONDS)
    except subprocess.TimeoutExpired:
        raise _too_slow() from None


def _too_slow() -> Unreadable:
    text = gettext_noop("A page of this PDF took longer than %(seconds)s s to read (KNOWLEDGE_PAGE_SECONDS).")
    return Unreadable(text, code="too_slow", values={"seconds": f"{conf.KNOWLEDGE_PAGE_SECONDS:g}"})


def _tell(process: "subprocess.Popen[bytes]", asked: dict[str, Any]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(asked).encode())
        process.stdin.close()


def _lines(process: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    """What it says, line by line. Raises Unreadable if it is silent for too long, or says too much."""
    assert process.stdout is not None
    output = process.stdout.fileno()
    held = b""
    until = time.monotonic() + conf.KNOWLEDGE_PAGE_SECONDS
    while True:
        ready, _, _ = select.select([output], [], [], max(until - time.monotonic(), 0))
        if not ready:
            raise _too_slow()
        read = os.read(output, READ)
        if not read:
            return
        *lines, held = (held + read).split(b"\n")
        if lines:
            yield from lines
            until = time.monotonic() + conf.KNOWLEDGE_PAGE_SECONDS
        if len(held) > LONGEST_LINE:
            raise too_long()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
