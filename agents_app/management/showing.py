"""A run, what waits for people, and how a run came to rest, as text."""

from collections.abc import Sequence
from typing import Any

from agents_app.core.deceptive import spelled_out
from agents_app.core.priority import Priority
from agents_app.core.risk import Risk
from agents_app.core.status import ApprovalStatus, InputStatus, RunStatus, StepKind, ToolCallStatus
from agents_app.management.console import Console, call_text, moment_text, status_text, value_text
from agents_app.models import AgentContext, AgentStep, ApprovalRequest, InputRequest, ToolCall
from agents_app.selectors.budgets import budgets_of_run, spending_of
from agents_app.selectors.people import may_control
from agents_app.selectors.presentation import (
    approval_as_dict,
    call_as_dict,
    input_as_dict,
    rows_for_approvals,
    rows_for_steps,
    run_as_dict,
    step_as_dict,
)
from agents_app.services.argument_origins import origins_for_each
from agents_app.services.code_changes import CODE_CHANGED, MIGRATION_FAILED, change_of, lines_of

STYLES = {
    RunStatus.COMPLETED: "SUCCESS",
    RunStatus.FAILED: "ERROR",
    RunStatus.CANCELLED: "WARNING",
    RunStatus.PAUSED: "WARNING",
    RunStatus.WAITING_FOR_APPROVAL: "WARNING",
    RunStatus.WAITING_FOR_INPUT: "WARNING",
}
LONGEST_MATCH = 200
HIDDEN = "(you may not see what was said and done in this run)"


def show_run(console: Console, context: AgentContext, viewer: Any) -> None:
    """Everything about one run on a page: how it stands, what was asked, its steps, what it waits for, its answer."""
    run = run_as_dict(context, viewer)
    console.line(f"Run {run['id']} of {run['agent']}", style="MIGRATE_HEADING")
    status = console.paint(status_text(run["status"]), _style(run["status"]))
    console.line(f"{'Status':<12}{status}, since {moment_text(run['status_at'])}")
    for name, text in _facts(run):
        if text:
            console.label(name, text)
    for title, text in spending_of(budgets_of_run(context, viewer)):
        console.label("Budget", f"{title}: {text}")
    if run["content_hidden"]:
        console.line(HIDDEN)
    else:
        console.heading("Input")
        console.text(run["input"], indent=2)
    _show_steps(console, context, viewer)
    show_rest(console, context, viewer)


def _style(status: str) -> str:
    return STYLES.get(RunStatus(status), "NOTICE")


def _facts(run: dict[str, Any]) -> list[tuple[str, str]]:
    started = f"{moment_text(run['created_at'])}{' by ' + run['started_by'] if run['started_by'] else ''}"
    cancelled = f"{run['cancelled_by'] or 'somebody'}: {run['cancelled_why'] or 'no reason given'}"
    return [
        ("User", run["user_name"]),
        ("Started", started),
        ("Ended", moment_text(run["ended_at"])),
        ("Restored", f"{moment_text(run['restored_at'])}, to be read only" if run["restored_at"] else ""),
        ("Hidden", f"by {run['hidden_by'] or 'the system'}: {run['hidden_why']}" if run["hidden_at"] else ""),
        ("Erased", moment_text(run["erased_at"])),
        ("Session", run["session"] or ""),
        ("Subject", run["subject"] or ""),
        ("Not before", moment_text(run["run_at"])),
        ("Priority", run["priority"] if run["priority"] != Priority.NORMAL else ""),
        ("Waits", f"for a free slot: the limit of its {run['waits_for_slot']}" if run["waits_for_slot"] else ""),
        ("Waits", _for_code(run["waits_for_code_since"])),
        ("Steps", f"{run['steps_used']} of {run['max_steps']}"),
        ("Held", f"by {run['held_by'] or 'the system'}: {run['held_why']}" if run["paused_at"] else ""),
        (
            "Cancelled" if run["status"] == RunStatus.CANCELLED else "To cancel",
            cancelled if run["cancel_requested_at"] else "",
        ),
    ]


