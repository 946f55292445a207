"""What an author may say of memory and knowledge, and what is wrong with it."""

from typing import Any

import pytest
from pydantic import BaseModel

from agents_app import Agent, Knowledge, Memory
from agents_app.definitions.inspection import inspect_agent

pytestmark = pytest.mark.once


class Notes(BaseModel):
    text: str = ""


def agent_with(**options: Any) -> type[Agent[str]]:
    return type("Plain", (Agent,), {"name": "plain", "__doc__": "Plain.", **options})


def hash_of(**options: Any) -> str:
    definition = inspect_agent(agent_with(**options)).definition
    assert definition is not None
    return definition.hash


def test_both_are_part_of_the_definition() -> None:
    definition = inspect_agent(
        agent_with(memory=Memory(conversation=True, working=Notes), knowledge=Knowledge("handbook"))
    ).definition
    assert definition is not None
    assert definition.memory == Memory(conversation=True, working=Notes)
    assert definition.knowledge == (Knowledge("handbook"),)
    assert definition.is_briefed
    assert definition.briefing_timeout == 20.0


def test_the_hash_changes_with_them_and_with_nothing_else() -> None:
    plain = hash_of()
    assert hash_of(memory=None, knowledge=None) == plain
    assert hash_of(knowledge=()) == plain
    hashes = {
        plain,
        hash_of(memory=Memory()),
        hash_of(memory=Memory(conversation=True)),
        hash_of(memory=Memory(working=Notes)),
        hash_of(memory=Memory(working=True)),
        hash_of(knowledge=Knowledge("handbook")),
        hash_of(knowledge=[Knowledge("handbook"), Knowledge("laws", top_k=2)]),
    }
    assert len(hashes) == 7


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"conversation": "yes"}, "`conversation`"),
        ({"working": dict}, "`working`"),
        ({"tools": ("remember", "refund")}, "`tools`"),
        ({"tools": "remember"}, "`tools`"),
        ({"tokens": 10}, "`tokens`"),
        ({"tokens": True}, "`tokens`"),
        ({"recall": -1}, "`recall`"),
        ({"on_error": "ignore"}, "`on_error`"),
        ({"timeout": 0}, "`timeout`"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_a_wrong_memory_is_a_problem_that_says_what_to_do(given: dict[str, Any], named: str) -> None:
    problems = inspect_agent(agent_with(memory=Memory(**given))).problems
    assert [problem.message for problem in problems] == ["`memory` is not valid."]
    assert named in problems[0].hint


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (Knowledge(), "collections"),
        (Knowledge(""), "collections"),
        (Knowledge("a", top_k=0), "`top_k`"),
        (Knowledge("a", mode="always"), "`mode`"),  # type: ignore[arg-type]
        (Knowledge("a", search="words"), "`search`"),  # type: ignore[arg-type]
        (Knowledge("a", filters={"x": object()}), "`filters`"),
        (Knowledge("a", on_error="no"), "`on_error`"),  # type: ignore[arg-type]
        (Knowledge("a", timeout=-1), "`timeout`"),
        ("handbook", "Knowledge("),
        (["handbook"], "Knowledge("),
    ],
    ids=["none", "empty", "top_k", "mode", "search", "filters", "on_error", "timeout", "text", "texts"],
)
def test_wrong_knowledge_is_a_problem_that_says_what_to_do(given: Any, named: str) -> None:
    problems = inspect_agent(agent_with(knowledge=given)).problems
    assert [problem.message for problem in problems] == ["`knowledge` is not valid."]
    assert named in problems[0].hint


def test_memory_that_is_none_of_ours_is_refused() -> None:
    assert "Memory(conversation=True)" in inspect_agent(agent_with(memory=True)).problems[0].hint


def test_all_tools_or_those_that_are_named() -> None:
    assert Memory(tools=True).tool_names == ("remember", "recall", "forget", "update_working_memory")
    assert Memory(tools=["recall"]).tool_names == ("recall",)
    assert Memory().tool_names == ()
