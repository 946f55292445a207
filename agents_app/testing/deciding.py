"""Deciding in a test what people would decide."""

from typing import Any

from agents_app.models import ApprovalRequest, InputRequest
from agents_app.selectors.transcript import arguments_of
from agents_app.services import answer_input, approve, reject, send_back
from agents_app.testing.reading import AnyRun, describe, pending_approvals_of, pending_inputs_of


def approve_pending(
    run: AnyRun, *, by: Any, arguments: dict[str, Any] | None = None, tool: str | None = None, reason: str = ""
) -> ApprovalRequest:
    """Approve the call that the run waits for, as the user `by`. arguments: those to change; the others stay.

    tool: which one, where several wait. Raises AssertionError unless exactly one does, and what `approve` raises.
    """
    request = _the_one(run, tool)
    edited = None
    if arguments is not None:
        edited = {**arguments_of(request.call, sensitive=True), **arguments}
    return approve(request.pk, by=by, digest=request.call.digest, arguments=edited, reason=reason)


def reject_pending(run: AnyRun, *, by: Any, reason: str = "no", tool: str | None = None) -> ApprovalRequest:
    """Reject the call that the run waits for, as the user `by`. The LLM is told the reason.

    tool: which one, where several wait. Raises AssertionError unless exactly one does, and what `reject` raises.
    """
    request = _the_one(run, tool)
    return reject(request.pk, by=by, reason=reason, digest=request.call.digest)


def send_back_pending(run: AnyRun, *, by: Any, instructions: str, tool: str | None = None) -> ApprovalRequest:
    """Send the call that the run waits for back, as the user `by`. The LLM is told the instructions.

    tool: which one, where several wait. Raises AssertionError unless exactly one does, and what `send_back` raises.
    """
    request = _the_one(run, tool)
    return send_back(request.pk, by=by, instructions=instructions, digest=request.call.digest)


def answer_pending(run: AnyRun, answer: Any, *, by: Any) -> InputRequest:
    """Answer the question that the run asks, as the user `by`; of several, the first that is open.

    Raises AssertionError if there is none, and what `answer_input` raises.
    """
    questions = pending_inputs_of(run)
    if not questions:
        raise AssertionError(f"The run asks no question.\n{describe(run)}")
    return answer_input(questions[0].pk, answer, by=by)


def _the_one(run: AnyRun, tool: str | None) -> ApprovalRequest:
    requests = [request for request in pending_approvals_of(run) if tool in (None, request.call.tool)]
    if len(requests) != 1:
        what = f"of {tool} " if tool else ""
        found = "several calls wait: name one with tool=…" if requests else "none does"
        raise AssertionError(f"Exactly one call {what}should wait for approval, but {found}.\n{describe(run)}")
    return requests[0]
