"""The older part of a long talk is summed up by an LLM, beside the runs, and never in their way."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agents_app import Memory, override_llm
from agents_app.core.transcript import LLMRequest, UserMessage
from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError
from agents_app.memory.agents import SUMMARISER, Summariser
from agents_app.memory.summaries import digest_of, fitting, wanted_summary
from agents_app.models import AgentContext, AgentSession, ArchivedRun, SessionSummary, database_now
from agents_app.services import Run, erase_user, hide_run, start_run
from agents_app.services.summaries import look_after
from agents_app.testing import AgentsKit, script
from tests import office
from tests.memory.talks import long_talk
from tests.memory.test_conversation import texts
from tests.models import rows
from tests.office import Clerk

pytestmark = pytest.mark.django_db


class Host(Clerk):
    """A clerk who remembers the talk, in few tokens."""

    name = "host"
    memory = Memory(conversation=True, tokens=400)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with office.open_office(), registry.override(Host, Clerk):
        yield


Talk = Callable[..., tuple[Run[str], LLMRequest]]


@pytest.fixture
def talk(agents: AgentsKit, django_capture_on_commit_callbacks: Any) -> Talk:
    """A further run of the session, and whatever comes of its end, as after a commit."""

    def go_on(user: Any, text: str = "Who am I?", answer: str = "You.") -> tuple[Run[str], LLMRequest]:
        llm = agents.scripted_llm(Host, answer)
        with django_capture_on_commit_callbacks(execute=True):
            run = start_run(Host, text, session="s", user=user)
            agents.run_until_idle()
        return run.again(), llm.requests[0]

    return go_on


def summed_up(user: Any) -> SessionSummary | None:
    return SessionSummary.objects.filter(session__user=user).exclude(text="").first()


def told(request: LLMRequest) -> str:
    return "\n".join(texts(request))


def test_a_talk_that_fits_needs_none(talk: Talk) -> None:
    user = office.person("ann")
    talk(user)
    assert not SessionSummary.objects.exists()
    assert not AgentContext.objects.filter(agent=SUMMARISER).exists()


def test_what_does_not_fit_is_summed_up_and_told(
    agents: AgentsKit, talk: Talk, django_capture_on_commit_callbacks: Any
) -> None:
    user = office.person("ann")
    long_talk(user, runs=40)
    with override_llm(Summariser, script(*["She is Ann, and has a cat."] * 9)) as llm:
        with django_capture_on_commit_callbacks(execute=True):
            talk(user)
            agents.run_until_idle()
        row = summed_up(user)
    assert row is not None
    assert row.text == "She is Ann, and has a cat."
    assert row.llm == "scripted"
    asked = llm.requests[0].messages[0]
    assert isinstance(asked, UserMessage)
    assert "| User: Question 0" in asked.text
    assert "| Assistant: Answer 0-1" in asked.text
    making = AgentContext.objects.filter(agent=SUMMARISER)
    assert {run.user_id for run in making} == {user.pk}
    assert making.filter(session=None).count() == making.count()
    _, request = talk(user, "And my cat?")
    assert "| She is Ann, and has a cat." in told(request)
    assert "Question 39" in told(request)
    assert "Question 0\n" not in told(request)


def test_the_next_one_goes_on_where_the_last_one_ended(agents: AgentsKit) -> None:
    user = office.person("ann")
    session = long_talk(user, runs=40)
    first = wanted_summary(session, 400, frozenset())
    assert first is not None
    SessionSummary.objects.create(session=session, text="So far.", upto=first.upto, digest=first.digest)
    assert wanted_summary(session, 400, frozenset()) is None, "it goes further than it has to"
    long_talk(user, runs=40, session=session)
    second = wanted_summary(session, 400, frozenset())
    assert second is not None
    assert second.text.startswith("Summary of what was said before:\n| So far.")
    assert "Question 0\n" not in second.text
    assert second.upto > first.upto


def test_it_is_made_anew_when_what_it_tells_of_has_changed() -> None:
    user = office.person("ann")
    session = long_talk(user, runs=40)
    first = wanted_summary(session, 400, frozenset())
    assert first is not None
    SessionSummary.objects.create(session=session, text="So far.", upto=first.upto, digest=first.digest)
    oldest = AgentContext.objects.filter(session=session).order_by("pk").first()
    assert oldest is not None
    oldest.version += 1
    oldest.save(update_fields=["version"])
    long_talk(user, runs=40, session=session)
    again = wanted_summary(session, 400, frozenset())
    assert again is not None
    assert again.text.startswith("The conversation:\n| User: Question 0\n")


def test_archiving_changes_nothing_of_what_it_tells() -> None:
    """What was said is the same, wherever it is kept: no LLM is paid to read it again, which it could not."""
    user = office.person("ann")
    session = long_talk(user, runs=40)
    first = wanted_summary(session, 400, frozenset())
    assert first is not None
    SessionSummary.objects.create(session=session, text="So far.", upto=first.upto, digest=first.digest)
    archive = rows.archive()
    for run in AgentContext.objects.filter(session=session):
        rows.archived(id=run.pk, agent=run.agent, user=user, session=session, version=run.version, archive=archive)
        run.delete()
    assert not AgentContext.objects.filter(session=session).exists()
    assert digest_of(session, first.upto) == first.digest
    assert summed_up(user) is not None
    ArchivedRun.objects.filter(session=session).update(erased_at=database_now())
    assert digest_of(session, first.upto) != first.digest, "but what was erased is told of no more"


def test_hiding_a_run_takes_it_out_at_once() -> None:
    user, boss = office.person("ann"), office.person("boss", is_superuser=True)
    session = long_talk(user, runs=40)
    first = wanted_summary(session, 400, frozenset())
    assert first is not None
    SessionSummary.objects.create(session=session, text="So far.", upto=first.upto, digest=first.digest)
    newest, oldest = [AgentContext.objects.filter(session=session).order_by(order)[0] for order in ("-pk", "pk")]
    hide_run(newest.pk, by=boss, reason="x")
    assert summed_up(user) is not None
    hide_run(oldest.pk, by=boss, reason="x")
    assert summed_up(user) is None


@pytest.mark.django_db(transaction=True)
def test_erasing_a_person_takes_it_away() -> None:
    user, boss = office.person("ann"), office.person("boss", is_superuser=True)
    session = long_talk(user, runs=3)
    SessionSummary.objects.create(session=session, text="She is Ann.")
    erase_user(user, by=boss)
    assert not SessionSummary.objects.exists()


def test_a_summary_that_fails_stops_nothing_and_is_tried_again(
    agents: AgentsKit, talk: Talk, django_capture_on_commit_callbacks: Any
) -> None:
    user = office.person("ann")
    long_talk(user, runs=40)
    gone = script(LLMError("Gone.", code="not_found"))
    with override_llm(Summariser, gone), django_capture_on_commit_callbacks(execute=True):
        run, _ = talk(user)
        agents.run_until_idle()
    assert run.output == "You."
    assert AgentContext.objects.get(agent=SUMMARISER).status == "failed"
    row = SessionSummary.objects.get()
    assert (row.text, row.asked, row.attempts) == ("", None, 1)
    with override_llm(Summariser, script(*["She is Ann."] * 9)), django_capture_on_commit_callbacks(execute=True):
        run, request = talk(user)
        agents.run_until_idle()
    assert run.output == "You."
    assert "Question 39" in told(request)
    assert summed_up(user) is not None


def test_one_is_made_at_a_time() -> None:
    """Two runs of a session that end at once begin one summary; while it hangs no other is begun."""
    user = office.person("ann")
    session = long_talk(user, runs=40)
    last, other = AgentContext.objects.filter(session=session).order_by("-pk")[:2]
    first = look_after(last.pk)
    assert first is not None
    assert look_after(other.pk) is None
    SessionSummary.objects.update(asked=None)  # as if the other had not known yet
    assert look_after(other.pk) == first
    assert AgentContext.objects.filter(agent=SUMMARISER).count() == 1


def test_an_answer_that_comes_too_late_is_not_kept(agents: AgentsKit, django_capture_on_commit_callbacks: Any) -> None:
    user, boss = office.person("ann"), office.person("boss", is_superuser=True)
    session = long_talk(user, runs=40)
    newest, oldest = [AgentContext.objects.filter(session=session).order_by(order)[0] for order in ("-pk", "pk")]
    look_after(newest.pk)
    hide_run(oldest.pk, by=boss, reason="x")
    with (
        override_llm(Summariser, script("With the hidden run in it.")),
        django_capture_on_commit_callbacks(execute=True),
    ):
        agents.run_until_idle()
    assert summed_up(user) is None


def test_memory_may_have_an_llm_of_its_own(agents: AgentsKit, settings: Any) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "MEMORY_LLM": "demo", "DEFAULT_LLM": "openai:gpt-5-mini"}
    run: Run[str] = start_run(SUMMARISER, "The conversation:\n| User: Hello")
    agents.run_until_idle()
    assert run.again().status == "completed"
    assert AgentContext.objects.get(pk=run.id).steps.filter(kind="think").get().llm == "demo"


def test_people_do_not_choose_it() -> None:
    assert SUMMARISER not in [definition.name for definition in registry.all()]
    assert registry.get(SUMMARISER).name == SUMMARISER


def test_a_long_answer_is_cut_to_its_share() -> None:
    assert fitting("  short ", 400) == "short"
    assert len(fitting("ü" * 5000, 400).encode()) <= 303
    assert fitting(None, 400) == ""


def test_a_session_without_an_account_has_one_too() -> None:
    session = long_talk(None, runs=40)
    assert AgentSession.objects.get() == session
    assert wanted_summary(session, 400, frozenset()) is not None


def test_the_page_of_a_session_shows_it_to_those_who_may_read_the_talk(client: Any) -> None:
    session = long_talk(office.person("ann"), runs=1)
    SessionSummary.objects.create(session=session, text="She is Ann.", upto=session.pk)
    look = ("agents_app.view_agentsession", "agents_app.view_agentcontext")
    for name, more, shown in (("nosy", (), False), ("reader", ("agents_app.view_transcript",), True)):
        client.force_login(office.person(name, *look, *more, is_staff=True))
        answer = client.get(f"/admin/agents_app/agentsession/{session.pk}/change/")
        assert answer.status_code == 200
        assert ("She is Ann." in answer.content.decode()) is shown
