"""Customers who come back, and talks that never end."""

from collections.abc import Iterator
from typing import Any

import pytest

from agents_app import Memory, override_llm
from agents_app.core.budgets import tokens_of
from agents_app.core.transcript import LLMRequest, UserMessage
from agents_app.definitions.registry import registry
from agents_app.memory.agents import SUMMARISER, Summariser
from agents_app.models import AgentContext, RunBriefing, SessionSummary
from agents_app.runtime.drive import drive_to_rest
from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit, calls, hang, move_time, run_until_idle, script
from tests import office
from tests.core.test_fitting import assert_valid
from tests.memory.talks import long_talk
from tests.memory.test_conversation import texts
from tests.office import Clerk

TOKENS = 1500


class Host(Clerk):
    """A clerk who knows who comes back."""

    name = "host"
    memory = Memory(conversation=True, tokens=TOKENS)


@pytest.fixture(autouse=True)
def _office(transactional_db: None) -> Iterator[None]:
    with office.open_office(), registry.override(Host):
        yield
    close_engine()
    heartbeat.join()


def talk(agents: AgentsKit, user: Any, text: str, *turns: Any) -> tuple[Run[str], list[LLMRequest]]:
    llm = agents.scripted_llm(Host, *turns)
    run = start_run(Host, text, session="s", user=user)
    run_until_idle()
    return run.again(), llm.requests


def test_a_customer_comes_back_a_week_later_and_is_known(agents: AgentsKit) -> None:
    ann = office.person("ann")
    talk(agents, ann, "I am Ann, order A-1001 broke.", calls("look", number="A-1001"), "I am sorry, Ann.")
    with move_time(7 * 24 * 3600):
        run, requests = talk(agents, ann, "It's me again.", "Hello Ann, is it about A-1001?")
    assert run.output == "Hello Ann, is it about A-1001?"
    (request,) = requests
    assert_valid(request.messages)
    assert texts(request) == [
        "I am Ann, order A-1001 broke.",
        "",
        '"look: A-1001"',
        "I am sorry, Ann.",
        "It's me again.",
    ]


def test_a_session_of_500_turns_stays_within_its_tokens(agents: AgentsKit) -> None:
    """The LLM always gets a valid transcript with the newest turns whole, and of the older ones a summary."""
    ann = office.person("ann")
    session = long_talk(ann, runs=497, steps=2, result="looked up " * 60)
    got: list[LLMRequest] = []
    with override_llm(Summariser, script(*["She is Ann."] * 9)) as summaries:
        for number in range(3):
            text = f"Further {number}"
            run, requests = talk(agents, ann, text, calls("look", number="1"), f"Reply {number}")
            assert run.output == f"Reply {number}"
            got += requests
    assert AgentContext.objects.filter(session=session).count() == 500
    for request in got:
        assert_valid(request.messages)
        assert sum(tokens_of(message) for message in request.messages) <= TOKENS + 100
    last = "\n".join(texts(got[-1]))
    assert "Question 496" in last
    assert "Further 1" in last
    assert "Reply 1" in last
    row = SessionSummary.objects.get()
    assert row.text == "She is Ann."
    assert "| She is Ann." in last
    assert 0 < len(summaries.requests) < 40
    covered = AgentContext.objects.filter(session=session, pk__lte=row.upto).count()
    assert covered > 400, "nothing lies between the summary and what is told whole"
    assert len(str(RunBriefing.objects.get(pk=run.id).content)) < TOKENS * 8


def test_a_summary_that_hangs_does_not_stop_the_talk(agents: AgentsKit) -> None:
    """It is a run of its own: the customer's goes on without it."""
    ann = office.person("ann")
    long_talk(ann, runs=100)
    with override_llm(Summariser, script(hang())):
        llm = agents.scripted_llm(Host, "Yes.")
        for text in ("One", "Two"):
            run = start_run(Host, text, session="s", user=ann)
            drive_to_rest(run.id)
            assert run.again().output == "Yes."
    assert len(llm.requests) == 2
    assert "Question 99" in texts(llm.requests[-1])
    making = AgentContext.objects.get(agent=SUMMARISER)
    assert making.status != "completed"


def test_two_messages_at_once_are_both_answered(agents: AgentsKit) -> None:
    ann = office.person("ann")
    long_talk(ann, runs=3)
    agents.scripted_llm(Host, lambda request: f"To: {_input(request)}")
    runs = [start_run(Host, f"Message {number}", session="s", user=ann) for number in range(4)]
    run_until_idle()
    assert [run.again().output for run in runs] == [f"To: Message {number}" for number in range(4)]
    briefings = RunBriefing.objects.filter(pk__in=[run.id for run in runs])
    assert briefings.count() == 4


def _input(request: LLMRequest) -> str:
    return [message.text for message in request.messages if isinstance(message, UserMessage)][-1]
