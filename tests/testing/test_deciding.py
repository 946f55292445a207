"""Deciding in tests goes through the same commands as everywhere."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from agents_app.core.transcript import CallResult
from agents_app.definitions.registry import registry
from agents_app.exceptions import InvalidArguments, NotFound
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit, ScriptedLLM, calls
from tests.testing.shop import Reply, ShopAgent

pytestmark = pytest.mark.django_db

REFUND = calls("refund", number="A-1", amount=120)


@pytest.fixture(autouse=True)
def registered():
    with registry.override(ShopAgent):
        yield


@pytest.fixture
def boss() -> Any:
    return get_user_model().objects.create_superuser("boss")


def started(agents: AgentsKit, *turns: Any) -> tuple[Run[Any], ScriptedLLM]:
    llm = agents.scripted_llm(ShopAgent, *turns)
    run: Run[Any] = start_run(ShopAgent, "please")
    agents.run_until_idle()
    return run, llm


def test_approve(agents: AgentsKit, boss: Any) -> None:
    run, _ = started(agents, REFUND, Reply(text="Paid."))
    agents.approve_pending(run, by=boss)
    agents.run_until_idle()
    agents.assert_called(run, "refund", amount=120)
    agents.assert_completed(run, Reply(text="Paid."))


def test_approve_with_other_arguments_keeps_the_rest(agents: AgentsKit, boss: Any) -> None:
    run, _ = started(agents, REFUND, Reply(text="Paid."))
    agents.approve_pending(run, by=boss, arguments={"amount": "100"}, reason="too much")
    agents.run_until_idle()
    assert agents.assert_called(run, "refund", number="A-1", amount=100).edited


def test_approve_with_arguments_that_do_not_fit(agents: AgentsKit, boss: Any) -> None:
    run, _ = started(agents, REFUND)
    with pytest.raises(InvalidArguments):
        agents.approve_pending(run, by=boss, arguments={"amount": -1})
    agents.assert_waits_for_approval(run)


def test_somebody_without_permission_cannot(agents: AgentsKit) -> None:
    run, _ = started(agents, REFUND)
    with pytest.raises(NotFound):
        agents.approve_pending(run, by=get_user_model().objects.create_user("nobody"))


def test_send_back(agents: AgentsKit, boss: Any) -> None:
    run, _ = started(agents, REFUND, Reply(text="Sorry."))
    agents.send_back_pending(run, by=boss, instructions="half of it")
    agents.run_until_idle()
    agents.assert_not_called(run, "refund")
    agents.assert_completed(run, Reply(text="Sorry."))


def test_reject(agents: AgentsKit, boss: Any) -> None:
    run, llm = started(agents, REFUND, Reply(text="Sorry."))
    agents.reject_pending(run, by=boss, reason="not this month")
    agents.run_until_idle()
    agents.assert_not_called(run, "refund")
    agents.assert_completed(run, Reply(text="Sorry."))
    told = [message.content for message in llm.requests[-1].messages if isinstance(message, CallResult)]
    assert any("not this month" in text for text in told)


def test_of_several_one_must_be_named(agents: AgentsKit, boss: Any) -> None:
    send = calls("send", to={"city": "Ulm"})
    run, _ = started(agents, [REFUND, send], Reply(text="Both."))
    with pytest.raises(AssertionError, match="several calls wait: name one"):
        agents.approve_pending(run, by=boss)
    agents.approve_pending(run, by=boss, tool="send")
    agents.reject_pending(run, by=boss, tool="refund")
    agents.run_until_idle()
    agents.assert_called(run, "send", to={"city": "Ulm", "lines": []}, copies=1)
    agents.assert_completed(run)


def test_there_is_nothing_to_decide(agents: AgentsKit, boss: Any) -> None:
    run, _ = started(agents, Reply(text="Done."))
    with pytest.raises(AssertionError, match=r"should wait for approval, but none does[\s\S]*is completed"):
        agents.approve_pending(run, by=boss)
    with pytest.raises(AssertionError, match="asks no question"):
        agents.answer_pending(run, "red", by=boss)


def test_answer(agents: AgentsKit, boss: Any) -> None:
    run, llm = started(agents, calls("ask_user", question="Which colour?"), Reply(text="Red it is."))
    agents.answer_pending(run, "red", by=boss)
    agents.run_until_idle()
    agents.assert_completed(run, Reply(text="Red it is."))
    assert llm.requests[-1].messages[-1].content == '"red"'  # type: ignore[union-attr]
