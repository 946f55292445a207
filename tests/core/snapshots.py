"""Snapshots for the tests of the pure core: one plain, and strategies for all that can occur."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from agents_app.core.snapshot import CallView, Snapshot, ThinkView
from agents_app.core.status import ENDED, SETTLED, Effect, RunStatus, StepStatus, ToolCallStatus

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SOON, LATE = NOW + timedelta(seconds=30), NOW + timedelta(hours=1)
PAST = NOW - timedelta(seconds=30)


def call(number: int = 1, status: ToolCallStatus = ToolCallStatus.READY, **fields: Any) -> CallView:
    given = {"effect": Effect.EXTERNAL, **fields}
    return CallView(id=UUID(int=number), number=number, status=status, **given)


def snapshot(**fields: Any) -> Snapshot:
    return replace(Snapshot(now=NOW, version=1, status=RunStatus.THINKING), **fields)


def thought(**fields: Any) -> ThinkView:
    return ThinkView(status=StepStatus.COMPLETED, **fields)


moments = st.none() | st.sampled_from([PAST, NOW, SOON, LATE])


@st.composite
def call_views(draw: st.DrawFn, number: int, leased: bool) -> CallView:
    status = draw(st.sampled_from([each for each in ToolCallStatus if each not in SETTLED]))
    started = status is ToolCallStatus.STARTED
    return CallView(
        id=UUID(int=number),
        number=number,
        effect=draw(st.sampled_from(list(Effect))),
        status=status,
        held=started and leased and draw(st.booleans()),
        not_before=None if started or status is ToolCallStatus.AWAITING_APPROVAL else draw(moments),
        reconcile=status is ToolCallStatus.UNKNOWN and draw(st.booleans()),
        counted=started or draw(st.booleans()),
    )


@st.composite
def thinks(draw: st.DrawFn, leased: bool, busy: bool) -> ThinkView | None:
    if draw(st.booleans()):
        return None
    status = StepStatus.COMPLETED if busy else draw(st.sampled_from(list(StepStatus)))
    open_ = status is StepStatus.STARTED
    return ThinkView(
        status=status,
        held=open_ and leased and draw(st.booleans()),
        exhausted=open_ and draw(st.booleans()),
        answered=status is StepStatus.COMPLETED and not busy and draw(st.booleans()),
    )


@st.composite
def snapshots(draw: st.DrawFn, leased: bool | None = None, ended: bool | None = None) -> Snapshot:
    """Anything that rows can come to: what is held is held under a lease; an LLM is not asked beside open calls."""
    has_lease = draw(st.booleans()) if leased is None else leased
    over = draw(st.booleans()) if ended is None else ended
    statuses = [status for status in RunStatus if (status in ENDED) == over]
    calls = tuple(draw(call_views(number, has_lease)) for number in range(1, draw(st.integers(0, 4)) + 1))
    inputs = draw(st.integers(0, 1))
    return Snapshot(
        now=NOW,
        version=1,
        status=draw(st.sampled_from(statuses)),
        paused=not over and draw(st.booleans()),
        cancel_requested=draw(st.booleans()),
        steps_used=draw(st.integers(0, 5)),
        max_steps=draw(st.integers(1, 5)),
        run_at=draw(moments),
        deadline_at=draw(moments),
        think=draw(thinks(has_lease, bool(calls) or bool(inputs))),
        calls=calls,
        open_inputs=inputs,
        timers=tuple(draw(st.lists(st.sampled_from([NOW, SOON, LATE]), max_size=2))),
        lease_until=SOON if has_lease else None,
    )
