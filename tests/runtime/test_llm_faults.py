"""Whole runs against servers in the formats of OpenAI and Anthropic that fail."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from pytest_httpserver import HTTPServer
from werkzeug import Response

from agents_app import Agent
from agents_app.core.status import RunStatus
from agents_app.definitions.registry import registry
from agents_app.llm import close_connections
from agents_app.models import AgentStep, database_now
from agents_app.runtime import llm_gate
from agents_app.runtime.drive import drive_to_rest
from agents_app.runtime.engines import engine
from agents_app.services import Run, start_run
from agents_app.testing import move_time
from tests import office
from tests.llm.wire import Anthropic, OpenAI
from tests.office import Clerk
from tests.runtime.llms import with_settings

pytestmark = pytest.mark.usefixtures("workers", "agents")


class Caller(Clerk):
    name = "caller"
    llm = "first"
    fallback_llms = ("second",)


class Lonely(Agent[str]):
    name = "lonely"
    llm = "first"


@pytest.fixture
def server(workers: None) -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as server:
        llms = {
            "first": {"llm": "openai:gpt-4o-mini", "base_url": server.url_for("/v1"), "api_key": "sk-1"},
            "second": {"llm": "anthropic:claude-haiku-4-5", "base_url": server.url_for(""), "api_key": "sk-2"},
        }
        llm_gate.forget()
        with registry.override(Caller, Lonely), with_settings(LLMS=llms, LLM_ATTEMPTS=2):
            yield server
            engine().run(lambda on: close_connections())
        llm_gate.forget()


def driven(agent: Any) -> Run[Any]:
    run = start_run(agent, "x")
    drive_to_rest(run.id)
    return run.again()


def asked(server: HTTPServer) -> list[str]:
    return [request.path for request, _ in server.log]


def test_when_openai_is_down_anthropic_goes_on_with_the_conversation(server: HTTPServer) -> None:
    """The first turn is OpenAI's, the second Anthropic's: it is told the first in its own format."""
    call = ("call_1", "look", json.dumps({"number": "A-1"}))
    answers = iter([OpenAI.stream("I look.", calls=[call])])
    server.expect_request(OpenAI.path).respond_with_handler(lambda _: next(answers, OpenAI.error(500, "Down.")))
    server.expect_request(Anthropic.path).respond_with_response(Anthropic.stream("It is there."))

    run = driven(Caller)

    assert (run.status, run.output) == (RunStatus.COMPLETED, "It is there.")
    assert office.names() == ["look"]
    assert asked(server) == [OpenAI.path] * 3 + [Anthropic.path]
    steps = AgentStep.objects.filter(context_id=run.id, kind="think").order_by("number")
    assert [(step.llm, step.attempt) for step in steps] == [("gpt-4o-mini", 1), ("claude-haiku-4-5", 3)]
    sent = json.loads(server.log[-1][0].data)["messages"]
    assert [block["type"] for block in sent[1]["content"]] == ["text", "tool_use"]
    assert sent[2]["content"][0]["tool_use_id"] == sent[1]["content"][1]["id"]


def test_retry_after_holds_the_run_back_and_nobody_holds_it(server: HTTPServer) -> None:
    answers = iter([OpenAI.error(429, "Slow down", Retry_After="40")])
    server.expect_request(OpenAI.path).respond_with_handler(lambda _: next(answers, OpenAI.stream("Here.")))
    run = driven(Lonely)
    context = office.context_of(run)
    assert (run.status, context.lease_until) == (RunStatus.SCHEDULED, None)
    assert context.due_at is not None
    assert 30 < (context.due_at - database_now()).total_seconds() <= 41
    with move_time(41):
        drive_to_rest(run.id)
    assert run.again().output == "Here."
    assert len(server.log) == 2


@pytest.mark.parametrize(("status", "code"), [(400, "rejected"), (401, "authentication"), (404, "not_found")])
def test_a_permanent_error_fails_the_run_and_nobody_else_is_asked(server: HTTPServer, status: int, code: str) -> None:
    server.expect_request(OpenAI.path).respond_with_response(OpenAI.error(status, "No."))
    run = driven(Caller)
    assert run.error is not None
    assert (run.error[0], asked(server)) == (code, [OpenAI.path])


def test_attempts_are_in_the_rows_before_the_server_is_asked(server: HTTPServer) -> None:
    seen: list[int] = []

    def note(_: Any) -> Response:
        seen.append(AgentStep.objects.get(context__agent="lonely", kind="think").attempt)
        connections.close_all()
        return OpenAI.error(503, "Down.")

    server.expect_request(OpenAI.path).respond_with_handler(note)
    run = driven(Lonely)
    assert run.status is RunStatus.FAILED
    assert seen == [1, 2]
