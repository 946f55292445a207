"""What lies within one run: its steps, tool calls, events and conversation."""

from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from agents_app.api.bodies import EventsShape, RunBudgetsShape
from agents_app.api.openapi import PAGING, operation, page_of
from agents_app.api.pagination import InOrder
from agents_app.api.view import ApiList, ApiView
from agents_app.exceptions import InvalidInput
from agents_app.models import AgentStep, ToolCall
from agents_app.selectors.budgets import budget_as_dict, budgets_of_run
from agents_app.selectors.people import VIEW_TRANSCRIPT, lacking, may_view_transcript
from agents_app.selectors.presentation import (
    call_as_dict,
    event_as_dict,
    rows_for_steps,
    step_as_dict,
    transcript_as_dict,
)
from agents_app.selectors.runs import events_after
from agents_app.selectors.sent_shape import SentShape, sent_as_dict
from agents_app.selectors.shapes import StepShape, ToolCallShape, TranscriptShape
from agents_app.services.sent import read_sent

MOST_EVENTS = 500
LARGEST_NUMBER = 2**63 - 1


class Steps(ApiList):
    """The steps of a run."""

    pagination_class = InOrder
    filter_backends: Any = []

    @operation(
        "runs_steps",
        "List a run's steps",
        answer=page_of(StepShape),
        path=["run_id"],
        errors=[400, 404, 410],
        parameters=PAGING,
    )
    def get(self, request: Any, run_id: str) -> Response:
        """What the run did, in order."""
        steps = rows_for_steps(AgentStep.objects.filter(context=self.run(run_id)))
        return self.page(steps, lambda step: step_as_dict(step, request.user))


class SentToLLM(ApiView):
    """What the LLM was sent in one step."""

    @operation(
        "runs_sent",
        "Read what the LLM was sent",
        answer=SentShape,
        path=["run_id", "number"],
        errors=[400, 404, 410],
    )
    def get(self, request: Any, run_id: str, number: str) -> Response:
        """In the last attempt at this step: instructions, messages and functions, with what memory and knowledge had to
        say. Yours, or with the permission agents_app.view_transcript."""
        return Response(sent_as_dict(read_sent(self.run(run_id), number, by=request.user)))


class RunBudgets(ApiView):
    """What limits a run."""

    @operation("runs_budgets", "List a run's budgets", answer=RunBudgetsShape, path=["run_id"], errors=[404])
    def get(self, request: Any, run_id: str) -> Response:
        """Its own, and those of its session and its user as far as you may know of them."""
        found = budgets_of_run(self.run(run_id), request.user)
        return Response({"results": [budget_as_dict(budget) for budget in found]})


class RunCalls(ApiList):
    """The tool calls of a run."""

    pagination_class = InOrder
    filter_backends: Any = []

    @operation(
        "runs_tool_calls",
        "List a run's tool calls",
        answer=page_of(ToolCallShape),
        path=["run_id"],
        errors=[400, 404, 410],
        parameters=PAGING,
    )
    def get(self, request: Any, run_id: str) -> Response:
        """What the LLM wanted done and what became of it, in order."""
        calls = ToolCall.objects.filter(context=self.run(run_id)).select_related("context", "step")
        return self.page(calls, lambda call: call_as_dict(call, request.user))


class Events(ApiView):
    """The events of a run."""

    @operation(
        "runs_events",
        "List a run's events",
        answer=EventsShape,
        path=["run_id"],
        errors=[400, 404, 410],
        parameters=[
            OpenApiParameter(
                "after",
                {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER, "default": 0},
                description="Only events with a number above this.",
            ),
            OpenApiParameter(
                "limit", {"type": "integer", "minimum": 1, "maximum": MOST_EVENTS, "default": MOST_EVENTS}
            ),
        ],
    )
    def get(self, request: Any, run_id: str) -> Response:
        """Facts about the run, numbered without gaps. Go on after `after` of the answer; `more`: there are more now."""
        run = self.run(run_id)
        after = _whole(request, "after", least=0, most=LARGEST_NUMBER, default=0)
        limit = _whole(request, "limit", least=1, most=MOST_EVENTS, default=MOST_EVENTS)
        events = events_after(run.pk, after, limit + 1)
        shown = events[:limit]
        last = shown[-1].sequence if shown else after
        results = [event_as_dict(event) for event in shown]
        return Response({"results": results, "after": last, "more": len(events) > limit})


class Transcript(ApiView):
    """The conversation of a run."""

    @operation("runs_transcript", "Read a run's transcript", answer=TranscriptShape, path=["run_id"], errors=[404, 410])
    def get(self, request: Any, run_id: str) -> Response:
        """What the LLM was told and said. Yours, or with the permission agents_app.view_transcript."""
        run = self.run(run_id)
        if not may_view_transcript(request.user, run):
            raise lacking(VIEW_TRANSCRIPT)
        return Response(transcript_as_dict(run, request.user))


def _whole(request: Any, name: str, *, least: int, most: int, default: int) -> int:
    text = request.query_params.get(name, str(default))
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not least <= number <= most:
        raise InvalidInput(
            gettext("`%(name)s` is a whole number from %(least)s to %(most)s.")
            % {"name": name, "least": least, "most": most}
        )
    return number
