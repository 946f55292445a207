"""Starting runs, reading them, and commands on them."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from agents_app.api.bodies import GoOn, Nothing, SetPriority, StartRun, WithReason
from agents_app.api.filters import RunFilter
from agents_app.api.idempotency import once
from agents_app.api.openapi import PAGING, operation, page_of
from agents_app.api.parsing import body_of
from agents_app.api.view import ApiList, ApiView
from agents_app.exceptions import InvalidInput, NotPermitted
from agents_app.models import AgentContext
from agents_app.selectors.people import CONTROL, START, lacking, may_start, may_start_for, user_named, visible_runs
from agents_app.selectors.presentation import code_change_as_dict, rows_for_runs, run_as_dict
from agents_app.selectors.shapes import CodeChangeShape, RunShape
from agents_app.selectors.subjects import subject_for
from agents_app.services import (
    Run,
    cancel_run,
    hide_run,
    pause_run,
    read_code_change,
    read_run,
    resume_run,
    retry_run,
    reveal_run,
    set_priority,
    start_run,
)

LONGEST_WAIT = 30.0
WAIT = OpenApiParameter(
    "wait",
    {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT, "default": 0},
    description="Seconds to wait until the run has ended or waits for people; then answer with the run as it is.",
)


class Runs(ApiList):
    """The runs that one may know of."""

    filterset_class = RunFilter
    throttle_scope = "agents_start"

    @operation("runs_list", "List runs", answer=page_of(RunShape), errors=[400], parameters=PAGING, filters=True)
    def get(self, request: Any) -> Response:
        """Your own runs; others' too with the permission agents_app.view_agentcontext. The newest first."""
        return self.page(rows_for_runs(visible_runs(request.user)), lambda run: run_as_dict(run, request.user))

    @operation(
        "runs_start",
        "Start a run",
        body=StartRun,
        answer=RunShape,
        status=201,
        errors=[409],
        parameters=[WAIT],
        example={"agent": "support", "input": "Refund A-1001, it broke.", "session": "mail-4711"},
    )
    def post(self, request: Any) -> Response:
        """Accept a run. Once this has answered, the run is never lost. Needs the permission agents_app.start_run."""
        seconds = _seconds(request.query_params.get("wait", "0"))
        body = body_of(request.data, StartRun)
        response = once(request, 201, lambda: self.start(body))
        if seconds:
            # After the command, so that a repeated request waits for the same run again.
            response.data = self.started(read_run(response.data["id"]).wait(seconds))
        response["Location"] = request.build_absolute_uri(f"{response.data['id']}/")
        return response

    def start(self, body: StartRun) -> dict[str, Any]:
        """The accepted run."""
        user = self.request.user
        if not may_start(user):
            raise lacking(START)
        run: Run[Any] = start_run(
            body.agent,
            body.input,
            user=user if body.user is None else _other(user, body.user),
            by=user,
            session=body.session,
            subject=None if body.subject is None else subject_for(user, body.subject),
            metadata=body.metadata,
            run_at=body.run_at,
            budget=None if body.budget is None else body.budget.budget(),
            priority=None if body.priority is None else body.priority.value,
            memory=body.memory,
            knowledge=body.knowledge,
        )
        return self.started(run)

    def started(self, run: Run[Any]) -> dict[str, Any]:
        """For who started it, even if they may not look at it later: somebody else's run."""
        return run_as_dict(rows_for_runs(AgentContext.objects.filter(pk=run.id)).get(), self.request.user)


class RunDetail(ApiView):
    """One run."""

    @operation("runs_read", "Read a run", answer=RunShape, path=["run_id"], errors=[404, 410])
    def get(self, request: Any, run_id: str) -> Response:
        """The run as of now. `waits_for` says what people can do so that it goes on."""
        return Response(self.run_as_json(run_id))


class _Command(ApiView):
    def obey(self, run_id: str, command: Callable[..., Run[Any]], **options: Any) -> Response:
        """Perform a command on a run once, and answer with the run."""

        def act() -> dict[str, Any]:
            run = command(run_id, by=self.request.user, **options)
            # Also where it is hidden now: who hid it saw it a moment ago.
            shown = rows_for_runs(AgentContext.objects.filter(pk=run.id)).get()
            return run_as_dict(shown, self.request.user)

        return once(self.request, 200, act)


