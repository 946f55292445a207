"""The form in which words are indexed and looked for, however they are written."""

import unicodedata
from typing import Any

FUNCTION = "agents_nfkc"
"""Its name in SQLite, where triggers call it. PostgreSQL has one of its own."""


def compatible(text: str) -> str:
    """The text in Unicode's form NFKC: full-width letters, ligatures and accents apart are the usual characters. What
    is shown and cited stays as it was written."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def teach(connection: Any, **_: Any) -> None:
    """Let this connection call it, if it is one to SQLite."""
    if connection.vendor == "sqlite":
        connection.connection.create_function(FUNCTION, 1, compatible, deterministic=True)
