"""What the commands give back."""

import time
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel

from agents_app import Agent
from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError, NotFound
from agents_app.services import read_run, start_run
from agents_app.testing import AgentsKit
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db


class Size(BaseModel):
    size: int


class Tailor(Agent[Size]):
    name = "tailor"


class ChangedTailor(Agent[str]):
    name = "tailor"


def test_a_completed_run_gives_its_answer_as_the_agents_type(agents: AgentsKit) -> None:
    with registry.override(Tailor):
        agents.scripted_llm(Tailor, Size(size=3))
        run = start_run(Tailor, "x")
        assert (run.output, run.ended) == (None, False)
        agents.run_until_idle()
        assert run.output is None  # frozen, as of then
        assert run.again().output == Size(size=3)
        assert run.wait(0).status is RunStatus.COMPLETED


def test_an_answer_of_older_code_is_given_as_it_was_stored(agents: AgentsKit) -> None:
    with registry.override(Tailor):
        agents.scripted_llm(Tailor, Size(size=3))
        run = start_run(Tailor, "x")
        agents.run_until_idle()
    with registry.override(ChangedTailor):
        assert read_run(run.id).output == {"size": 3}
    with registry.override():
        assert read_run(run.id).output == {"size": 3}


def test_a_failed_run_says_why(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, LLMError("no key", code="auth"))
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    assert run.again().error == ("auth", "no key")


def test_there_is_no_run_of_another_id() -> None:
    for key in (uuid4(), "nonsense", None):
        with pytest.raises(NotFound):
            read_run(key)


def test_the_address_is_the_admins_page(agents: AgentsKit) -> None:
    run = start_run(Clerk, "x")
    assert run.url in ("", f"/admin/agents_app/agentcontext/{run.id}/change/")


def test_a_script_without_addresses_has_no_page(agents: AgentsKit, settings: Any) -> None:
    run = start_run(Clerk, "x")
    del settings.ROOT_URLCONF
    assert run.url == ""


def test_watch_gives_every_event_once_and_ends_with_the_run(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "Done.")
    run = start_run(Clerk, "x")
    agents.run_until_idle()
    events = list(run.watch())
    assert [event.sequence for event in events] == list(range(1, run.again().version + 1))
    assert (events[0].type, events[-1].type) == ("run.started", "run.completed")
    assert [event.sequence for event in run.watch(after=2)] == [event.sequence for event in events[2:]]


@pytest.mark.django_db(transaction=True)
def test_wait_returns_a_newer_run_when_it_rests(agents: AgentsKit) -> None:
    agents.scripted_llm(Clerk, "Done.")
    run = start_run(Clerk, "x")
    before = time.monotonic()
    assert run.wait(0.2).status is RunStatus.IDLE
    assert time.monotonic() - before >= 0.2
    worker = office.thread(agents.run_until_idle)
    assert run.wait(20).status is RunStatus.COMPLETED
    worker.join()
