"""What a run is told of earlier runs of its session: in order, valid, within its tokens, its own user's."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app import Agent, Memory
from agents_app.core.budgets import tokens_of
from agents_app.core.transcript import AssistantMessage, CallResult, LLMRequest, UserMessage
from agents_app.definitions.registry import registry
from agents_app.memory.conversation import talk_of
from agents_app.models import AgentContext, AgentSession
from agents_app.services import Run, hide_run, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.core.test_fitting import assert_valid
from tests.memory.talks import long_talk
from tests.office import Clerk

pytestmark = pytest.mark.django_db


class Host(Clerk):
    """A clerk who remembers the talk."""

    name = "host"
    memory = Memory(conversation=True)


class Guest(Agent[str]):
    """Remembers the talk, too, and has no tools."""

    name = "guest"
    memory = Memory(conversation=True)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with office.open_office(), registry.override(Host, Guest, Clerk):
        yield


def talk(agents: AgentsKit, text: str, *turns: Any, agent: Any = Host, **given: Any) -> tuple[Run[str], LLMRequest]:
    llm = agents.scripted_llm(agent, *turns)
    run = start_run(agent, text, **{"session": "s", **given})
    agents.run_until_idle()
    return run.again(), llm.requests[0]


def texts(request: LLMRequest) -> list[str]:
    return [message.content if isinstance(message, CallResult) else message.text for message in request.messages]


def test_a_new_run_goes_on_with_the_talk(agents: AgentsKit) -> None:
    user = office.person("ann")
    talk(agents, "I am Ann.", "Hello Ann.", user=user)
    talk(agents, "My cat is called Tom.", calls("look", number="7"), "Nice.", user=user)
    _, request = talk(agents, "What is my cat called?", "Tom.", user=user)
    assert texts(request) == [
        "I am Ann.",
        "Hello Ann.",
        "My cat is called Tom.",
        "",
        '"look: 7"',
        "Nice.",
        "What is my cat called?",
    ]
    assert_valid(request.messages)


def test_the_talk_is_of_the_session_alone(agents: AgentsKit) -> None:
    user = office.person("ann")
    talk(agents, "Secret one.", "Yes.", user=user, session="one")
    assert texts(talk(agents, "Two.", "Yes.", user=user, session="two")[1]) == ["Two."]
    assert texts(talk(agents, "None.", "Yes.", user=user, session=None)[1]) == ["None."]


def test_nothing_reaches_another_user_under_the_same_key(agents: AgentsKit) -> None:
    ann, bob = office.person("ann"), office.person("bob")
    talk(agents, "Ann's secret.", "Yes.", user=ann)
    talk(agents, "Nobody's word.", "Yes.")
    assert texts(talk(agents, "Bob.", "Yes.", user=bob)[1]) == ["Bob."]
    assert texts(talk(agents, "Nobody again.", "Yes.")[1]) == ["Nobody's word.", "Yes.", "Nobody again."]
    assert texts(talk(agents, "Ann again.", "Yes.", user=ann)[1])[:2] == ["Ann's secret.", "Yes."]


def test_a_run_of_another_user_in_the_session_is_not_told(agents: AgentsKit) -> None:
    """However it came there: a session is asked for its user's runs alone."""
    ann, bob = office.person("ann"), office.person("bob")
    run, _ = talk(agents, "Bob's secret.", "Yes.", user=bob)
    talk(agents, "Ann.", "Yes.", user=ann)
    session = AgentSession.objects.get(user=ann)
    AgentContext.objects.filter(pk=run.id).update(session=session)
    assert "Bob's secret." not in texts(talk(agents, "Again.", "Yes.", user=ann)[1])


def test_what_a_deleted_account_leaves_behind_reaches_nobody(agents: AgentsKit) -> None:
    ann = office.person("ann")
    talk(agents, "Ann's secret.", "Yes.", user=ann)
    get_user_model().objects.filter(pk=ann.pk).delete()
    assert AgentSession.objects.filter(user=None, key="s").exists()
    assert texts(talk(agents, "Nobody.", "Yes.")[1]) == ["Nobody."]


def test_hidden_runs_and_sensitive_arguments_are_not_told(agents: AgentsKit) -> None:
    boss = office.person("boss", is_superuser=True)
    hidden, _ = talk(agents, "Hide this.", "Yes.", user=boss)
    hide_run(hidden.id, by=boss, reason="private")
    agents.scripted_llm(Host, calls("sign_in", account="a", password="hunter2"), "Done.")
    start_run(Host, "Sign in.", session="s", user=boss)
    agents.run_until_idle()
    _, request = talk(agents, "And now?", "Well.", user=boss)
    assert "Hide this." not in texts(request)
    assert "Sign in." in texts(request)
    assert "hunter2" not in repr(request)


