"""Memory and knowledge are asked once per run, before its LLM; what they said holds for the whole run."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app import Knowledge, Memory
from agents_app.core.briefing import Section, SourceBriefing, Told
from agents_app.core.events import EventType
from agents_app.core.status import RunStatus
from agents_app.core.transcript import AssistantMessage, LLMRequest, UserMessage
from agents_app.definitions.briefing import Question
from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError, NotFound
from agents_app.models import AgentEvent, AgentStep, RunBriefing
from agents_app.runtime import briefing
from agents_app.runtime.drive import drive_to_rest
from agents_app.selectors.sent import sent_in
from agents_app.services import Run, retry_run, start_run
from agents_app.testing import AgentsKit, calls, fails
from agents_app.testing.deciding import approve_pending
from tests import office
from tests.office import Clerk
from tests.runtime.test_iterate import settings_with

pytestmark = pytest.mark.usefixtures("workers")


class Knowing(Clerk):
    """A clerk who remembers."""

    name = "knowing"
    memory = Memory(conversation=True, timeout=20)


class Anxious(Clerk):
    """Would rather fail than not know."""

    name = "anxious"
    memory = Memory(facts=True, timeout=20, on_error="fail")


class Hasty(Anxious):
    """And at once."""

    name = "hasty"
    memory = Memory(facts=True, timeout=0.5, on_error="fail")


class Learned(Clerk):
    """Looks things up."""

    name = "learned"
    knowledge = Knowledge("handbook", timeout=20)


asked: list[Question] = []


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with registry.override(Clerk, Knowing, Anxious, Hasty, Learned):
        asked.clear()
        yield


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Question], Any]], None]:
    """Put a source in place of memory."""

    def put(source: Callable[[Question], Any]) -> None:
        def ask(question: Question) -> Any:
            asked.append(question)
            return source(question)

        monkeypatch.setattr(briefing, "brief_memory", ask)

    return put


Says = Callable[[Callable[[Question], Any]], None]


def said(question: Question) -> SourceBriefing:
    """Something else each time."""
    return SourceBriefing(
        sections=(Section(kind="facts", title="Known", text=f"fact {len(asked)}"),),
        earlier=(UserMessage(text="Before"), AssistantMessage(text="Yes.")),
        told=(Told(type=EventType.MEMORY_UPDATED, payload={"what": "briefing", "key": str(len(asked))}),),
    )


def driven(agents: AgentsKit, agent: type[Clerk], *turns: Any, **given: Any) -> tuple[Run[str], list[LLMRequest]]:
    llm = agents.scripted_llm(agent, *turns)
    run = start_run(agent, "x", **given)
    drive_to_rest(run.id)
    return run.again(), llm.requests


def texts(request: LLMRequest) -> list[str]:
    return [message.text for message in request.messages if not hasattr(message, "call_id")]


def events(run: Run[Any], event: EventType) -> list[dict[str, Any]]:
    return list(
        AgentEvent.objects.filter(context_id=run.id, type=event).order_by("sequence").values_list("data", flat=True)
    )


def test_it_is_asked_once_and_every_request_of_the_run_has_it(agents: AgentsKit, says: Says) -> None:
    says(said)
    run, requests = driven(agents, Knowing, calls("look", number="1"), calls("look", number="2"), "Done.")
    assert run.output == "Done."
    assert len(asked) == 1
    assert asked[0].input == "x"
    assert asked[0].memory == Knowing.memory
    assert "look" in asked[0].functions
    assert len(requests) == 3
    for request in requests:
        first, second, known, own = texts(request)[:4]
        assert (first, second, own) == ("Before", "Yes.", "x")
        assert "fact 1" in known
    assert [data["key"] for data in events(run, EventType.MEMORY_UPDATED)] == ["1"]
    assert RunBriefing.objects.get(pk=run.id).content["sections"][0]["text"] == "fact 1"
    assert all(step.sent for step in AgentStep.objects.filter(context_id=run.id, kind="think"))


def test_a_turn_that_is_asked_again_has_the_same(agents: AgentsKit, says: Says) -> None:
    says(said)
    busy = LLMError("Busy.", code="overloaded", transient=True)
    run, requests = driven(agents, Knowing, fails(2, busy, "Done."))
    assert run.output == "Done."
    assert len(requests) == 3
    assert requests[0].messages == requests[1].messages == requests[2].messages
    assert len(asked) == 1


def test_another_worker_reads_what_was_said(agents: AgentsKit, says: Says) -> None:
    """A run that waits for people is given back; who goes on with it does not ask again."""
    says(said)
    run, requests = driven(agents, Knowing, calls("order", what="tea"), "Done.")
    assert run.status == RunStatus.WAITING_FOR_APPROVAL
    approve_pending(run, by=office.person("boss", is_superuser=True))
    drive_to_rest(run.id)
    assert run.again().output == "Done."
    assert len(asked) == 1
    assert texts(requests[1])[:4] == texts(requests[0])[:4]


def test_who_does_not_use_it_pays_nothing_for_it(agents: AgentsKit, says: Says) -> None:
    says(said)
    with CaptureQueriesContext(connection) as queries:
        run, _ = driven(agents, Clerk, "Done.")
    assert run.output == "Done."
    assert not asked
    assert not [query for query in queries if "runbriefing" in query["sql"]]
    assert AgentStep.objects.get(context_id=run.id, kind="think").sent is None


def test_a_run_without_memory_asks_nobody(agents: AgentsKit, says: Says) -> None:
    says(said)
    run, requests = driven(agents, Knowing, "Done.", memory=False)
    assert run.output == "Done."
    assert not asked
    assert texts(requests[0]) == ["x"]
    assert not RunBriefing.objects.exists()
    assert AgentStep.objects.get(context_id=run.id, kind="think").sent is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda question: 1 / 0,
        lambda question: "facts",
        lambda question: SourceBriefing(told=(Told(type=EventType.MEMORY_UPDATED, payload={"surplus": 1}),)),
        lambda question: SourceBriefing(sections=(Section(kind="facts", title="x", text=object()),)),  # type: ignore[arg-type]
    ],
    ids=["raises", "no_briefing", "wrong_event", "no_text"],
)
def test_memory_that_is_down_is_gone_without_and_an_event_says_so(
    wrong: Callable[[Question], Any], agents: AgentsKit, says: Says
) -> None:
    says(wrong)
    run, requests = driven(agents, Knowing, "Done.")
    assert run.output == "Done."
    assert texts(requests[0]) == ["x"]
    (data,) = events(run, EventType.MEMORY_UPDATED)
    assert data["error"]
    assert data["what"] == "briefing"


def test_an_author_may_rather_have_the_run_fail(agents: AgentsKit, says: Says) -> None:
    says(lambda question: 1 / 0)
    run, requests = driven(agents, Anxious, "Done.")
    assert run.status == RunStatus.FAILED
    details = office.context_of(run).details
    assert (details.error_code, details.error) == (
        "memory_unavailable",
        "Memory could not be read (ZeroDivisionError); see the log.",
    )
    assert [data["error"] for data in events(run, EventType.MEMORY_UPDATED)] == ["ZeroDivisionError"]
    assert not requests
    with pytest.raises(NotFound):
        sent_in(office.context_of(run), 1, sensitive=False)
    says(said)
    retry_run(run.id, by=office.person("boss", is_superuser=True))
    drive_to_rest(run.id)
    assert run.again().output == "Done."
    assert [data.get("error") for data in events(run, EventType.MEMORY_UPDATED)] == ["ZeroDivisionError", None]


def test_memory_that_hangs_is_left_alone_in_time(agents: AgentsKit, says: Says) -> None:
    leave = threading.Event()
    says(lambda question: leave.wait(30))
    run, requests = driven(agents, Hasty, "Done.")
    leave.set()
    assert run.status == RunStatus.FAILED
    details = office.context_of(run).details
    assert (details.error_code, details.error) == (
        "memory_unavailable",
        "Memory could not be read (timeout); see the log.",
    )
    assert not requests


def test_an_unavailable_memory_is_no_fault_of_the_llm(agents: AgentsKit, says: Says) -> None:
    """No other LLM is asked in its place."""

    class Torn(Anxious):
        name = "torn"
        fallback_llms = ("demo",)

    says(lambda question: 1 / 0)
    with registry.override(Torn), settings_with(DEFAULT_LLM="demo"):
        run = start_run(Torn, "x")
        drive_to_rest(run.id)
    assert office.context_of(run).details.error_code == "memory_unavailable"
    assert AgentStep.objects.get(context_id=run.id, kind="think").attempt == 1


def test_knowledge_that_is_not_there_is_gone_without(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(briefing, "KNOWLEDGE_APP", "nowhere")
    run, requests = driven(agents, Learned, "Done.")
    assert run.output == "Done."
    assert texts(requests[0]) == ["x"]
    (data,) = events(run, EventType.RETRIEVAL_COMPLETED)
    assert data["error"] == "not_installed"
    assert "handbook" not in str(data), "nobody looked whether the run's user may know of it"
