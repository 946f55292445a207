"""Writes the reference pages that are made from code; `scripts/docs` runs it, a test demands that they are current."""

import ast
import inspect
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import agents_app
from agents_app import conf, exceptions, services, signals, testing
from agents_app.core.event_payloads import Payload
from agents_app.core.events import EVENTS
from agents_app.core.lifecycle import (
    APPROVAL_MOVES,
    INPUT_MOVES,
    RUN_STATUS_MEANINGS,
    STEP_MOVES,
    TOOL_CALL_MOVES,
    Move,
)
from agents_app.core.status import ENDED, ApprovalStatus, InputStatus, StepKind, StepStatus, ToolCallStatus
from agents_app.management.exits import MEANINGS, exit_of_error
from docs.commands import commands_page
from docs.rest import rest_page

REFERENCE = Path(__file__).resolve().parent / "reference"
NOTE = "<!-- Made from the code by scripts/docs. Change the code, not this page. -->"

STEP_MEANINGS: Mapping[StrEnum, str] = {
    StepStatus.STARTED: "under way, or waiting for its next attempt",
    StepStatus.COMPLETED: "its outcome is recorded",
    StepStatus.FAILED: "it ended without a usable outcome",
}
KIND_MEANINGS: Mapping[StrEnum, str] = {
    StepKind.THINK: "one turn of the LLM; counts toward `max_steps`",
    StepKind.USE_TOOL: "one tool call; counts toward `max_steps`",
    StepKind.ASK_USER: "a question to the run's user",
    StepKind.RESPOND: "text that the agent said beside its calls",
    StepKind.WAIT: "time spent waiting",
    StepKind.COMPLETE: "the end, with the answer",
}
CALL_MEANINGS: Mapping[StrEnum, str] = {
    ToolCallStatus.PROPOSED: "the LLM wants it; nobody has judged it yet",
    ToolCallStatus.AWAITING_APPROVAL: "a person must decide",
    ToolCallStatus.READY: "it may start as soon as a worker comes to it",
    ToolCallStatus.STARTED: "the tool is being called",
    ToolCallStatus.UNKNOWN: "nobody knows whether its effect happened; a person (or `reconcile`) says",
    ToolCallStatus.SUCCEEDED: "the tool returned",
    ToolCallStatus.FAILED: "it failed; the LLM reads why",
    ToolCallStatus.REJECTED: "it will not be made; the LLM reads why",
    ToolCallStatus.CANCELLED: "the run ended before it was made",
}
APPROVAL_MEANINGS: Mapping[StrEnum, str] = {
    ApprovalStatus.PENDING: "waits for a decision",
    ApprovalStatus.APPROVED: "a person said yes to these very arguments",
    ApprovalStatus.REJECTED: "a person said no",
    ApprovalStatus.EXPIRED: "nobody decided in time",
    ApprovalStatus.SENT_BACK: "given back to the LLM with instructions; the call was not made",
    ApprovalStatus.WITHDRAWN: "the question no longer matters; a newer request may supersede it",
}
INPUT_MEANINGS: Mapping[StrEnum, str] = {
    InputStatus.PENDING: "waits for an answer",
    InputStatus.ANSWERED: "somebody answered",
    InputStatus.EXPIRED: "nobody answered in time",
    InputStatus.WITHDRAWN: "the question no longer matters",
}


def settings_page() -> str:
    """From the comments and defaults in conf.py."""
    source = inspect.getsource(conf)
    lines = source.splitlines()
    body = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "Conf").body
    rows = [
        (f"`{node.target.id}`", f"`{ast.unparse(node.value)}`".replace('"', "'"), _comment_above(lines, node.lineno))
        for node in body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None
    ]
    return _page(
        "Settings",
        "All settings are keys of one dictionary, `AGENTS_APP`, in your project's settings. What you leave out has its "
        "default.",
        '```python\nAGENTS_APP = {\n    "DEFAULT_LLM": "openai:gpt-5-mini",\n    "ENCRYPTION_KEYS": [os.environ['
        '"AGENTS_KEY"]],\n}\n```',
        _table(("Setting", "Default", "Meaning"), rows),
    )


