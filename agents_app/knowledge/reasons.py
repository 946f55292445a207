"""What a worker finds out and people read, each in a language of their own: why a document cannot be read, what was
guessed of it, why there are no vectors yet. What is stored is the text as it is translated, and its values."""

from collections.abc import Mapping
from typing import Any, cast

from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext

from agents_app.core.canonical import clean_json
from agents_app.core.told import Told


def reason(text: str, values: Mapping[str, Any] | None) -> str:
    """The text in the language of who reads it now. A value {"bytes": …} is a size, and {"size": …} one in units."""
    if not text:
        return ""
    return gettext(text) % {name: _shown(value) for name, value in values.items()} if values else gettext(text)


def told(text: str, values: Mapping[str, Any] | None = None) -> Told:
    """The message of an error that is told now, and may be stored for others to read."""
    clean = cast(dict[str, Any], clean_json(dict(values or {}))[0])
    return Told(reason(text, clean), text, clean)


def sizes(size: int | None, limit: int) -> dict[str, Any]:
    """The values of a text that names a size and its limit, as people can tell them from each other."""
    unit = "bytes" if size is not None and in_units(size) == in_units(limit) else "size"
    return {"limit": {unit: limit}} if size is None else {"size": {unit: size}, "limit": {unit: limit}}


def in_units(size: int) -> str:
    """As people read it: `60 MB`. Units are decimal, as those of the settings."""
    for unit, of in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= of:
            return f"{number_format(round(size / of, 1)).removesuffix(number_format(0.0)[1:])} {unit}"
    return _in_bytes(size)


def _in_bytes(size: int) -> str:
    return ngettext("%(count)s byte", "%(count)s bytes", size) % {"count": number_format(size, force_grouping=True)}


def _shown(value: Any) -> Any:
    match value:
        case {"bytes": int(size)}:
            return _in_bytes(size)
        case {"size": int(size)}:
            return in_units(size)
    return value
