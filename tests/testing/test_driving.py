"""`run_until_idle`, `move_time` and `scripted_llm`, inside TestCase's transaction and without it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError
from agents_app.services import start_run
from agents_app.testing import AgentsKit, calls, driving, fails, move_time, run_until_idle, script, scripted_llm
from tests.testing.shop import Reply, ShopAgent, TextAgent


@pytest.fixture(autouse=True)
def registered():
    with registry.override(ShopAgent, TextAgent):
        yield


@pytest.mark.django_db
def test_nothing_is_due() -> None:
    assert run_until_idle() == []


@pytest.mark.django_db
def test_all_due_runs_go_on_inside_a_test_case(agents: AgentsKit) -> None:
    agents.scripted_llm(TextAgent, "Hello.")
    first, second = (start_run("text", text) for text in ("one", "two"))
    driven = run_until_idle()
    assert {run.id for run in driven} == {first.id, second.id}
    assert [run.output for run in driven] == ["Hello.", "Hello."]


@pytest.mark.django_db(transaction=True)
def test_all_due_runs_go_on_in_a_transactional_test(agents: AgentsKit) -> None:
    agents.scripted_llm(ShopAgent, calls("lookup", number="A-1"), Reply(text="Seen."))
    run = start_run(ShopAgent, "look")
    assert run.again().status == "idle", "the queue is off"
    assert [found.output for found in run_until_idle()] == [Reply(text="Seen.")]


@pytest.mark.django_db
def test_what_is_due_later_stays_until_time_moves(agents: AgentsKit) -> None:
    agents.scripted_llm(TextAgent, "Hello.")
    run = start_run("text", "hi", run_at=timezone.now() + timedelta(hours=1))
    assert run_until_idle() == []
    with move_time(3599):
        assert run_until_idle() == []
    with move_time(3601):
        assert [found.id for found in run_until_idle()] == [run.id]
    assert run.again().output == "Hello."


@pytest.mark.django_db
def test_a_back_off_is_not_waited_for(agents: AgentsKit) -> None:
    agents.scripted_llm(TextAgent, fails(1, LLMError("busy", transient=True, retry_after=120), "Hello."))
    run = start_run("text", "hi")
    run_until_idle()
    assert run.again().status == "scheduled"
    with agents.move_time(130):
        agents.run_until_idle()
    agents.assert_completed(run, "Hello.")


@pytest.mark.django_db
def test_a_run_that_never_rests_is_found_out(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[int] = []
    monkeypatch.setattr(driving, "drive_due", rounds.append)
    start_run("text", "hi")
    with pytest.raises(AssertionError, match=r"still due after 7 rounds[\s\S]*of agent “text” is idle"):
        run_until_idle(limit=7)
    assert len(rounds) == 7


@pytest.mark.django_db
def test_a_script_lasts_as_long_as_its_block(agents: AgentsKit) -> None:
    run = start_run("text", "hi")
    with scripted_llm(TextAgent, "inner") as llm:
        run_until_idle()
    assert run.again().output == "inner"
    assert [message.text for message in llm.requests[0].messages] == ["hi"]


@pytest.mark.django_db
def test_an_llm_of_ones_own_is_used_as_it_is(agents: AgentsKit) -> None:
    own = script("mine")
    with scripted_llm("text", own) as llm:
        assert llm is own
        start_run("text", "hi")
        (run,) = run_until_idle()
    assert run.output == "mine"
