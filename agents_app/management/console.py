"""Writing for people: 80 columns, colour only on a terminal."""

import json
import shutil
import textwrap
from datetime import datetime
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.management.color import Style
from django.utils import timezone

from agents_app.core.deceptive import unhidden

WIDTH = 80
WIDEST = 110
LONGEST = 20_000
"""Characters of one text; a longer one would push away what stands above it."""
CLEAR_LINE = "\r\x1b[2K"
_CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


class Console:
    """Lines, labels and, on a terminal, one line of progress that is overwritten."""

    def __init__(self, out: OutputWrapper, style: Style) -> None:
        self.out = out
        self.style: Any = style
        self.is_terminal = out.isatty()
        columns = shutil.get_terminal_size((WIDTH, 24)).columns if self.is_terminal else WIDTH
        self.width = min(columns, WIDEST)
        self._progress = False

    def line(self, text: str = "", *, indent: int = 0, style: str = "") -> None:
        """One line, as long as it is."""
        self._clear()
        self.out.write(self.paint(" " * indent + text, style))
        self.out.flush()

    def text(self, text: str, *, indent: int = 0, style: str = "") -> None:
        """A text, wrapped; its own line breaks are kept. A very long one ends with how much of it is left out."""
        left = len(text) - LONGEST
        for part in text[:LONGEST].splitlines() or [""]:
            for line in self._wrapped(part, indent):
                self.line(line, indent=indent, style=style)
        if left > 0:
            self.line(
                f"… and {left:,} more characters; --json of the command that lists it has them all", indent=indent
            )

    def label(self, name: str, text: str, *, style: str = "", column: int = 12) -> None:
        """`Name       text`, wrapped under itself; the style is the name's."""
        first, *others = self._wrapped(text, column)
        self.line(self.paint(f"{name:<{column - 1}}", style) + " " + first)
        for line in others:
            self.line(line, indent=column)

    def entry(self, head: str, text: str, *, style: str = "") -> None:
        """One line of a list: its head, and as much of the text as there is room for; the style is the text's."""
        self.line(head + self.paint(shorten(text, self.width - len(head)), style))

    def heading(self, text: str) -> None:
        """An empty line and a title."""
        self.line()
        self.line(text, style="MIGRATE_HEADING")

    def progress(self, text: str) -> None:
        """What is going on now, on a line that the next output replaces. Nothing where there is no terminal."""
        if self.is_terminal:
            self.out.write(CLEAR_LINE + shorten(text, self.width), ending="")
            self.out.flush()
            self._progress = True

    def paint(self, text: str, style: str) -> str:
        """The text in one of Django's styles (SUCCESS, WARNING, ERROR, …)."""
        return getattr(self.style, style)(text) if style else text

    def _wrapped(self, text: str, indent: int) -> list[str]:
        return textwrap.wrap(visible(text), self.width - indent, break_long_words=False, break_on_hyphens=False) or [""]

    def _clear(self) -> None:
        if self._progress:
            self.out.write(CLEAR_LINE, ending="")
            self._progress = False


def visible(text: str) -> str:
    """Without what a terminal obeys, and with the names of what nobody sees: a text of an LLM could erase, repaint or
    turn around what a person is about to approve."""
    return unhidden(text.translate(_CONTROLS))


def shorten(text: str, limit: int) -> str:
    """The text on one line of at most `limit` characters; spaces at its beginning stay."""
    line = " " * (len(text) - len(text.lstrip(" "))) + visible(" ".join(text.split()))
    return line if len(line) <= limit else line[: max(limit - 1, 0)] + "…"


def value_text(value: Any) -> str:
    """A JSON value for people: a text as it is, but for control characters; the rest as JSON."""
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def call_text(tool: str, arguments: Any) -> str:
    """A call for people: `refund(number="A-1001", amount="120")`."""
    if not isinstance(arguments, dict):
        return visible(tool if arguments is None else f"{tool}({value_text(arguments)})")
    given = ", ".join(f"{name}={json.dumps(v, ensure_ascii=False)}" for name, v in arguments.items())
    return visible(f"{tool}({given})")


def moment_text(moment: datetime | str | None) -> str:
    """A moment in local time, to the second."""
    if moment is None:
        return ""
    value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return f"{local:%Y-%m-%d %H:%M:%S}"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 run`, `2 runs`, `no runs`; many: where it is not the word with an s."""
    return f"{number or 'no'} {one if number == 1 else many or one + 's'}"


def status_text(status: str) -> str:
    """A status as words: `waiting for approval`."""
    return status.replace("_", " ")
