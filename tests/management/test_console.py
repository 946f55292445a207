"""Writing for people."""

import io
import unicodedata
from datetime import UTC, datetime

import pytest
from django.core.management.base import OutputWrapper
from django.core.management.color import make_style, no_style

from agents_app.management.console import Console, call_text, moment_text, shorten, status_text, value_text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_there_is_no_progress_and_no_colour_in_a_file() -> None:
    out = io.StringIO()
    console = Console(OutputWrapper(out), no_style())
    console.progress("working")
    console.line("done", indent=2, style="SUCCESS")
    assert out.getvalue() == "  done\n"
    assert console.width == 80


def test_progress_is_overwritten_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = Terminal()
    console = Console(OutputWrapper(out), make_style("dark"))
    console.progress("working " * 20)
    assert len(out.getvalue()) == len("\r\x1b[2K") + 40
    assert out.getvalue().endswith("…")
    console.line("done", style="SUCCESS")
    console.line("more")
    tail = out.getvalue().partition("…")[2]
    assert tail.startswith("\r\x1b[2K")
    assert "\x1b[32;1mdone" in tail
    assert tail.count("\r") == 1


def test_wrapping() -> None:
    out = io.StringIO()
    console = Console(OutputWrapper(out), no_style())
    console.text("word " * 40 + "\n\nend", indent=4)
    console.label("Name", "word " * 40)
    console.heading("Title")
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("    word")
    assert "    end" in lines
    assert "Name        word" in out.getvalue()
    assert lines[-2:] == ["", "Title"]


def test_words() -> None:
    assert shorten("  a  b\nc", 80) == "  a b c"
    assert shorten("abcdef", 4) == "abc…"
    assert value_text("a") == "a"
    assert value_text({"ä": 1}) == '{"ä": 1}'
    assert call_text("f", {"a": "x", "b": 1}) == 'f(a="x", b=1)'
    assert call_text("f", "{broken") == "f({broken)"
    assert call_text("f", None) == "f"
    assert status_text("waiting_for_input") == "waiting for input"


def test_moments_are_local() -> None:
    assert moment_text(datetime(2026, 11, 20, 12, tzinfo=UTC)) == "2026-11-20 17:30:00"
    assert moment_text("2026-11-20T12:00:00Z") == "2026-11-20 17:30:00"
    assert moment_text(datetime(2026, 11, 20, 12)) == "2026-11-20 12:00:00"  # noqa: DTZ001 (USE_TZ=False)
    assert moment_text(None) == ""


@pytest.mark.parametrize("evil", ["\x1b[2K", "\x1b[8m", "\x9b2K", "\x08" * 20, "\x1b]0;title\x07", "\x7f"])
def test_texts_cannot_steer_the_terminal(evil: str) -> None:
    out = Terminal()
    console = Console(OutputWrapper(out), no_style())
    console.text(f"Pay 120 EUR{evil}Pay 1 EUR")
    console.label("Reason", f"a{evil}b")
    console.entry("* ", f"a{evil}b")
    written = out.getvalue() + value_text(f"a{evil}b") + call_text("pay", {"to": f"a{evil}b"}) + call_text("pay", evil)
    assert not any(unicodedata.category(sign) == "Cc" for sign in written.replace("\n", ""))
    assert "\x1b" not in written
    assert "Pay 120 EUR" in written


@pytest.mark.parametrize(
    ("evil", "name"), [("\u202e", "⟨U+202E⟩"), ("\u2066", "⟨U+2066⟩"), ("\u200b", "⟨U+200B⟩"), ("\u00ad", "⟨U+00AD⟩")]
)
def test_what_hides_or_turns_the_text_around_is_named(evil: str, name: str) -> None:
    out = Terminal()
    console = Console(OutputWrapper(out), no_style())
    console.text(f"Pay Ann{evil}120 EUR")
    console.label("Reason", f"a{evil}b")
    console.entry("* ", f"a{evil}b")
    console.text(call_text("pay", {"to": f"a{evil}b"}))
    written = out.getvalue() + value_text(f"a{evil}b") + value_text({"to": f"a{evil}b"})
    assert evil not in written
    assert written.count(name) == 6


def test_a_very_long_text_does_not_push_away_what_stands_above() -> None:
    out = Terminal()
    Console(OutputWrapper(out), no_style()).text("word " * 200_000, indent=2)
    assert len(out.getvalue()) < 25_000
    assert "… and 980,000 more characters" in out.getvalue().splitlines()[-1]