def _comment_above(lines: list[str], number: int) -> str:
    found: list[str] = []
    for line in reversed(lines[: number - 1]):
        if not line.strip().startswith("#"):
            break
        found.insert(0, line.strip().removeprefix("#").strip())
    return " ".join(found)


def events_page() -> str:
    """From the table of events."""
    rows = [(f"`{type_}`", kind.meaning, f"`{kind.payload.__name__}`") for type_, kind in EVENTS.items()]
    payloads = dict.fromkeys(kind.payload for kind in EVENTS.values())
    return _page(
        "Events",
        "An event is an immutable fact about a run. The events of a run are numbered from 1 without gaps, and each is "
        "committed with the change that it tells of. An event names rows and says what became of them; it never holds "
        "input, arguments, results or answers.",
        "An event has `sequence`, `type`, `at` and `data`; the shape of `data` is its payload.",
        "In a [frame](websocket.md) its type stands under `event`, because `type` is the frame's.",
        _table(("Type", "Meaning", "Payload"), rows),
        "## Payloads",
        "\n\n".join(_payload(payload) for payload in payloads),
    )


def _payload(payload: type[Payload]) -> str:
    own = inspect.cleandoc(payload.__doc__ or "") if payload.__doc__ != BaseModel.__doc__ else ""
    fields = [
        (f"`{name}`", f"`{_type_name(field.annotation)}`", "" if field.is_required() else "optional")
        for name, field in payload.model_fields.items()
    ]
    table = _table(("Field", "Type", ""), fields) if fields else "No fields."
    return "\n\n".join(part for part in (f"### {payload.__name__}", own, table) if part)


def _type_name(annotation: Any) -> str:
    name = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    for full, short in (("pydantic.types.", ""), ("uuid.", ""), ("AwareDatetime | NaiveDatetime", "datetime")):
        name = name.replace(full, short)
    return name.replace("typing.Union[AwareDatetime, NaiveDatetime, NoneType]", "datetime | None").replace("|", "\\|")


def statuses_page() -> str:
    """From the enums and the table of moves."""
    ends = ", ".join(f"`{status}`" for status in RUN_STATUS_MEANINGS if status in ENDED)
    return _page(
        "Statuses and moves",
        "Names may be added, never renamed. Every status has its time (`status_at`). A change that is not in these "
        "tables is refused with `illegal_move`.",
        "## Run",
        "The status of a run is for people. It is derived from the run's rows at every change, so any live status may "
        f"follow any other. {ends} are the end; only `failed` comes back, when a person retries the run.",
        _table(("Status", "Meaning"), ((f"`{status}`", text) for status, text in RUN_STATUS_MEANINGS.items())),
        _status_section("Tool call", CALL_MEANINGS, TOOL_CALL_MOVES),
        _status_section("Step", STEP_MEANINGS, STEP_MOVES),
        _table(("Kind of step", "Meaning"), ((f"`{kind}`", text) for kind, text in KIND_MEANINGS.items())),
        _status_section("Approval request", APPROVAL_MEANINGS, APPROVAL_MOVES),
        _status_section("Input request", INPUT_MEANINGS, INPUT_MOVES),
    )


def _status_section(title: str, meanings: Mapping[StrEnum, str], moves: Iterable[Move]) -> str:
    statuses = _table(("Status", "Meaning"), ((f"`{status}`", meaning) for status, meaning in meanings.items()))
    rows = ((f"`{move.source}`", f"`{move.target}`", move.meaning) for move in moves)
    return "\n\n".join((f"## {title}", statuses, _table(("From", "To", "When"), rows)))


