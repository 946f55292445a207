"""What is told: that a run has changed, and pieces of an LLM's text. Never the truth: that is in the rows."""

import json
from dataclasses import asdict, dataclass
from uuid import UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """The run has events up to number `version`."""

    run_id: UUID
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Delta:
    """A piece of the text that an LLM is writing. `index`: how many characters of this attempt came before it."""

    run_id: UUID
    step: int
    attempt: int
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """Something may have changed: compare the rows."""


News = Changed | Delta | Look


def encode(news: Changed | Delta) -> str:
    """`run:version`, or a JSON object. PostgreSQL takes less than 8000 bytes: keep pieces of text short."""
    if isinstance(news, Changed):
        return f"{news.run_id}:{news.version}"
    return json.dumps(asdict(news), default=str, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> News:
    """The inverse of `encode`; what cannot be understood (another release's) only says: look."""
    try:
        if not text.startswith("{"):
            run_id, version = text.split(":")
            return Changed(run_id=UUID(run_id), version=int(version))
        fields = json.loads(text)
        return Delta(**{**fields, "run_id": UUID(str(fields["run_id"]))})
    except (ValueError, TypeError, KeyError):
        return Look()