def _for_code(since: str | None) -> str:
    return f"for a worker that knows its code, since {moment_text(since)}; for ten minutes" if since else ""


def _show_steps(console: Console, context: AgentContext, viewer: Any) -> None:
    steps = rows_for_steps(AgentStep.objects.filter(context=context)).order_by("number")
    calls = {str(call.pk): call_as_dict(call, viewer) for call in _calls(context)}
    asked = InputRequest.objects.filter(context=context).select_related("context", "step")
    questions = {str(row.pk): input_as_dict(row, viewer) for row in asked}
    if not steps:
        return
    console.heading("Steps")
    for row in steps:
        step = step_as_dict(row, viewer)
        call = calls.pop(step["tool_call"] or "", None)
        question = questions.get(step["input_request"] or "") if step["kind"] == StepKind.ASK_USER else None
        what = _called(call) if call else _asked(question) if question else _said(step)
        status = "" if step["status"] == "completed" else f"[{step['status']}] "
        console.entry(f"{step['number']:>3}  {step['kind']:<9} ", status + what)
    for call in calls.values():
        console.entry("  –  ", f"{status_text(call['status'])}: {_called(call)}")


def _calls(context: AgentContext) -> Any:
    return ToolCall.objects.filter(context=context).select_related("context", "step").order_by("number")


def _said(step: dict[str, Any]) -> str:
    usage = f"{step['input_tokens']} + {step['output_tokens']} tokens" if step["llm"] else ""
    return " · ".join(filter(None, [step["llm"], usage, step["text"], step["error"] or step["error_code"]]))


def _called(call: dict[str, Any]) -> str:
    text = call_text(call["tool"], call["arguments"])
    if call["content_hidden"]:
        return str(call["tool"])
    if call["status"] == "succeeded":
        return f"{text} → {value_text(call['result'])}"
    return f"{text} ✗ {call['error'] or call['error_code']}" if call["error_code"] else text


def _asked(question: dict[str, Any]) -> str:
    if question["content_hidden"]:
        return ""
    answer = f" → {value_text(question['answer'])}" if question["status"] == InputStatus.ANSWERED else ""
    return f"{question['question']}{answer}"


def show_rest(console: Console, context: AgentContext, viewer: Any) -> None:
    """How a run came to rest: its answer, its error, or what it waits for."""
    run = run_as_dict(context, viewer)
    match run["status"]:
        case RunStatus.COMPLETED:
            console.heading("Output")
            _show_output(console, run)
        case RunStatus.FAILED:
            console.heading("Error")
            console.text(f"{run['error'] or ''} ({run['error_code']})".strip(), indent=2, style="ERROR")
            console.line(f"  Again: manage.py agents_retry {run['id']}")
        case RunStatus.PAUSED:
            if run["held_code"] != CODE_CHANGED:  # else the changes are to be accepted
                console.line(f"It is paused. Go on: manage.py agents_resume {run['id']}")
            show_code_change(console, context, viewer)
            show_waiting(console, context, viewer)
        case _:
            show_waiting(console, context, viewer)


def show_code_change(console: Console, context: AgentContext, viewer: Any) -> None:
    """What has changed in the code of a run that is held for it, and how to accept that."""
    if context.details.held_code not in (CODE_CHANGED, MIGRATION_FAILED) or not may_control(viewer, context):
        return
    change = change_of(context)
    if change is None:
        return
    console.heading("Changed code")
    for line in lines_of(change):
        console.text(line, indent=2)
    console.line(f"Accept: manage.py agents_resume {context.pk} --accept-changes {change.code[:12]}", indent=2)


def _show_output(console: Console, run: dict[str, Any]) -> None:
    if run["content_hidden"]:
        console.line(HIDDEN, indent=2)
    elif isinstance(run["output"], dict):
        for name, value in run["output"].items():
            console.label(f"  {name}", value_text(value))
    else:
        console.text(value_text(run["output"]), indent=2)


