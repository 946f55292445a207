"""Files that commands write: for their owner alone, and never over another."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agents_app.exceptions import InvalidInput


def write_or_print(console: Any, texts: Iterable[str], path: str | None) -> None:
    """Write the texts into a new file, or where the command prints (None, or "-" as elsewhere). Raises InvalidInput if
    it cannot be written."""
    if path is None or path == "-":
        for text in texts:
            console.write(text, ending="")
        return
    try:
        file = os.fdopen(os.open(Path(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", newline="")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from None
    with file:
        file.writelines(texts)
