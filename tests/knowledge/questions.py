"""The questions that search is measured with, and what counts as a content word of one."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

QUESTIONS = Path(__file__).parent / "questions.json"
# Cut off, so that a word in another form counts as the same one. Cruder than a real stemmer: it finds more in common.
ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ied", "ers", "er", "ed", "es", "s", "e", "y")
SHORTEST_STEM = 3
# Words that say nothing about what a question is about. Nothing else is left out.
STOP_WORDS = frozenset(json.loads(QUESTIONS.read_text())["stop_words"].split())


@dataclass(frozen=True, kw_only=True)
class Asked:
    question: str
    page: str
    """Below docs/, without its suffix."""
    title: str
    passage: str
    hard: bool


def asked() -> list[Asked]:
    return [Asked(**entry) for entry in json.loads(QUESTIONS.read_text())["questions"]]


def release() -> str:
    """The release of Django whose pages the questions were written from."""
    return str(json.loads(QUESTIONS.read_text())["release"])


def content_words(text: str) -> set[str]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {stem(word) for word in words if word not in STOP_WORDS and len(word) > 1}


def stem(word: str) -> str:
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            return word[: -len(ending)]
    return word
