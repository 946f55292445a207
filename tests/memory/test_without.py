"""A run without memory, or without knowledge, at every door that starts runs."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from agents_app import Agent, Knowledge, Memory
from agents_app.definitions.registry import definition_of, registry
from agents_app.models import AgentContext, Fact, RunDetails
from agents_app.selectors.sent import Code, sent_in
from agents_app.services import start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.memory.test_conversation import Host

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with office.open_office(), registry.override(Host):
        yield


def said(run_id: Any) -> tuple[bool | None, bool | None]:
    details = RunDetails.objects.get(pk=run_id)
    return details.without_memory, details.without_knowledge


GIVEN = [({}, (None, None)), ({"memory": False}, (True, None)), ({"memory": True, "knowledge": False}, (None, True))]


@pytest.mark.parametrize(("given", "expected"), GIVEN, ids=["neither", "memory", "knowledge"])
def test_in_code(given: dict[str, bool], expected: Any) -> None:
    assert said(start_run(Host, "x", **given).id) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("given", "expected"), GIVEN, ids=["neither", "memory", "knowledge"])
def test_over_rest(given: dict[str, bool], expected: Any) -> None:
    client = APIClient()
    client.force_authenticate(office.person("boss", is_superuser=True))
    answer = client.post("/api/runs/", {"agent": "host", "input": "x", **given}, format="json")
    assert answer.status_code == 201, answer.content
    assert said(answer.json()["id"]) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [([], (None, None)), (["--without-memory"], (True, None)), (["--without-knowledge"], (None, True))],
    ids=["neither", "memory", "knowledge"],
)
def test_on_the_command_line(options: list[str], expected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("agents_run", "host", "x", "--json", *options)
    assert said(json.loads(capsys.readouterr().out)["id"]) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, (None, None)), ({"without_memory": "on", "without_knowledge": "on"}, (True, True))],
    ids=["neither", "both"],
)
def test_in_the_admin(given: dict[str, str], expected: Any) -> None:
    client = Client()
    client.force_login(office.person("boss", is_superuser=True, is_staff=True))
    answer = client.post("/admin/agents_app/agentcontext/start/", {"agent": "host", "input": "x", **given})
    assert answer.status_code == 302
    assert said(AgentContext.objects.get().pk) == expected


class Keeper(Agent[str]):
    """Remembers, looks things up, and is told so by its tools."""

    name = "keeper"
    memory = Memory(facts=True, tools=("remember", "recall"))
    knowledge = Knowledge("handbook", mode="tool")


@pytest.mark.parametrize(
    ("given", "left", "kept"),
    [
        ({}, set(), 1),
        ({"memory": False}, {"remember", "recall"}, 0),
        ({"knowledge": False}, {"search_knowledge"}, 1),
    ],
    ids=["neither", "memory", "knowledge"],
)
def test_its_tools_are_not_offered_and_not_run(
    agents: AgentsKit, given: dict[str, bool], left: set[str], kept: int
) -> None:
    """An LLM that calls what it was not offered is told so, whatever rules say of the tool."""
    with registry.override(Keeper):
        llm = agents.scripted_llm(Keeper, calls("remember", text="Likes tea."), "Done.")
        run = start_run(Keeper, "x", user=office.person("ann"), **given)  # type: ignore[arg-type]
        agents.run_until_idle()
    every = {"remember", "recall", "search_knowledge", "ask_user"}
    assert {each.name for each in llm.requests[0].functions} == every - left
    assert (Fact.objects.count(), run.again().status) == (kept, "completed")
    context = AgentContext.objects.select_related("details").get(pk=run.id)
    code = Code(hash=definition_of(Keeper).hash, facts=definition_of(Keeper).facts, own_instructions=False)
    code = replace(code, facts={**code.facts, "parameters": {}})
    assert {each.name for each in sent_in(context, 1, sensitive=False, code=code).request.functions} == every - left
