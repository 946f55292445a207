"""Collects every text that is marked for translation, and brings the catalogues of agents_app/locale up to date.

Needs neither xgettext nor msgfmt. Without a language the present ones; `scripts/messages fr` begins another.
"""

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from agents_app import exceptions
from agents_app.core.conditions import WORDS
from agents_app.core.events import EVENTS
from agents_app.core.status import ApprovalStatus, Effect, InputStatus, RunStatus, ToolCallStatus, Verdict

ROOT = Path(__file__).parents[1] / "agents_app"
LOCALE = ROOT / "locale"
DOMAIN = "django"
KEYWORDS = {
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "_": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
STATUSES = (ApprovalStatus, Effect, InputStatus, RunStatus, ToolCallStatus, Verdict)
HEADER = "Texts of agents_app. Made by scripts/messages; translate what is empty and run it again."
VARYING = ("POT-Creation-Date", "PO-Revision-Date", "Generated-By", "Last-Translator", "Language-Team", "Project-Id")
ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)

Key = tuple[str | tuple[str, str], str | None]
"""(the text, or singular and plural; its context)."""


def marked() -> set[Key]:
    """All texts of the code and the templates."""
    found: set[Key] = {(text, None) for text in _texts_of_core()}
    for path in sorted(ROOT.rglob("*.py")):
        if path.parts[len(ROOT.parts)] not in ("migrations", "testing"):
            found |= set(_in_source(path.read_bytes()))
    for path in sorted([*ROOT.rglob("templates/**/*.html"), *ROOT.rglob("templates/**/*.txt")]):
        found |= set(_in_source(templatize(path.read_text(), origin=str(path)).encode()))
    return found


def _in_source(source: bytes) -> Iterator[Key]:
    for _line, texts, _comments, context in extract("python", BytesIO(source), keywords=KEYWORDS):
        yield (texts if isinstance(texts, str) else (texts[0], texts[1])), context


def _texts_of_core() -> Iterable[str]:
    """Core knows no Django: what people read of it is translated where it is shown."""
    yield from (kind.meaning for kind in EVENTS.values())
    yield from WORDS.values()
    yield from (status.value for kind in STATUSES for status in kind)
    for error in vars(exceptions).values():
        if isinstance(error, type) and issubclass(error, exceptions.AgentsError):
            yield (error.__doc__ or "").strip().splitlines()[0]


def languages() -> list[str]:
    """Those that there are catalogues of."""
    return sorted(path.name for path in LOCALE.iterdir() if path.is_dir())


def folder_of(language: str) -> Path:
    """Where its catalogue lies."""
    return LOCALE / language / "LC_MESSAGES"


def catalogue_of(language: str) -> Catalog:
    """What there is of it; an empty one at first."""
    path = folder_of(language) / f"{DOMAIN}.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def merged(old: Catalog, texts: Iterable[Key]) -> Catalog:
    """The same translations for the texts that there are now. None is guessed: a changed text is a new one."""
    fresh = Catalog(locale=old.locale, header_comment=f"# {HEADER}", fuzzy=False)
    for text, context in texts:
        known = old.get(text if isinstance(text, str) else text[0], context)
        kept = known.string if known is not None and known.id == text and not known.fuzzy else ""
        fresh.add(text, kept, context=context, flags=_flags(text))
    return fresh


def _flags(text: str | tuple[str, str]) -> set[str]:
    return {"python-format"} if Message(text).python_format else set()


def po_of(catalogue: Catalog) -> str:
    """The catalogue as text: sorted, without places and dates, so that two people's changes seldom meet."""
    written = BytesIO()
    write_po(written, catalogue, no_location=True, sort_output=True, width=120)
    lines = written.getvalue().decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(tuple(f'"{name}' for name in VARYING)))


def mo_of(catalogue: Catalog) -> bytes:
    """What the product reads: the same bytes for the same texts, whenever it is made."""
    catalogue.creation_date = catalogue.revision_date = ALWAYS
    written = BytesIO()
    write_mo(written, catalogue)
    return written.getvalue()


def missing(catalogue: Catalog) -> list[str]:
    """Texts that have no translation, or not in all of the language's plural forms."""
    return [
        str(message.id)
        for message in catalogue
        if message.id and not all(message.string if isinstance(message.string, tuple) else (message.string,))
    ]


def main(wanted: list[str]) -> int:
    """Write the catalogues; 1 if something is to be translated."""
    texts = sorted(marked(), key=str)
    status = 0
    for language in wanted or languages():
        catalogue = merged(catalogue_of(language), texts)
        folder = folder_of(language)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{DOMAIN}.po").write_text(po_of(catalogue))
        # What is written down is what counts: read again, as the test does.
        (folder / f"{DOMAIN}.mo").write_bytes(mo_of(catalogue_of(language)))
        open_ones = missing(catalogue)
        print(f"{language}: {len(texts)} texts, {len(open_ones)} to be translated")
        for text in open_ones:
            print(f"  {text}")
        status = status or int(bool(open_ones))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
