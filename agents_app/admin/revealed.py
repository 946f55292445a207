"""Deceptive text on pages: what hides, reorders or pretends is shown for what it is, with a warning."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from agents_app.core.deceptive import Oddity, Piece, oddities_in, pieces_of

WARNINGS: Mapping[Oddity, Promise] = {
    Oddity.INVISIBLE: _("It contains characters that cannot be seen."),
    Oddity.BIDIRECTIONAL: _("It contains characters that turn the order of the text around."),
    Oddity.CONTROL: _("It contains control characters."),
    Oddity.UNKNOWN: _("It contains characters that have no agreed meaning."),
    Oddity.STACKED: _("It contains marks stacked over one another."),
    Oddity.GAP: _("It contains a long gap, with more text after it."),
    Oddity.CONFUSABLE: _("It contains letters or digits that look like others."),
}

STAND_FOR_THEMSELVES = (Oddity.CONFUSABLE, Oddity.STACKED)


def warnings_about(value: Any) -> list[Promise]:
    """What a person should know before they believe what they read in a JSON value."""
    return [WARNINGS[oddity] for oddity in oddities_in(value)]


def revealed(text: str) -> SafeString:
    """A text as HTML, escaped, with what is odd in it made visible."""
    return format_html_join("", "{}", ((_shown(piece),) for piece in pieces_of(text)))


def _shown(piece: Piece) -> str:
    if piece.oddity is None:
        return piece.text
    title = WARNINGS[piece.oddity]
    if piece.oddity in STAND_FOR_THEMSELVES:
        code, _space, name = piece.note.partition(" ")
        mark = '<mark class="aa-odd" title="{}">{}<small>{}</small></mark>'
        return format_html(mark, name or title, piece.text, code)
    return format_html('<mark class="aa-odd" title="{}">{}</mark>', title, f"⟨{piece.note}⟩")
