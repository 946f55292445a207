"""What people do in one look at their desk: start runs, approve, reject, edit, answer, settle, pause, cancel, retry."""

import contextlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from agents_app import services
from agents_app.core.status import ENDED, RunStatus
from agents_app.exceptions import AgentsError
from agents_app.models import AgentContext, ApprovalRequest, InputRequest, RunDetails, ToolCall
from tests.chaos import diary
from tests.chaos.agents import LIMITED, NAME
from tests.chaos.plans import input_of

MOST_LIVE = 24
"""Runs that have not ended; more are not started until some have."""
MOST_AT_ONCE = 3
LIMITED_EACH = 4
"""One run of so many is under limits."""
ENOUGH = "enough"
"""The file that says so."""


class Desk:
    """numbers: of the runs that it starts, until it is told that there are enough."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._number = next(numbers)
        self._by = get_user_model().objects.get(username="ann")
        self._once: set[str] = set()

    def once(self) -> None:
        """One look. Both processes see the same, so most decisions are made twice; the second gets an answer."""
        self._start()
        plans = self._plans()
        for request in _of(ApprovalRequest.objects.filter(status="pending").select_related("call"), plans):
            self._decide(request, plans[request.context_id])
        for question in _of(InputRequest.objects.filter(status="pending"), plans):
            if plans[question.context_id]["kind"] != "unanswered":
                self._try(partial(services.answer_input, question.pk, "yes", by=self._by))
        for call in _of(ToolCall.objects.filter(status="unknown", reconcile=False), plans):
            self._settle(call)
        for run in AgentContext.objects.filter(pk__in=plans):
            self._control(run, plans[run.pk])

    def _start(self) -> None:
        if (diary.home() / ENOUGH).exists():
            return
        live = AgentContext.objects.exclude(status__in=ENDED | {RunStatus.WAITING_FOR_INPUT})
        for _ in range(min(MOST_LIVE - live.count(), MOST_AT_ONCE)):
            number = self._number
            agent = LIMITED if number % LIMITED_EACH == 0 else NAME
            run = services.start_run(agent, input_of(number), idempotency_key=f"run-{number}", user=self._by)
            diary.write("accepted", number=number, run=run.id)
            self._number = next(self._numbers)

    def _plans(self) -> dict[UUID, dict[str, Any]]:
        """The plans of the runs that are not over."""
        live = RunDetails.objects.exclude(context__status__in=("completed", "cancelled"))
        return {run_id: json.loads(text) for run_id, text in live.values_list("context_id", "input")}

    def _decide(self, request: ApprovalRequest, plan: dict[str, Any]) -> None:
        key, call, by = request.pk, request.call, self._by
        match plan["kind"]:
            case "abandoned":
                return
            case "cancelled":
                self._try(lambda: services.cancel_run(request.context_id, by=by, reason="enough"))
            case "rejected":
                self._try(lambda: services.reject(key, by=by, reason="no", digest=call.digest))
            case kind:
                arguments = {"slot": json.loads(call.arguments)["slot"], "amount": 1} if kind == "edited" else None
                diary.write("approving", call=call.pk)
                self._try(lambda: services.approve(key, by=by, digest=call.digest, arguments=arguments))

    def _settle(self, call: ToolCall) -> None:
        """The word depends on the call alone, so that two people say the same."""
        word = ("happened", "try_again", "give_up")[call.pk.int % 3]
        diary.write("word", call=call.pk, word=word)
        result = "said" if word == "happened" else None
        self._try(lambda: services.settle_outcome(call.pk, word, by=self._by, result=result, reason="looked up"))

    def _control(self, run: AgentContext, plan: dict[str, Any]) -> None:
        if run.status == "paused":
            self._try(lambda: services.resume_run(run.pk, by=self._by))
        elif run.status == "failed":
            self._try(lambda: services.retry_run(run.pk, by=self._by), once=f"retry {run.pk}")
        elif plan["kind"] == "paused" and run.status == "using_tool":
            self._try(lambda: services.pause_run(run.pk, by=self._by, reason="a look"), once=f"pause {run.pk}")

    def _try(self, act: Callable[[], Any], once: str | None = None) -> None:
        """Do it; whoever was slower than the other gets an error that says so, which is right."""
        if once in self._once:
            return
        with contextlib.suppress(AgentsError):
            act()
            diary.write("decided")
        if once is not None:
            self._once.add(once)


def _of(rows: "QuerySet[Any]", plans: dict[UUID, Any]) -> Iterator[Any]:
    return (row for row in rows if row.context_id in plans)
