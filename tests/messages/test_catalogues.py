"""The catalogues of agents_app/locale: complete, compiled, and with the same placeholders as the English texts."""

import re
from string import Formatter

import pytest
from babel.messages.catalog import Message
from django.utils.translation import gettext, override

from scripts._messages import catalogue_of, folder_of, languages, marked, merged, missing, mo_of, po_of

pytestmark = pytest.mark.once

PERCENT = re.compile(r"%\((\w+)\)([sd])|%%")
TAG = re.compile(r"</?\w+>")


def test_there_is_a_second_language() -> None:
    assert "de" in languages()


@pytest.mark.parametrize("language", languages())
def test_it_has_every_text_and_no_other(language: str) -> None:
    written = (folder_of(language) / "django.po").read_text()
    assert po_of(merged(catalogue_of(language), sorted(marked(), key=str))) == written, "run scripts/messages"


@pytest.mark.parametrize("language", languages())
def test_every_text_is_translated(language: str) -> None:
    catalogue = catalogue_of(language)
    assert missing(catalogue) == []
    assert [message.id for message in catalogue if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", languages())
def test_it_is_compiled(language: str) -> None:
    assert (folder_of(language) / "django.mo").read_bytes() == mo_of(catalogue_of(language)), "run scripts/messages"


@pytest.mark.parametrize("language", languages())
def test_translations_keep_placeholders_and_tags(language: str) -> None:
    differing = [text for message in catalogue_of(language) if message.id for text in _differing(message)]
    assert differing == []


def _differing(message: Message) -> list[str]:
    ids, strings = (each if isinstance(each, tuple) else (each,) for each in (message.id, message.string))
    wanted = _parts(ids[-1])
    return [text for text in strings if _parts(text) != wanted and _parts(text) != _parts(ids[0])]


def _parts(text: str) -> tuple[list[str], list[str], list[str]]:
    fields = (
        [] if '{"' in text else sorted(field or "" for _, field, _, _ in Formatter().parse(text) if field is not None)
    )
    return sorted(match.group() for match in PERCENT.finditer(text)), fields, sorted(TAG.findall(text))


def test_django_finds_them() -> None:
    with override("de"):
        assert gettext("Waiting for approval") == "Wartet auf Genehmigung"
    with override("en"):
        assert gettext("Waiting for approval") == "Waiting for approval"
