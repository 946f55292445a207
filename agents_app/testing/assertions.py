"""Assertions about runs. A failure says how the run stands, what happened, and what to do next."""

from typing import Any

from pydantic_core import to_jsonable_python

from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.exceptions import AgentsError
from agents_app.models import ApprovalRequest, InputRequest, ToolCall
from agents_app.selectors.transcript import arguments_of
from agents_app.services import Run, read_run
from agents_app.testing.reading import (
    AnyRun,
    calls_of,
    context_of,
    describe,
    pending_approvals_of,
    pending_inputs_of,
)

ANY: Any = object()
"""Stands for an output that the test does not care about."""


def assert_completed(run: AnyRun, output: Any = ANY) -> Run[Any]:
    """The run has completed, with this output if one is given. Gives the run as of now."""
    found = _with_status(run, RunStatus.COMPLETED)
    if output is not ANY and found.output != output:
        raise AssertionError(f"Expected the output {output!r}, got {found.output!r}.\n{describe(run)}")
    return found


def assert_failed(run: AnyRun, code: str | None = None) -> Run[Any]:
    """The run has failed, with this error code if one is given. Gives the run as of now."""
    found = _with_status(run, RunStatus.FAILED)
    if code is not None and (found.error is None or found.error[0] != code):
        raise AssertionError(f"Expected the error {code!r}, got {found.error!r}.\n{describe(run)}")
    return found


def assert_cancelled(run: AnyRun) -> Run[Any]:
    """The run was cancelled. Gives the run as of now."""
    return _with_status(run, RunStatus.CANCELLED)


def assert_waits_for_approval(run: AnyRun, /, tool: str | None = None, **arguments: Any) -> ApprovalRequest:
    """The run waits for people to approve a call: of this tool, with these arguments (others do not matter).

    Arguments are compared as the tool understands them: `amount=120` is `Decimal("120.00")`. Gives the request.
    """
    requests = pending_approvals_of(run)
    if not requests:
        raise AssertionError(f"Expected the run to wait for approval.\n{describe(run)}")
    for request in requests:
        if tool in (None, request.call.tool) and _has(request.call, arguments):
            return request
    raise AssertionError(f"Expected {_shown(tool, arguments)} to wait for approval.\n{describe(run)}")


def assert_waits_for_input(run: AnyRun, question: str | None = None) -> InputRequest:
    """The run asks its user something; `question` is a part of it. Gives the input request."""
    requests = pending_inputs_of(run)
    if not requests:
        raise AssertionError(f"Expected the run to wait for input.\n{describe(run)}")
    for request in requests:
        if question is None or question in request.question:
            return request
    raise AssertionError(f"Expected a question with “{question}”.\n{describe(run)}")


def assert_called(run: AnyRun, tool: str, /, **arguments: Any) -> ToolCall:
    """The tool was called (whatever came of it) with these arguments; others do not matter. Gives the call."""
    for call in calls_of(run):
        if call.tool == tool and call.attempt and _has(call, arguments):
            return call
    raise AssertionError(f"Expected {_shown(tool, arguments)} to have been called.\n{describe(run)}")


def assert_not_called(run: AnyRun, tool: str, /, **arguments: Any) -> None:
    """The tool was never called with these arguments; without arguments: never at all."""
    for call in calls_of(run):
        if call.tool == tool and call.attempt and _has(call, arguments):
            raise AssertionError(f"Expected {_shown(tool, arguments)} not to have been called.\n{describe(run)}")


def _with_status(run: AnyRun, status: RunStatus) -> Run[Any]:
    found = read_run(context_of(run).pk)
    if found.status != status:
        raise AssertionError(f"Expected the run to be {status}.\n{describe(run)}")
    return found


def _has(call: ToolCall, expected: dict[str, Any]) -> bool:
    """Whether the call has these arguments, as its tool understands them."""
    found = arguments_of(call, sensitive=True)
    if not expected:
        return True
    if not isinstance(found, dict) or not set(expected) <= set(found):
        return False
    wanted = {**found, **to_jsonable_python(expected)}
    if found == wanted:
        return True
    text = _canonical(call, found)
    return text is not None and text == _canonical(call, wanted)


def _canonical(call: ToolCall, arguments: dict[str, Any]) -> str | None:
    """The tool's own text of these arguments; None if they do not fit or the tool is gone."""
    try:
        tool = registry.get(call.context.agent).tools[call.tool]
        return tool.text(tool.validate(arguments))
    except (AgentsError, KeyError):
        return None


def _shown(tool: str | None, arguments: dict[str, Any]) -> str:
    return f"{tool or 'a call'}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"
