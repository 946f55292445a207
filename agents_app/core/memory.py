"""What is remembered outlives runs: whose it is, who wrote it, whether it may be trusted, and what the same means."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from agents_app.core.canonical import JSON, clean_json


class MemoryKind(StrEnum):
    """What is remembered."""

    FACT = "fact"
    ENTITY = "entity"
    WORKING = "working"


class MemoryOrigin(StrEnum):
    """Who wrote it, the most trusted first. `PERSON`: staff, the only ones whose words count as true; `USER`: whom it
    is about, by a door; `LLM`, or what it read in the result of a `TOOL` or in a `DOCUMENT`."""

    PERSON = "person"
    USER = "user"
    LLM = "llm"
    TOOL = "tool"
    DOCUMENT = "document"


class Visibility(StrEnum):
    """Who may see it. `USER`: whose it is, staff, and the runs of every agent for them; `AGENT`: the same, but of the
    runs only those of the agent that wrote it; `STAFF`: people with the permission alone, and no LLM."""

    USER = "user"
    AGENT = "agent"
    STAFF = "staff"


class MemoryAct(StrEnum):
    """What was done to it."""

    ADDED = "added"
    CONFIRMED = "confirmed"
    CORRECTED = "corrected"
    SUPERSEDED = "superseded"
    MERGED = "merged"
    UPDATED = "updated"
    FORGOTTEN = "forgotten"
    EXPIRED = "expired"


class Standing(StrEnum):
    """How it stands now."""

    LIVE = "live"
    TO_COME = "to_come"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    FORGOTTEN = "forgotten"


TEXT_LIMIT = 1000
"""Characters of one fact."""
KEY_LIMIT = 100
TYPE_LIMIT = 50
NAME_LIMIT = 200
ALIASES = 20
ATTRIBUTES_LIMIT = 4000
"""Characters of an entity's attributes, as JSON."""
DOCUMENT_LIMIT = 16_000
"""Characters of a working memory, as JSON."""


def trusted(origin: str) -> bool:
    """Whether its words count as true: all others are quoted to the LLM as data."""
    return origin == MemoryOrigin.PERSON


def less_trusted(one: str, other: str) -> bool:
    """Whether the first is to be doubted more: what was read somewhere more than what somebody said."""
    order = list(MemoryOrigin)
    return order.index(MemoryOrigin(one)) > order.index(MemoryOrigin(other))


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Whose memory it is. `user`: the key of a person, empty for nobody; `session`: of one session alone.

    Both are compared: a session that lost its user (the account was deleted) is another owner's.
    """

    user: str = ""
    session: UUID | None = None

    @property
    def exists(self) -> bool:
        """Whether there is somebody, or some session, to remember things of."""
        return bool(self.user) or self.session is not None

    def place(self, visibility: Visibility, agent: str) -> str:
        """Where rows of this owner lie together: those of one place are seen by the same and consolidated."""
        lane = {Visibility.USER: "", Visibility.AGENT: f"/{agent}", Visibility.STAFF: "/"}[visibility]
        whose = f"user:{self.user}" if self.session is None else f"session:{self.session.hex}:{self.user}"
        return whose + lane


def places_of(user: str, session: UUID | None, agent: str) -> tuple[str, ...]:
    """What a run may see: of its user, and of its session; of every agent, and of its own alone."""
    owners = [Owner(user=user)] if user else []
    owners += [Owner(user=user, session=session)] if session is not None else []
    lanes = (Visibility.USER, Visibility.AGENT)
    return tuple(owner.place(lane, agent) for owner in owners for lane in lanes)


# What is the same.


def normal(text: str) -> str:
    """The text for comparing: case, punctuation at its ends, accents of writing and spaces do not count."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return plain.strip(".,;:!?\"'()[] ")


def digest_of(text: str) -> str:
    """Names what a text says; two that are written alike have the same."""
    return hashlib.sha256(normal(text).encode()).hexdigest()


def patched(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The document with these changes: objects are changed member by member, null takes a member away (RFC 7396)."""
    made = dict(document)
    for name, value in changes.items():
        if value is None:
            made.pop(name, None)
        elif isinstance(value, Mapping):
            inner = made.get(name)
            made[name] = patched(inner if isinstance(inner, Mapping) else {}, value)
        else:
            made[name] = value
    return made


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object as JSON gives it back, with characters replaced that cannot be stored. Raises ValueError for what JSON
    cannot say."""
    try:
        return cast(dict[str, Any], clean_json(json.loads(json.dumps(value, allow_nan=False)))[0])
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def size_of(value: JSON) -> int:
    """Characters of a value as JSON."""
    return len(json.dumps(value, ensure_ascii=False))


# What is like a question.

WORD = re.compile(r"[^\W_]+")
STEM = 5
"""Letters by which two words count as the same, so that "emails" finds "e-mail" addresses no less than "email"."""
SMALL = frozenset(
    (
        *(
            "a",
            "an",
            "and",
            "are",
            "as",
            "at",
            "be",
            "by",
            "do",
            "does",
            "for",
            "from",
            "has",
            "have",
            "he",
            "her",
            "his",
        ),
        *("how", "i", "in", "is", "it", "me", "my", "of", "on", "or", "our", "she", "that", "the", "their", "them"),
        *(
            "they",
            "this",
            "to",
            "us",
            "was",
            "we",
            "what",
            "when",
            "where",
            "which",
            "who",
            "why",
            "will",
            "with",
            "you",
        ),
        *("your", "auf", "das", "dem", "den", "der", "des", "die", "ein", "eine", "im", "ist", "mit", "und", "von"),
        *("was", "wer", "wie", "wo", "zu"),
    )
)
"""Words that say little."""


def overlap(query: str, text: str) -> float:
    """How many of the words that say something in `query` stand in `text`, from 0 to 1."""
    wanted = _stems(query)
    return len(wanted & _stems(text)) / len(wanted) if wanted else 0.0


def _stems(text: str) -> frozenset[str]:
    joined = normal(text).replace("-", "")
    return frozenset(word[:STEM] for word in WORD.findall(joined) if word not in SMALL)
