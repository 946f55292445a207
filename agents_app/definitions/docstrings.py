"""Descriptions out of docstrings: the text, and the parameters in a Google `Args:` section."""

import inspect
import re

HEADING = re.compile(r"(Args|Arguments|Parameters):\s*$")
ENTRY = re.compile(r"(?P<name>\w+)\s*(\([^)]*\))?:\s*(?P<text>.*)$")


def description(docstring: str | None) -> str:
    """The docstring without its `Args:` section."""
    before, _, after = _split(docstring)
    return "\n".join([*before, *after]).strip()


def argument_texts(docstring: str | None) -> dict[str, str]:
    """The texts of the `Args:` section by parameter."""
    texts: dict[str, list[str]] = {}
    current: list[str] = []
    lines = inspect.cleandoc("\n".join(["", *_split(docstring)[1]])).splitlines()
    for line in lines:
        entry = ENTRY.match(line)
        if entry:
            current = texts.setdefault(entry["name"], [])
            current.append(entry["text"])
        else:
            current.append(line.strip())
    return {name: " ".join(part for part in parts if part) for name, parts in texts.items()}


def _split(docstring: str | None) -> tuple[list[str], list[str], list[str]]:
    """The lines before, in and after the `Args:` section; it ends with the first line that is not indented."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    start = next((number for number, line in enumerate(lines) if HEADING.match(line)), None)
    if start is None:
        return lines, [], []
    rest = range(start + 1, len(lines))
    end = next((number for number in rest if lines[number] and not lines[number][0].isspace()), len(lines))
    return lines[:start], lines[start + 1 : end], lines[end:]
