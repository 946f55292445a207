"""What a step costs that remembers its session's talk: how long a run with one turn takes, from its start to its end.

Arguments: how many messages the one session has, and how many the other.
"""

import statistics
import time
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model

from agents_app.core.status import RunStatus, StepKind, StepStatus
from agents_app.memory.summaries import digest_of
from agents_app.models import (
    AgentContext,
    AgentSession,
    AgentStep,
    RunBriefing,
    RunDetails,
    SessionSummary,
    database_now,
)
from agents_app.models.fields import first_uuid7
from agents_app.services import start_run
from benchmarks.cases.setup import analyzed, number, told
from benchmarks.cases.stored import TIMES
from benchmarks.clerk.agents import RememberingClerk

BATCH = 1000
END_SECONDS = 60


def main(*sizes: int) -> None:
    """Print for each size the median seconds of a run, and how many messages it was told."""
    users = {size: get_user_model().objects.create_user(f"bench-{size}") for size in sizes}
    for size, user in users.items():
        fill(user, size // 2)
    analyzed()
    seconds: dict[int, list[float]] = {size: [] for size in sizes}
    heard = 0
    for place in range(TIMES + 5):  # in turn, so that what else the machine does weighs on all
        for size, user in users.items():
            begun = time.perf_counter()
            run = start_run(RememberingClerk, f"Message {place}", user=user, session="long")
            run = run.wait(END_SECONDS)  # a thread that goes on with another run may have taken this one, too
            seconds[size].append(time.perf_counter() - begun)
            row = RunBriefing.objects.get(pk=run.id)
            assert row.context.status == RunStatus.COMPLETED, row.context.status
            heard = len(row.content["earlier"])
            assert heard > 10, f"It was told {heard} messages."
    told(seconds=[statistics.median(each[5:]) for each in seconds.values()], heard=heard)


def fill(user: Any, runs: int) -> None:
    """A session with so many runs, each a question and an answer; summed up, as it would have been run by run."""
    session = AgentSession.objects.create(key="long", user=user, agent=RememberingClerk.name)
    now = database_now()
    begun = now - timedelta(days=30)
    for start in range(0, runs, BATCH):
        contexts, details, steps = [], [], []
        for place in range(start, min(start + BATCH, runs)):
            context = AgentContext(
                id=first_uuid7(begun + timedelta(seconds=place)),
                agent=RememberingClerk.name,
                session=session,
                user=user,
                status=RunStatus.COMPLETED,
                status_at=now,
                steps_used=1,
                last_step=1,
            )
            contexts.append(context)
            details.append(RunDetails(context=context, input=f"Question {place}", created_at=now))
            steps.append(
                AgentStep(
                    context=context,
                    number=1,
                    kind=StepKind.THINK,
                    status=StepStatus.COMPLETED,
                    status_at=now,
                    started_at=now,
                    response={"v": 1, "text": f"Answer {place}", "thoughts": []},
                )
            )
        AgentContext.objects.bulk_create(contexts)
        RunDetails.objects.bulk_create(details)
        AgentStep.objects.bulk_create(steps)
    last = AgentContext.objects.filter(session=session).order_by("-pk")[0].pk
    SessionSummary.objects.create(session=session, text="So far.", upto=last, digest=digest_of(session, last))


if __name__ == "__main__":
    main(number(1, 100), number(2, 10_000))