def exceptions_page() -> str:
    """From the exception classes, and what the doors make of them."""
    classes = [
        cls for cls in vars(exceptions).values() if inspect.isclass(cls) and cls.__module__ == exceptions.__name__
    ]
    errors = [cls for cls in classes if issubclass(cls, exceptions.AgentsError)]
    says = [cls for cls in classes if issubclass(cls, exceptions.ToolSays)]
    return _page(
        "Exceptions",
        "Commands raise subclasses of `agents_app.exceptions.AgentsError`. Each has a `code` that stays, a `message` "
        "for people and `details`. The doors map the class: REST to the HTTP status, the command line to the exit "
        "code, the websocket to the `error` of its reply. One class may carry a more exact code; [codes](codes.md) "
        "lists all.",
        _table(("Class", "Code", "HTTP", "Exit", "Meaning"), (_exception_row(cls) for cls in errors)),
        "A class stands for its subclasses: `InvalidInput` also catches `UnknownAgent`.",
        "## What a tool may raise",
        "Each is the author's word that nothing happened.",
        _table(("Class", "Meaning"), ((f"`{cls.__name__}`", _first_line(cls)) for cls in says)),
        "Any other exception of a tool is judged by the tool's [effect](../how-to/tools-and-effects.md).",
        "## Exit codes",
        _table(("Exit", "Meaning"), ((str(int(code)), text) for code, text in MEANINGS.items())),
    )


def _exception_row(cls: type[exceptions.AgentsError]) -> tuple[str, ...]:
    made = cls.__new__(cls)
    return f"`{cls.__name__}`", f"`{cls.code}`", str(cls.http_status), str(int(exit_of_error(made))), _first_line(cls)


def public_api_page() -> str:
    """From the `__all__` of the public modules."""
    sections = [
        ("agents_app", agents_app, "Declares: what an `agents.py` needs. Safe to import before Django is set up."),
        ("agents_app.services", services, "Acts: every door calls these. All are synchronous."),
        ("agents_app.signals", signals, "Tells your own code what happened."),
        ("agents_app.testing", testing, "For your tests; see [test your agents](../how-to/test-your-agents.md)."),
    ]
    parts = [f"## {name}\n\n{text}\n\n{_names(module)}" for name, module, text in sections]
    return _page(
        "Public API",
        "What is on this page is public and changes with notice only; so are the "
        "[exceptions](exceptions.md), `agents_app.llm.LLM`, `agents_app.executors.Executor`, "
        "`agents_app.tasks.continue_run`, `agents_app.tasks.recover`, `agents_app.urls` and `agents_app.ws.routing`. "
        "Everything else may change with any release.",
        *parts,
    )


def _names(module: Any) -> str:
    rows = ((_shown(name, module), _meaning(module, name)) for name in sorted(module.__all__))
    return _table(("Name", "Meaning"), rows)


def _shown(name: str, module: Any) -> str:
    """With the parameters that must be given; `…` stands for those that may."""
    value = getattr(module, name)
    if not inspect.isfunction(value):
        return f"`{name}`"
    parameters = inspect.signature(value).parameters.values()
    named = [f"{each.name}=" if each.kind is each.KEYWORD_ONLY else each.name for each in parameters if _needed(each)]
    more = ["…"] if len(named) < len(parameters) else []
    return f"`{name}({', '.join([*named, *more])})`"


def _needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )


LINES = {
    "tool": "Decorator for a method or function; see [tools and effects](../how-to/tools-and-effects.md).",
    "not_happened": "The answer of a `reconcile` hook: nothing happened.",
    "SYSTEM": "For `by=`: the operator of this installation, who may do all that needs no person to judge.",
    "CODE": "The `Origin` of commands that your own code gives.",
    "event_recorded": "The Django signal sent for every event, after commit. Arguments: `event` (`RecordedEvent`).",
    "run_changed": "The Django signal sent once per committed change. Arguments: `run_id`, `version`.",
}
"""For what has no docstring of its own."""


def _meaning(module: Any, name: str) -> str:
    return LINES.get(name) or _first_line(getattr(module, name))


def _first_line(value: Any) -> str:
    doc = inspect.cleandoc(value.__doc__ or "")
    return " ".join(doc.split("\n\n")[0].split()).replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((NOTE, f"# {title}", *parts)) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "rest.md": rest_page,
    "settings.md": settings_page,
    "events.md": events_page,
    "statuses.md": statuses_page,
    "exceptions.md": exceptions_page,
    "public-api.md": public_api_page,
}


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make())
