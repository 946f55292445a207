"""What the demo LLM keeps of what a user says of themselves, and what it says of that when they come back."""

import re
from collections.abc import Iterator

from agents_app.core.briefing import OPENING

REMEMBER = "remember"

ASKED = re.compile(r"\bremember\b[,:]?\s+(?:that\s+)?(?!of\b|about\b|me\b)(\S.*)", re.I | re.S)
SAID = re.compile(
    r"((?:\bI (?:prefer|like|love|live|always|never|hate|have an?)|\bI(?:'m| am) (?:called|named|allergic)"
    r"|\bmy name is|\bcall me)\b.*?)(?:[.!](?:\s|$)|$)",
    re.I | re.S,
)
SECTION = re.compile(r"^## What is known of the user[^\n]*\n(.*?)(?=^## |\Z)", re.M | re.S)
FACT = re.compile(r"^(?:\| )?- (?:[a-z0-9_]+: )?(.+?) \(\d{4}-\d{2}-\d{2}[^()]*\)$", re.M)
RECALLS = frozenset({"know", "remember", "recall", "who"})
"""Words of a question for what is known."""


def to_keep(text: str) -> str:
    """What the user wants to be known later; empty if nothing. A question is none."""
    if text.rstrip().endswith("?"):
        return ""
    found = ASKED.search(text) or SAID.search(text)
    return " ".join(found[1].split()) if found else ""


def known_of_the_user(text: str) -> Iterator[str]:
    """The facts in what a run is told besides."""
    if text.startswith(OPENING):
        for lines in SECTION.findall(text):
            yield from FACT.findall(lines)


def in_a_sentence(known: tuple[str, ...]) -> str:
    """As an answer."""
    return "You told me: " + " ".join(f"“{each.rstrip('.')}.”" for each in known)