class Cancel(_Command):
    """Ask a run to end."""

    @operation("runs_cancel", "Cancel a run", body=WithReason, answer=RunShape, path=["run_id"], errors=[404, 409, 410])
    def post(self, request: Any, run_id: str) -> Response:
        """What has not started is not started; what has started is waited for. Owners may, and who controls runs."""
        return self.obey(run_id, cancel_run, reason=body_of(request.data, WithReason).reason)


class Pause(_Command):
    """Hold a run."""

    @operation("runs_pause", "Pause a run", body=WithReason, answer=RunShape, path=["run_id"], errors=[404, 409, 410])
    def post(self, request: Any, run_id: str) -> Response:
        """Nothing new is started until somebody resumes it. Needs the permission agents_app.control_run."""
        return self.obey(run_id, pause_run, reason=body_of(request.data, WithReason).reason)


class ChangeOfCode(ApiView):
    """What has changed in the agent's code since a run went on last."""

    @operation(
        "runs_code_change", "Read a change of code", answer=CodeChangeShape, path=["run_id"], errors=[400, 404, 409]
    )
    def get(self, request: Any, run_id: str) -> Response:
        """What to look at before `accept_changes`. Needs the permission agents_app.control_run."""
        return Response(code_change_as_dict(read_code_change(run_id, by=request.user)))


class Resume(_Command):
    """Let a paused run go on."""

    @operation("runs_resume", "Resume a run", body=GoOn, answer=RunShape, path=["run_id"], errors=[404, 409, 410])
    def post(self, request: Any, run_id: str) -> Response:
        """Let a paused run go on. Needs the permission agents_app.control_run."""
        return self.obey(run_id, resume_run, accept_changes=body_of(request.data, GoOn).accept_changes)


class Retry(_Command):
    """Let a failed run go on."""

    @operation("runs_retry", "Retry a run", body=GoOn, answer=RunShape, path=["run_id"], errors=[404, 409, 410])
    def post(self, request: Any, run_id: str) -> Response:
        """Let a failed run go on: settled calls are kept, steps and time start anew."""
        return self.obey(run_id, retry_run, accept_changes=body_of(request.data, GoOn).accept_changes)


class SetRunPriority(_Command):
    """Change how urgent a run is."""

    @operation(
        "runs_priority",
        "Change a run's priority",
        body=SetPriority,
        answer=RunShape,
        path=["run_id"],
        errors=[404, 409, 410],
    )
    def post(self, request: Any, run_id: str) -> Response:
        """Which is taken first when more is due than workers can drive. Needs agents_app.control_run."""
        return self.obey(run_id, set_priority, priority=body_of(request.data, SetPriority).priority.value)


class Hide(_Command):
    """Hide an ended run."""

    @operation("runs_hide", "Hide a run", body=WithReason, answer=RunShape, path=["run_id"], errors=[404, 409, 410])
    def post(self, request: Any, run_id: str) -> Response:
        """Only those with agents_app.view_hidden see it afterwards. Needs the permission agents_app.hide_run."""
        return self.obey(run_id, hide_run, reason=body_of(request.data, WithReason).reason)


class Reveal(_Command):
    """Let a hidden run be seen again."""

    @operation(
        "runs_reveal", "Show a hidden run", body=Nothing, answer=RunShape, path=["run_id"], errors=[404, 409, 410]
    )
    def post(self, request: Any, run_id: str) -> Response:
        """Needs the permissions agents_app.hide_run and agents_app.view_hidden."""
        body_of(request.data, Nothing)
        return self.obey(run_id, reveal_run)


def _other(user: Any, name: str) -> Any:
    if name != user.get_username() and not user.has_perm(CONTROL):
        text = gettext("To start a run of somebody else you need the permission %(permission)s.")
        raise NotPermitted(text % {"permission": CONTROL}, rule=CONTROL)
    other = user_named(name)
    if other is None or not may_start_for(user, other):
        raise InvalidInput(gettext("There is no user %(name)s.") % {"name": name}, code="unknown_user")
    return other


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT:
        raise InvalidInput(gettext("`wait` is a number of seconds from 0 to %(most)s.") % {"most": f"{LONGEST_WAIT:g}"})
    return seconds
