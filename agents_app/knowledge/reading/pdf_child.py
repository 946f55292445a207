"""Reads the text of a PDF, page by page, in a process that is killed if it takes too much: a program of its own.

It gets {"path", "first", "pages", "memory", "seconds"} as JSON on its standard input, and prints JSON lines:
{"of": pages}, then {"page": number, "text": …} from page `first` on, or {"error": code, "detail": …}. It imports
pypdf alone, so that it starts quickly and holds little.
"""

import json
import logging
import resource
import sys
from typing import Any


def main() -> None:
    """Read what the standard input asks for."""
    asked = json.loads(sys.stdin.read())
    resource.setrlimit(resource.RLIMIT_AS, (asked["memory"], asked["memory"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    try:
        _read(asked)
    except MemoryError:
        _say(error="too_much_memory")
    except RecursionError:
        _say(error="damaged_pdf", detail="nested too deep")
    except Exception as error:
        _say(error=_code_of(error), detail=f"{type(error).__name__}: {error}"[:500])


def _read(asked: dict[str, Any]) -> None:
    from pypdf import PdfReader

    with open(asked["path"], "rb") as file:  # noqa: PTH123 - one import less
        reader = PdfReader(file)
        if reader.is_encrypted and not reader.decrypt(""):
            _say(error="encrypted_pdf")
            return
        pages = len(reader.pages)
        _say(of=pages)
        if pages > asked["pages"]:
            return
        for index in range(asked["first"] - 1, pages):
            page = reader.pages[index]
            contents = page.get_contents()
            if contents is not None:
                contents.get_data()  # extract_text() takes what unpacks to too much for an empty page
            _say(page=index + 1, text=page.extract_text())


def _code_of(error: Exception) -> str:
    from pypdf.errors import LimitReachedError

    return "pdf_bomb" if isinstance(error, LimitReachedError) else "damaged_pdf"


def _say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
