"""What is wrong with a declaration. Found when it is resolved, reported by the checks, never raised at import."""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """The ids of the checks. Stable: projects silence them by id."""

    DUPLICATE_AGENT = "agents_app.E001"
    AGENT_NAME = "agents_app.E002"
    AGENT_OPTION = "agents_app.E003"
    ANSWER_TYPE = "agents_app.E004"
    UNKNOWN_LLM = "agents_app.E005"
    NOT_A_TOOL = "agents_app.E006"
    DUPLICATE_TOOL = "agents_app.E007"
    TOOL_NAME = "agents_app.E008"
    ABSTRACT_AGENT = "agents_app.E009"
    UNANNOTATED = "agents_app.E010"
    PARAMETER_TYPE = "agents_app.E011"
    DEFAULT = "agents_app.E012"
    PARAMETER_KIND = "agents_app.E013"
    TOOL_OPTION = "agents_app.E014"
    EXTERNAL_RETRIES = "agents_app.E015"
    ATOMIC_ASYNC = "agents_app.E016"
    ATOMIC_TIMEOUT = "agents_app.E017"
    SENSITIVE_WITHOUT_KEY = "agents_app.E018"
    HOOK = "agents_app.E019"
    HOOK_SIGNATURE = "agents_app.E020"
    OVERRIDDEN_TOOL = "agents_app.E021"
    INHERITED_TOOL = "agents_app.E022"
    RETURN_TYPE = "agents_app.E023"
    MIGRATION = "agents_app.E025"
    RULE = "agents_app.E028"
    NO_KNOWLEDGE = "agents_app.E031"


def first_line(error: Exception) -> str:
    """What an exception says, short enough for a check's message."""
    return (str(error).splitlines() or [type(error).__name__])[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One error in a declaration: what is wrong, and what to do."""

    code: Code
    message: str
    hint: str
