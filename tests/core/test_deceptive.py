"""What is odd in a text is found, named and cut out; what is ordinary in any language is left alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_app.core.deceptive import Oddity, is_ordinary, oddities_in, pieces_of, spelled_out, unhidden

pytestmark = pytest.mark.once

ORDINARY = {
    "english": "Pay 120.00 EUR to Ada & Co. (5 %), “quoted” – it's fine…",
    "german": "Größe: 5 m², Straße № 7, 3½ € – naïve café",
    "russian": "Привет, это со мной: нет проблем",
    "greek": "Ελλάδα και ΑΒΕ",
    "japanese": "日本語テキスト、です。",
    "persian": "می‌خواهم بروم",
    "hebrew": "שלום עולם",
    "emoji": "👨‍👩‍👧 ❤️ 1️⃣",
    "lines": "a\r\nb\n\n\tc",
    "indented": "def f():\n        return 1\n",
    "end": "done\n\n\n\n\n\n\n",
    "empty": "",
}
ODD = {
    "override": ("pay \u202egro.live", Oddity.BIDIRECTIONAL, "\u202e"),
    "isolate": ("a\u2066b", Oddity.BIDIRECTIONAL, "\u2066"),
    "zero width": ("pay\u200bpal", Oddity.INVISIBLE, "\u200b"),
    "joiner": ("pay\u200dpal", Oddity.INVISIBLE, "\u200d"),
    "soft hyphen": ("pay\u00adpal", Oddity.INVISIBLE, "\u00ad"),
    "filler": ("a\u3164b", Oddity.INVISIBLE, "\u3164"),
    "tags": ("hi\U000e0041\U000e0042", Oddity.INVISIBLE, "\U000e0041\U000e0042"),
    "selectors": ("a\ufe01\ufe02\ufe03", Oddity.INVISIBLE, "\ufe01\ufe02\ufe03"),
    "escape": ("\x1b[31mred", Oddity.CONTROL, "\x1b"),
    "nul": ("a\x00b", Oddity.CONTROL, "\x00"),
    "return": ("good\rbad", Oddity.CONTROL, "\r"),
    "line separator": ("a\u2028b", Oddity.CONTROL, "\u2028"),
    "private": ("a\ue000", Oddity.UNKNOWN, "\ue000"),
    "zalgo": ("Z\u0338\u0327\u0321\u0322\u031b", Oddity.STACKED, "\u0322\u031b"),
    "lines": ("fine" + "\n" * 40 + "but also this", Oddity.GAP, "\n" * 40),
    "windows lines": ("fine" + "\r\n" * 9 + "x", Oddity.GAP, "\r\n" * 9),
    "blanks": ("fine" + " " * 60 + "x", Oddity.GAP, " " * 60),
    "one letter": ("p\u0430ypal.com", Oddity.CONFUSABLE, "\u0430"),
    "a whole word": ("\u0440\u0430\u0443\u0440\u0430", Oddity.CONFUSABLE, "\u0440\u0430\u0443\u0440\u0430"),
    "capitals": ("\u0391\u0392\u0395 Ltd", Oddity.CONFUSABLE, "\u0391\u0392\u0395"),
    "bold": ("\U0001d429\U0001d41a\U0001d432", Oddity.CONFUSABLE, "\U0001d429\U0001d41a\U0001d432"),
    "wide digits": ("\uff11\uff12\uff10", Oddity.CONFUSABLE, "\uff11\uff12\uff10"),
    "slash": ("bank.com\u2044evil", Oddity.CONFUSABLE, "\u2044"),
}


@pytest.mark.parametrize("text", list(ORDINARY.values()), ids=list(ORDINARY))
def test_ordinary_text_of_any_language_raises_no_alarm(text: str) -> None:
    assert is_ordinary(text)
    assert oddities_in({"name": [text]}) == ()
    assert [piece.text for piece in pieces_of(text)] == ([text] if text else [])


@pytest.mark.parametrize(("text", "kind", "odd"), list(ODD.values()), ids=list(ODD))
def test_what_is_odd_stands_alone_and_is_named(text: str, kind: Oddity, odd: str) -> None:
    assert oddities_in(text) == (kind,)
    [piece] = [piece for piece in pieces_of(text) if piece.oddity]
    assert (piece.text, piece.oddity) == (odd, kind)
    assert piece.note
    assert not is_ordinary(text)


def test_notes_name_the_characters() -> None:
    notes = [piece.note for piece in pieces_of("\u202e, p\u0430y, \u200b\u200b\u200b") if piece.oddity]
    assert notes == ["U+202E", "U+0430 Cyrillic small letter a", "U+200B and 2 more"]
    assert [piece.note for piece in pieces_of("a" + "\n" * 7 + "b") if piece.oddity] == ["7 line breaks"]
    assert [piece.note for piece in pieces_of("a" + " " * 30 + "b") if piece.oddity] == ["30 spaces"]


def test_names_and_nested_values_are_looked_at_too() -> None:
    assert oddities_in({"a\u200b": 1}) == (Oddity.INVISIBLE,)
    assert oddities_in({"a": [{"b": "\u202e"}, 1, None, True, 2.5]}) == (Oddity.BIDIRECTIONAL,)
    deep: object = "\x1b"
    for _ in range(100_000):
        deep = [deep]
    assert oddities_in(deep) == (Oddity.CONTROL,)


def test_each_kind_is_told_once_in_a_fixed_order() -> None:
    assert oddities_in(["\x1b", "\u202e", "\u200b", "\u200b"]) == (
        Oddity.INVISIBLE,
        Oddity.BIDIRECTIONAL,
        Oddity.CONTROL,
    )


@given(st.text(alphabet=st.characters() | st.sampled_from("\u202e\u200b\u0430a \n\r\t\u0301"), max_size=60))
def test_nothing_is_lost(text: str) -> None:
    pieces = pieces_of(text)
    assert "".join(piece.text for piece in pieces) == text
    assert {piece.oddity for piece in pieces if piece.oddity} == set(oddities_in(text))


@pytest.mark.parametrize(("text", "kind", "odd"), ODD.values(), ids=ODD)
def test_what_hides_is_named_and_once(text: str, kind: Oddity, odd: str) -> None:
    named = unhidden(text)
    assert (odd in named) == (kind in (Oddity.CONFUSABLE, Oddity.STACKED))
    assert unhidden(named) == named


def test_what_only_looks_like_something_else_stands_as_it_is_or_is_named_behind_it() -> None:
    text = "fri\u0435nds\u202e"
    assert unhidden(text) == "fri\u0435nds⟨U+202E⟩"
    assert spelled_out(text) == "fri\u0435⟨U+0435⟩nds⟨U+202E⟩"


@pytest.mark.parametrize("unit", ["a", " ", "\n", " \n", "\u0430", "\u00e9", "\u200b", "\u0301", "a\u200b"])
def test_a_million_characters_take_no_minutes(unit: str) -> None:
    started = time.monotonic()
    oddities_in(unit * (1_000_000 // len(unit)))
    assert time.monotonic() - started < 60
