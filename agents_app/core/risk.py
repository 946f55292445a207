"""How much is at stake in a tool's calls, in the words of its author: people who decide see it."""

from enum import StrEnum


class Risk(StrEnum):
    """How bad a wrong yes would be. It changes nothing about who decides."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
