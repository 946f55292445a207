"""Each assertion holds, fails, and says what to do."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from agents_app.definitions.registry import registry
from agents_app.services import Run, cancel_run, pause_run, start_run
from agents_app.services.principals import SYSTEM
from agents_app.testing import AgentsKit, calls, describe, event_types, events
from tests.testing.shop import Reply, ShopAgent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def registered():
    with registry.override(ShopAgent):
        yield


@pytest.fixture
def boss() -> Any:
    return get_user_model().objects.create_superuser("boss")


@pytest.fixture
def play(agents: AgentsKit):
    """Start a run with these turns, and let it come to rest."""

    def played(*turns: Any) -> Run[Any]:
        agents.scripted_llm(ShopAgent, *turns)
        run: Run[Any] = start_run(ShopAgent, "please")
        agents.run_until_idle()
        return run

    return played


def test_completed(agents: AgentsKit, play) -> None:
    run = play(Reply(text="Done."))
    assert agents.assert_completed(run).output == Reply(text="Done.")
    assert agents.assert_completed(run.id, Reply(text="Done.")).id == run.id
    with pytest.raises(AssertionError, match="Expected the output"):
        agents.assert_completed(run, Reply(text="Other."))
    with pytest.raises(AssertionError, match="Expected the run to be failed"):
        agents.assert_failed(run)


def test_completed_with_none_is_not_any_output(agents: AgentsKit, play) -> None:
    with pytest.raises(AssertionError, match="Expected the output None"):
        agents.assert_completed(play(Reply(text="Done.")), None)


def test_failed(agents: AgentsKit, play) -> None:
    run = play()
    assert agents.assert_failed(run).error is not None
    agents.assert_failed(run, code="script_exhausted")
    with pytest.raises(AssertionError, match="Expected the error 'timeout'"):
        agents.assert_failed(run, code="timeout")
    with pytest.raises(AssertionError, match="script_exhausted: The script has 0 turns"):
        agents.assert_completed(run)


def test_cancelled(agents: AgentsKit, play) -> None:
    run = play(calls("refund", number="A-1", amount=120))
    with pytest.raises(AssertionError, match="Expected the run to be cancelled"):
        agents.assert_cancelled(run)
    cancel_run(run.id, by=SYSTEM)
    agents.run_until_idle()
    assert agents.assert_cancelled(run).ended


def test_waits_for_approval(agents: AgentsKit, play) -> None:
    run = play(calls("refund", number="A-1", amount="120.00"))
    request = agents.assert_waits_for_approval(run)
    assert request == agents.assert_waits_for_approval(run, tool="refund", number="A-1")
    assert request.reason == "more than 50 EUR"
    for same in (120, "120", Decimal("120.000")):
        agents.assert_waits_for_approval(run, tool="refund", amount=same)
    for wrong in ({"amount": 121}, {"tool": "lookup"}, {"colour": "red"}):
        with pytest.raises(AssertionError, match="to wait for approval"):
            agents.assert_waits_for_approval(run, **wrong)


def test_a_failure_says_what_happened_and_what_to_do(agents: AgentsKit, play) -> None:
    run = play(calls("refund", number="A-1", amount=120))
    with pytest.raises(AssertionError) as failure:
        agents.assert_completed(run)
    text = str(failure.value)
    assert "Expected the run to be completed." in text
    assert f"Run {run.id} of agent “shop” is waiting_for_approval." in text
    assert 'refund {"amount":"120","number":"A-1"} is awaiting_approval' in text
    assert "Pay 120 EUR of A-1 back (because more than 50 EUR)" in text
    assert "run.started · step.started" in text
    assert "approve_pending(run, by=user)" in text


def test_waits_for_input(agents: AgentsKit, play) -> None:
    run = play(calls("ask_user", question="Which colour?"))
    assert agents.assert_waits_for_input(run, "colour").question == "Which colour?"
    with pytest.raises(AssertionError, match="Expected a question with “size”"):
        agents.assert_waits_for_input(run, "size")
    with pytest.raises(AssertionError, match=r"question: Which colour\?[\s\S]*answer_pending"):
        agents.assert_waits_for_approval(run)


def test_no_question(agents: AgentsKit, play) -> None:
    with pytest.raises(AssertionError, match="Expected the run to wait for input"):
        agents.assert_waits_for_input(play(Reply(text="Done.")))


def test_called(agents: AgentsKit, play) -> None:
    run = play([calls("lookup", number="A-1"), calls("refund", number="A-1", amount=120)])
    assert agents.assert_called(run, "lookup", number="A-1").result == "order A-1"
    agents.assert_not_called(run, "lookup", number="A-2")
    agents.assert_not_called(run, "refund")
    with pytest.raises(AssertionError, match=r"Expected refund\(amount=120\) to have been called"):
        agents.assert_called(run, "refund", amount=120)
    with pytest.raises(AssertionError, match=r"Expected lookup\(number='A-1'\) not to have been called"):
        agents.assert_not_called(run, "lookup", number="A-1")


def test_events(agents: AgentsKit, play) -> None:
    run = play(Reply(text="Done."))
    assert event_types(run) == ["run.started", "step.started", "step.completed", "run.completed"]
    assert [event.sequence for event in events(run)] == [1, 2, 3, 4]
    assert events(run)[0].data["agent"] == "shop"


@pytest.mark.parametrize(
    ("turns", "advice"),
    [
        ([], "retry_run"),
        ([Reply(text="Done.")], "nothing: it has ended"),
        ([calls("pay", to="Ada")], "settle_outcome"),
        ([calls("ask_user", question="Which?")], "answer_pending"),
    ],
    ids=["failed", "completed", "unknown", "asks"],
)
def test_the_advice_fits_the_status(play, turns: list[Any], advice: str) -> None:
    assert advice in describe(play(*turns)).rpartition("next:")[2]


def test_the_advice_for_a_run_that_was_not_driven(agents: AgentsKit) -> None:
    assert "run_until_idle()" in describe(start_run(ShopAgent, "please")).rpartition("next:")[2]


def test_a_call_of_a_tool_that_is_gone_is_compared_as_it_is_stored(agents: AgentsKit, play) -> None:
    run = play(calls("lookup", number="A-1"), Reply(text="Done."))
    with registry.override():
        agents.assert_called(run, "lookup", number="A-1")
        agents.assert_not_called(run, "lookup", number="A-2")


def test_the_advice_for_a_paused_and_a_scheduled_run(agents: AgentsKit, boss: Any) -> None:
    later = start_run(ShopAgent, "please", run_at=timezone.now() + timedelta(hours=1))
    assert "move_time" in describe(later)
    pause_run(later.id, by=boss, reason="audit")
    assert "resume_run(run.id, by=SYSTEM); it is held because audit" in describe(later)
