"""Cancelled while something is under way: what has started settles, times out or loses its lease; what has not is
settled, questions are withdrawn, and every call has its result in the transcript."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from agents_app import services
from agents_app.core.outcomes import Ending, Outcome
from agents_app.core.transcript import AssistantMessage, CallResult, LLMRequest
from agents_app.definitions.registry import registry
from agents_app.exceptions import StaleContext
from agents_app.models import AgentContext, AgentEvent, ApprovalRequest, InputRequest, ToolCall
from agents_app.runtime import iterate
from agents_app.runtime.held import Held, ThinkAct, ToolAct
from agents_app.selectors.transcript import messages_of
from agents_app.services import SYSTEM, Run, cancel_run, start_run
from agents_app.testing import AgentsKit, calls, move_time, run_until_idle
from agents_app.testing.llm import script
from agents_app.transitions import claims
from tests import office
from tests.office import Clerk
from tests.scenarios.checks import assert_sound
from tests.scenarios.meanwhile import elsewhere

Started = Callable[..., Run[str]]
PAY, ASK = calls("pay", to="Ann", amount=120), calls("ask_user", question="Really?")


def statuses(run: Run[Any]) -> dict[str, str]:
    return dict(ToolCall.objects.filter(context_id=run.id).values_list("tool", "status"))


def assert_told(run: Run[Any]) -> None:
    """Every call that the LLM proposed has one result after it, as providers demand."""
    messages = messages_of(AgentContext.objects.select_related("details").get(pk=run.id))
    asked = [call.id for message in messages if isinstance(message, AssistantMessage) for call in message.calls]
    told = [message.call_id for message in messages if isinstance(message, CallResult)]
    assert asked == told
    assert asked


def assert_withdrawn(run: Run[Any]) -> None:
    assert set(ApprovalRequest.objects.filter(context_id=run.id).values_list("status", flat=True)) <= {"withdrawn"}
    assert set(InputRequest.objects.filter(context_id=run.id).values_list("status", flat=True)) <= {"withdrawn"}


def cancel(run_id: Any) -> None:
    elsewhere(lambda: cancel_run(run_id, by=SYSTEM, reason="Stop."))


def seen_meanwhile(run_id: Any) -> dict[str, str]:
    """How calls stand while the started one is still under way."""
    return elsewhere(lambda: dict(ToolCall.objects.filter(context_id=run_id).values_list("tool", "status")))


def test_a_started_call_settles_and_all_else_is_settled_at_once(started: Started) -> None:
    seen: list[dict[str, str]] = []

    def act(context: Any, value: Any) -> str:
        cancel(context.run_id)
        seen.append(seen_meanwhile(context.run_id))
        return "sent"

    office.behaviour["send"] = act
    run = started([calls("send", text="a"), PAY, ASK, calls("book", text="b")], "Done.")
    assert seen == [{"send": "started", "pay": "cancelled", "book": "cancelled"}]
    assert run.status == "cancelled"
    assert statuses(run) == {"send": "succeeded", "pay": "cancelled", "book": "cancelled"}
    assert office.names() == ["send"]
    assert_withdrawn(run)
    assert_told(run)
    assert_sound(run)


@pytest.mark.parametrize(
    ("tool", "status"), [("look", "cancelled"), ("book", "unknown"), ("ring", "unknown")], ids=["read", "idem", "ext"]
)
def test_a_call_whose_worker_is_lost_ends_with_its_lease_and_is_not_made_again(
    agents: AgentsKit, tool: str, status: str
) -> None:
    agents.scripted_llm(Clerk, "unused")
    run = start_run(Clerk, "go")
    held, act = started_call(run, tool)
    cancel_run(run.id, by=SYSTEM)
    assert run.again().status != "cancelled"  # it may be under way
    run_until_idle()
    assert run.again().status != "cancelled"
    with move_time(31):
        run_until_idle()
    assert run.again().status == "cancelled"
    assert statuses(run) == {tool: status, "pay": "cancelled"}
    assert office.done == []
    with pytest.raises(StaleContext):
        iterate.settle(held, act, Outcome(ending=Ending.RETURNED, result="too late"))
    assert_withdrawn(run)
    assert_told(run)
    assert_sound(run)


def started_call(run: Run[Any], tool: str) -> tuple[Held, ToolAct]:
    """A worker that is about to call this tool, beside a call that waits for approval."""
    claim = claims.claim(run.id)
    assert claim is not None
    held = Held(claim=claim, definition=registry.get("clerk"), inline=False)
    (think,) = iterate.prepare(held)
    assert isinstance(think, ThinkAct)
    argument = {"look": {"number": "1"}, "ring": {"number": "1"}, "book": {"text": "x"}}[tool]
    reply = replied(calls(tool, **argument), PAY)
    acts = [act for act in iterate.settle(held, think, reply) if isinstance(act, ToolAct)]
    assert len(acts) == 1
    return held, acts[0]


def replied(*proposed: Any) -> Any:
    """What an LLM says that makes these calls."""
    return asyncio.run(script(list(proposed)).respond(LLMRequest(llm="x", instructions="", messages=())))


def test_a_call_that_hangs_is_waited_for_until_its_time_is_over(started: Started) -> None:
    free = threading.Event()

    def hang(context: Any, value: Any) -> str:
        cancel(context.run_id)
        free.wait(60)
        return "late"

    office.behaviour["ring"] = hang
    try:
        run = started([calls("ring", number="1"), PAY], "Done.")
    finally:
        free.set()
    assert run.status == "cancelled"
    call = office.call_of(run, "ring")
    assert (call.status, call.error_code) == ("unknown", "timeout")
    assert statuses(run)["pay"] == "cancelled"
    assert_withdrawn(run)
    assert_told(run)
    assert_sound(run)


def test_an_atomic_call_under_way_ends_as_it_ends(started: Started) -> None:
    """On SQLite it holds the only writer: the wish to cancel comes in right after it."""
    wishes: list[threading.Thread] = []

    def act(context: Any, value: Any) -> str:
        wishes.append(office.thread(cancel_run, context.run_id))
        return "written"

    def cancel_run(run_id: Any) -> None:
        services.cancel_run(run_id, by=SYSTEM)

    office.behaviour["write"] = act
    run = started([calls("write", text="a"), PAY], "Done.")
    for wish in wishes:
        wish.join(60)
    run_until_idle()
    assert run.again().status == "cancelled"
    assert statuses(run) == {"write": "succeeded", "pay": "cancelled"}
    assert_withdrawn(run)
    assert_told(run)
    assert_sound(run)


def test_a_run_that_waits_for_people_ends_at_once(started: Started) -> None:
    run = started([PAY, ASK], "Done.")
    assert cancel_run(run.id, by=SYSTEM).status == "cancelled"
    assert_withdrawn(run)
    assert_told(run)
    assert_sound(run)
    types = list(AgentEvent.objects.filter(context_id=run.id).order_by("sequence").values_list("type", flat=True))
    assert types.index("run.cancel_requested") < types.index("approval.withdrawn") < types.index("run.cancelled")
    assert types[-1] == "run.cancelled"