def test_calls_that_this_agent_cannot_make_are_named_alone(agents: AgentsKit) -> None:
    """Providers refuse calls of functions that are not declared; what another's tool said is no word of this LLM."""
    user = office.person("ann")
    talk(agents, "Look.", calls("look", number="7"), "It is seven.", user=user)
    _, request = talk(agents, "What was it?", "Seven.", agent=Guest, user=user)
    assert texts(request) == ["Look.", "[Used look.]", "It is seven.", "What was it?"]
    assert not any(isinstance(message, CallResult) for message in request.messages)


def test_calls_of_two_runs_have_different_ids(agents: AgentsKit) -> None:
    user = office.person("ann")
    for text in ("One.", "Two."):
        talk(agents, text, [calls("look", number="1"), calls("glance", number="2")], "Done.", user=user)
    _, request = talk(agents, "Three.", "Done.", user=user)
    ids = [call.id for message in request.messages if isinstance(message, AssistantMessage) for call in message.calls]
    assert len(ids) == 4 == len(set(ids))
    assert_valid(request.messages)


def test_two_runs_of_a_session_at_once(agents: AgentsKit) -> None:
    """The later one is told what the other was asked, and that nobody has answered yet."""
    user = office.person("ann")
    llm = agents.scripted_llm(Host, calls("order", what="tea"), "Ordered.")
    first = start_run(Host, "Order tea.", session="s", user=user)
    agents.run_until_idle()
    assert first.again().status == "waiting_for_approval"
    llm.turns = ("Fine.",)
    second = start_run(Host, "Anything new?", session="s", user=user)
    agents.run_until_idle()
    assert second.again().output == "Fine."
    request = llm.requests[-1]
    assert_valid(request.messages)
    assert texts(request)[0] == "Order tea."
    assert "[This request is still being worked on.]" in texts(request)


def test_a_run_that_failed_says_so(agents: AgentsKit) -> None:
    user = office.person("ann")
    run, _ = talk(agents, "Fail.", ValueError("no"), user=user)
    assert run.status == "failed"
    _, request = talk(agents, "Again.", "Done.", user=user)
    assert texts(request) == ["Fail.", "[This request ended without an answer.]", "Again."]


def test_one_huge_message_does_not_push_out_the_others(agents: AgentsKit) -> None:
    user = office.person("ann")
    talk(agents, "I am Ann.", "Hello.", user=user)
    talk(agents, "x" * 500_000, "y" * 90_000, user=user)
    talk(agents, "\x00\ud800", "Odd.", user=user)
    _, request = talk(agents, "Who am I?", "Ann.", user=user)
    assert texts(request)[0] == "I am Ann."
    assert sum(tokens_of(message) for message in request.messages) <= 8000
    assert "\ufffd\ufffd" in texts(request)


def test_a_transcript_within_one_run_is_fitted_too(agents: AgentsKit) -> None:
    class Brief(Host):
        name = "brief"
        memory = Memory(conversation=True, tokens=600)
        max_steps = 40

    office.behaviour["look"] = lambda context, number: "long " * 400
    asked: list[LLMRequest] = []

    def next_turn(request: LLMRequest) -> Any:
        asked.append(request)
        return calls("look", number=str(len(asked))) if len(asked) < 12 else "Done."

    with registry.override(Brief):
        agents.scripted_llm(Brief, *[next_turn] * 12)
        run = start_run(Brief, "Look often.", session="s")
        agents.run_until_idle()
    assert run.again().output == "Done."
    for request in asked:
        assert_valid(request.messages)
        assert any(isinstance(message, UserMessage) and message.text == "Look often." for message in request.messages)
        assert sum(tokens_of(message) for message in request.messages) <= 700
    assert "left out" in repr(asked[-1].messages)


def test_a_long_talk_costs_what_a_short_one_costs(agents: AgentsKit) -> None:
    user = office.person("ann")
    session = long_talk(user, runs=30)
    with CaptureQueriesContext(connection) as few:
        short = talk_of(session.pk, user.pk, tokens=500, functions=frozenset())
    long_talk(user, runs=600, session=session)
    with CaptureQueriesContext(connection) as many:
        long = talk_of(session.pk, user.pk, tokens=500, functions=frozenset())
    assert len(many) == len(few)
    assert not long.whole
    assert not short.whole
    assert len(long.runs) == len(short.runs)
    assert_valid([*long.messages, UserMessage(text="x")])