def show_waiting(console: Console, context: AgentContext, viewer: Any) -> None:
    """What the run waits for from people, also while it is paused, with the commands that answer it."""
    if context.ended:
        return
    requests = rows_for_approvals(ApprovalRequest.objects.filter(context=context, status=ApprovalStatus.PENDING))
    asked = InputRequest.objects.filter(context=context, status=InputStatus.PENDING).select_related("context", "step")
    unknown = list(_calls(context).filter(status=ToolCallStatus.UNKNOWN))
    requests, questions = list(requests.order_by("pk")), list(asked.order_by("pk"))
    if not (requests or questions or unknown):
        return
    console.heading("Waits for")
    for request in approvals_with_origins(requests, viewer):
        show_approval(console, request)
    for question in questions:
        show_question(console, input_as_dict(question, viewer))
    for call in unknown:
        show_outcome(console, call_as_dict(call, viewer))


def approvals_with_origins(requests: Sequence[ApprovalRequest], viewer: Any) -> list[dict[str, Any]]:
    """Calls that wait for approval, and where each of their arguments came from."""
    origins = origins_for_each(viewer, requests)
    return [{**approval_as_dict(request, viewer), "origins": origins[request.pk]} for request in requests]


def show_approval(console: Console, request: dict[str, Any]) -> None:
    """A call that waits for approval; see `approvals_with_origins`."""
    console.line(f"Approval {request['id']}", style="MIGRATE_LABEL")
    console.text(spelled_out(request["summary"] or request["tool"]), indent=2)
    if not request["content_hidden"]:
        console.text(spelled_out(call_text(request["tool"], request["arguments"])), indent=2)
        _show_origins(console, request["origins"] or {})
    why = f"because {request['reason']}" if request["reason"] else ""
    until = f"until {moment_text(request['expires_at'])}" if request["expires_at"] else ""
    needs = f"needs {request['permission']}" if request["permission"] else ""
    claimed = f"taken on by {request['claimed_by']}" if request["claimed_by"] else ""
    risk = f"{request['risk']} risk" if request["risk"] != Risk.MEDIUM else ""
    if facts := " · ".join(filter(None, [why, risk, until, needs, claimed])):
        console.text(facts, indent=2)
    console.line(f"manage.py agents_approve {request['id']} --as USER", indent=2)


def _show_origins(console: Console, origins: dict[str, list[dict[str, Any]]]) -> None:
    for name, parts in origins.items():
        for part in parts:
            doubt = "untrusted" if part["untrusted"] else "unchecked" if part["unchecked"] else ""
            said = next((_quoted(each) for each in part["quotations"]), "")
            text = " · ".join(filter(None, [part["words"], doubt, said]))
            console.text(spelled_out(f"{'.'.join([name, *part['path']])}: {text}"), indent=4)


def _quoted(quotation: dict[str, str]) -> str:
    """In one line, the value between angles."""
    before, match, after = (" ".join(quotation[name].split()) for name in ("before", "match", "after"))
    return f"“{' '.join(filter(None, [before, f'»{match[:LONGEST_MATCH]}«', after]))}”"


def show_question(console: Console, question: dict[str, Any]) -> None:
    """A question that waits for an answer."""
    console.line(f"Question {question['id']}", style="MIGRATE_LABEL")
    console.text(spelled_out(question["question"] or HIDDEN), indent=2)
    if question["answer_schema"]:
        console.text(f"The answer is JSON: {value_text(question['answer_schema'])}", indent=2)
    console.line(f"manage.py agents_answer {question['id']} ANSWER --as USER", indent=2)


def show_outcome(console: Console, call: dict[str, Any]) -> None:
    """A call of which nobody knows whether it happened."""
    console.line(f"Unknown outcome {call['id']}", style="MIGRATE_LABEL")
    console.text(_called(call), indent=2)
    console.line(f"manage.py agents_settle {call['id']} \\", indent=2)
    console.line("happened|try_again|give_up --as USER", indent=4)
