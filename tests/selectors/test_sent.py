"""What is shown as sent is what a recording LLM really got: message for message, whatever came in between."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from agents_app import Agent, Memory, ToolContext
from agents_app.core.status import RunStatus
from agents_app.core.transcript import LLMRequest
from agents_app.definitions.registry import registry
from agents_app.exceptions import InvalidInput, LLMError, NotFound, NotPermitted
from agents_app.models import AgentContext, AgentStep, RunBriefing
from agents_app.runtime import iterate
from agents_app.runtime.drive import drive_to_rest
from agents_app.runtime.engines import close_engine, engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.runtime.held import Held
from agents_app.runtime.perform import perform
from agents_app.selectors.sent import Sent, sent_in
from agents_app.services import Run, erase_user, start_run
from agents_app.services.sent import read_sent
from agents_app.testing import AgentsKit, calls, fails
from agents_app.testing.deciding import approve_pending
from agents_app.transitions import claims
from tests import office
from tests.memory.talks import long_talk
from tests.office import Clerk
from tests.runtime.llms import DOWN, behaviour, told_llms
from tests.runtime.test_iterate import settings_with


class Host(Clerk):
    """A clerk who remembers the talk."""

    name = "host"
    memory = Memory(conversation=True, tokens=700)
    max_steps = 60


class Moody(Agent[str]):
    """Has other instructions in each run."""

    name = "moody"
    memory = Memory(conversation=True)

    def get_instructions(self, context: ToolContext) -> str:
        return f"Be kind to run {context.run_id}."


class Secretive(Agent[str]):
    """The same, and remembers nothing."""

    name = "secretive"
    ask_user = False

    def get_instructions(self, context: ToolContext) -> str:
        return f"Be kind to run {context.run_id}."


@pytest.fixture(autouse=True)
def _office(transactional_db: None) -> Iterator[None]:
    with office.open_office(), registry.override(Clerk, Host, Moody, Secretive):
        yield
    close_engine()
    heartbeat.join()


def context_of(run: Run[Any]) -> AgentContext:
    return AgentContext.objects.select_related("details", "session").get(pk=run.id)


def sent(run: Run[Any]) -> list[Sent]:
    """By step, what is shown to somebody who may see all of it."""
    steps = AgentStep.objects.filter(context_id=run.id, kind="think").order_by("number")
    boss = office.person(f"boss {run.id} {steps.count()}", is_superuser=True)
    return [read_sent(context_of(run), step.number, by=boss) for step in steps]


def assert_same(shown: Sent, got: LLMRequest) -> None:
    assert shown.request.messages == got.messages
    assert shown.request.instructions == got.instructions
    assert {each.name: each for each in shown.request.functions} == {each.name: each for each in got.functions}
    assert shown.request.answer == got.answer
    assert shown.request.temperature == got.temperature
    assert shown.request.max_tokens == got.max_tokens


@pytest.mark.parametrize("agent", [Clerk, Host])
def test_each_step_shows_what_the_llm_got(agents: AgentsKit, agent: Any) -> None:
    turns: list[Any] = [calls("look", number="1"), [calls("look", number="2"), calls("glance", number="3")], "Done."]
    llm = agents.scripted_llm(agent, *turns)
    run = start_run(agent, "x", session="s")
    drive_to_rest(run.id)
    shown = sent(run)
    assert len(shown) == len(llm.requests) == 3
    for each, got in zip(shown, llm.requests, strict=True):
        assert_same(each, got)
        assert each.exact is (True if agent is Host else None)


def test_with_a_long_talk_before_it_and_long_results_in_it(agents: AgentsKit) -> None:
    user = office.person("ann")
    long_talk(user, runs=30)
    office.behaviour["look"] = lambda context, number: f"long {number} " * 100
    got: list[LLMRequest] = []

    def turn(request: LLMRequest) -> Any:
        got.append(request)
        return calls("look", number=str(len(got))) if len(got) < 9 else "Done."

    agents.scripted_llm(Host, *[turn] * 9)
    run = start_run(Host, "x", session="s", user=user)
    drive_to_rest(run.id)
    assert run.again().output == "Done."
    shown = sent(run)
    for each, request in zip(shown, got, strict=True):
        assert_same(each, request)
        assert each.exact is True
    assert shown[-1].left_out > 0


def test_after_failures_and_on_another_worker(agents: AgentsKit) -> None:
    user = office.person("ann")
    long_talk(user, runs=5)
    busy = LLMError("Busy.", code="overloaded", transient=True)
    llm = agents.scripted_llm(Host, fails(1, busy, calls("order", what="tea")), fails(1, busy, "Done."))
    run = start_run(Host, "x", session="s", user=user)
    drive_to_rest(run.id)
    assert run.again().status == RunStatus.WAITING_FOR_APPROVAL
    long_talk(user, runs=5, session=context_of(run).session)  # said meanwhile; the run is not told of it
    approve_pending(run, by=office.person("boss", is_superuser=True))
    drive_to_rest(run.id)
    assert run.again().output == "Done."
    shown = sent(run)
    assert [each.attempt for each in shown] == [2, 2]
    assert len(llm.requests) == 4
    for each, got in zip(shown, (llm.requests[1], llm.requests[3]), strict=True):
        assert_same(each, got)
        assert each.exact is True
    assert llm.requests[0].messages == llm.requests[1].messages


def test_after_a_worker_has_died(agents: AgentsKit) -> None:
    """What it was told died with it; shown is what the next one was told, and sent."""
    user = office.person("ann")
    session = long_talk(user, runs=2)
    llm = agents.scripted_llm(Host, calls("look", number="1"), "Done.")
    with settings_with(EXECUTOR="agents_app.testing.executor.WaitingExecutor"):
        run = start_run(Host, "x", session="s", user=user)
        claim = claims.claim(run.id)
        assert claim is not None
        dead = Held(claim=claim, definition=registry.get("host"), inline=False)
        (think,) = iterate.prepare(dead)
        engine().run(lambda on: perform(on, dead, think))
        assert len(llm.requests) == 1
        long_talk(user, runs=1, session=session)
        with agents.move_time(31):
            drive_to_rest(run.id)
    assert run.again().output == "Done."
    assert "Question 3" in repr(llm.requests[1])
    shown = sent(run)
    for each, got in zip(shown, llm.requests[1:], strict=True):
        assert_same(each, got)
        assert each.exact is True


def test_a_step_that_failed_for_good_shows_it_too(agents: AgentsKit) -> None:
    llm = agents.scripted_llm(Host, LLMError("No.", code="rejected"))
    run = start_run(Host, "x", session="s")
    drive_to_rest(run.id)
    assert run.again().status == RunStatus.FAILED
    (shown,) = sent(run)
    assert_same(shown, llm.requests[0])
    assert shown.exact is True


def test_instructions_that_code_made_are_kept_where_memory_is(agents: AgentsKit) -> None:
    llm = agents.scripted_llm(Moody, "Done.")
    run = start_run(Moody, "x", session="s")
    drive_to_rest(run.id)
    (shown,) = sent(run)
    assert_same(shown, llm.requests[0])
    assert str(run.id) in shown.request.instructions


def test_where_nobody_kept_them_it_says_so(agents: AgentsKit) -> None:
    agents.scripted_llm(Secretive, "Done.")
    run = start_run(Secretive, "x")
    drive_to_rest(run.id)
    (shown,) = sent(run)
    assert not shown.instructions_known
    assert shown.request.instructions == ""


def test_what_has_changed_since_is_not_called_exact(agents: AgentsKit) -> None:
    agents.scripted_llm(Host, "Done.")
    run = start_run(Host, "x", session="s")
    drive_to_rest(run.id)
    row = RunBriefing.objects.get(pk=run.id)
    row.content["earlier"] = [{"kind": "user", "text": "Never said."}]
    row.save()
    (shown,) = sent(run)
    assert shown.exact is False


def test_sensitive_arguments_are_for_those_who_may_see_them(agents: AgentsKit) -> None:
    office.behaviour["sign_in"] = lambda context, value: "welcome"
    llm = agents.scripted_llm(Host, calls("sign_in", account="a", password="hunter2"), "Done.")
    boss = office.person("boss", is_superuser=True)
    run = start_run(Host, "x", session="s", user=boss)
    drive_to_rest(run.id)
    approve_pending(run, by=boss)
    drive_to_rest(run.id)
    assert "hunter2" in repr(llm.requests[-1])
    number = AgentStep.objects.filter(context_id=run.id, kind="think").order_by("-number")[0].number
    covered = sent_in(context_of(run), number, sensitive=False)
    assert "hunter2" not in repr(covered)
    assert covered.exact is True
    assert "hunter2" in repr(sent_in(context_of(run), number, sensitive=True))


def test_who_may_not_read_the_transcript_may_not_read_this(agents: AgentsKit) -> None:
    agents.scripted_llm(Host, "Done.")
    run = start_run(Host, "x", session="s")
    drive_to_rest(run.id)
    looker = office.person("looker", "agents_app.view_agentcontext", is_staff=True)
    with pytest.raises(NotPermitted):
        read_sent(context_of(run), 1, by=looker)
    client = Client()
    client.force_login(looker)
    assert client.get(f"/admin/agents_app/agentcontext/{run.id}/steps/1/sent/").status_code == 403


@pytest.mark.parametrize("number", ["0", "-1", "x", "1" * 30, "²", None])
def test_what_is_no_step_is_refused(agents: AgentsKit, number: Any) -> None:
    run = start_run(Host, "x")
    with pytest.raises(InvalidInput):
        read_sent(context_of(run), number, by=office.person("boss", is_superuser=True))


def test_a_step_without_llm_is_not_found(agents: AgentsKit) -> None:
    run = start_run(Host, "x")
    with pytest.raises(NotFound):
        read_sent(context_of(run), 77, by=office.person("boss", is_superuser=True))


def test_nothing_of_an_erased_person_is_left_in_it(agents: AgentsKit) -> None:
    user, boss = office.person("ann"), office.person("boss", is_superuser=True)
    long_talk(user, runs=3)
    agents.scripted_llm(Moody, "Done.")
    run = start_run(Moody, "Call me Annabell.", session="s", user=user)
    drive_to_rest(run.id)
    assert RunBriefing.objects.get(pk=run.id).content["earlier"]
    erase_user(user, by=boss)
    assert RunBriefing.objects.get(pk=run.id).content == {}
    (shown,) = sent(run)
    assert "Annabell" not in repr(shown)
    assert "Question" not in repr(shown)


def test_the_page_of_a_run_leads_to_it(agents: AgentsKit) -> None:
    agents.scripted_llm(Host, calls("look", number="<b>7</b>"), "Done.")
    user = office.person("ann")
    long_talk(user, runs=2)
    run = start_run(Host, "x", session="s", user=user)
    drive_to_rest(run.id)
    client = Client()
    client.force_login(office.person("boss", is_superuser=True, is_staff=True))
    url = f"/admin/agents_app/agentcontext/{run.id}/steps/3/sent/"
    number = AgentStep.objects.filter(context_id=run.id, kind="think").order_by("-number")[0].number
    url = f"/admin/agents_app/agentcontext/{run.id}/steps/{number}/sent/"
    assert url in client.get(f"/admin/agents_app/agentcontext/{run.id}/change/").content.decode()
    page = client.get(url).content.decode()
    assert "Question 1" in page
    assert "Do what you are told." in page
    assert "&lt;b&gt;7" in page
    assert client.get(f"/admin/agents_app/agentcontext/{run.id}/steps/99/sent/").status_code == 404


class Doubled(Host):
    """Has another LLM to fall back on."""

    name = "doubled"
    llm = "first"
    fallback_llms = ("second",)


def test_what_a_fallback_llm_was_sent() -> None:
    got: list[LLMRequest] = []

    def answers(request: LLMRequest) -> str:
        got.append(request)
        return "The second one says so."

    with told_llms(LLM_ATTEMPTS=1), registry.override(Doubled):
        behaviour["second"] = answers
        behaviour["first"] = answers
        begun = start_run(Doubled, "Where are we?", user=(user := office.person("zoe")), session="talk")
        drive_to_rest(begun.id)
        behaviour["first"] = DOWN
        run = start_run(Doubled, "Go on.", user=user, session="talk")
        drive_to_rest(run.id)
        context = context_of(run)
        assert context.status == RunStatus.COMPLETED
        shown = sent_in(context, 1, sensitive=True)
    assert [request.llm for request in got] == ["first", "second"]
    assert (shown.request.messages, shown.exact, shown.attempt) == (got[1].messages, True, 2)
    assert shown.request.llm == "second-2026", "as it calls itself"
    assert "Where are we?" in str(shown.request.messages)
