"""Reading replies: whatever is wrong with one becomes a text that the LLM reads next."""

from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils.translation import override
from pydantic import BaseModel

from agents_app import Agent
from agents_app.core.canonical import digest
from agents_app.core.transcript import LLMReply, ProposedCall, Thought
from agents_app.definitions.registry import definition_of
from agents_app.models.sealing import HIDDEN, unseal
from agents_app.runtime.replies import Turn, read_reply
from tests.office import Clerk

RUN = uuid4()


class Size(BaseModel):
    size: int


class Tailor(Agent[Size]):
    name = "tailor"


def read(*calls: tuple[str, str, str], text: str = "", agent: Any = Clerk, **given: Any) -> Turn:
    proposed = tuple(ProposedCall(id=id_, name=name, arguments=arguments) for id_, name, arguments in calls)
    return read_reply(RUN, definition_of(agent), LLMReply(text=text, calls=proposed, **given))


def problem(turn: Turn, place: int = 0) -> tuple[str, str]:
    found = turn.proposals[place].problem
    assert found is not None
    return found


def test_a_text_is_the_answer() -> None:
    turn = read(text="Hello\x00")
    assert turn.answered
    assert turn.response["answer"] == "Hello\ufffd"


def test_what_is_wrong_is_said_once() -> None:
    _code, text = problem(read(("c1", "pay", '{"to": 5, "amount": "x"}')))
    assert text.count("to: ") == text.count("amount: ") == 1
    correction = read(text="{}", agent=Tailor).response["correction"]
    assert correction == "This is not a valid answer. size: Field required"


@pytest.mark.parametrize("text", ["", "  \n"])
def test_nothing_at_all(text: str) -> None:
    turn = read(text=text)
    assert not turn.answered
    assert "empty" in turn.response["correction"]


def test_a_call_is_stored_as_canonical_text_with_its_digest() -> None:
    turn = read(("c1", "pay", '{"amount": 1.50, "to": "A\\u0000"}'), text="I pay.")
    (proposal,) = turn.proposals
    tool = definition_of(Clerk).tools["pay"]
    assert proposal.problem is None
    assert proposal.arguments == '{"amount":"1.5","to":"A\ufffd"}'
    assert proposal.digest == digest(RUN, proposal.id, "pay", tool.schema_hash, proposal.arguments)
    assert turn.response["calls"] == [{"id": "c1", "name": "pay", "kind": "tool", "ref": str(proposal.id)}]
    assert turn.say == "I pay."
    assert not turn.answered


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("fly", "{}", "unknown_tool"),
        ("pay", "{", "invalid_arguments"),
        ("pay", "[]", "invalid_arguments"),
        ("pay", "", "invalid_arguments"),
        ("pay", '{"to": "A"}', "invalid_arguments"),
        ("pay", '{"to": "A", "amount": "NaN"}', "invalid_arguments"),
        ("pay", "[" * 100_000, "invalid_arguments"),
    ],
)
def test_calls_that_cannot_be_made(name: str, arguments: str, code: str) -> None:
    turn = read(("c1", name, arguments))
    assert problem(turn)[0] == code
    assert problem(turn)[1]
    assert len(turn.proposals[0].arguments) <= 10_000


def test_an_llm_reads_english_whatever_the_language_of_the_site() -> None:
    with override("de"):
        turn = read(("c1", "pay", '{"to": 1}'))
    assert "Input should be a valid string" in problem(turn)[1]


def test_an_unknown_tool_is_told_which_there_are() -> None:
    assert "pay" in problem(read(("c1", "fly", "{}")))[1]


def test_two_calls_with_one_id_and_calls_without() -> None:
    call = '{"text": "x"}'
    turn = read(("c1", "send", call), ("c1", "send", call), ("", "send", call), ("", "send", call))
    ids = [proposal.provider_id for proposal in turn.proposals]
    assert len(set(ids)) == 4
    assert [entry["id"] for entry in turn.response["calls"]] == ids


def test_too_many_calls() -> None:
    turn = read(*[(f"c{number}", "look", '{"number": "1"}') for number in range(500)])
    assert "500 calls" in turn.response["correction"]
    assert turn.proposals == []


def test_a_reply_of_ten_megabytes() -> None:
    for turn in (read(text="x" * 10_000_000), read(("c1", "send", "x" * 10_000_000))):
        assert not turn.answered
        assert turn.proposals == []
        assert "at most 1000000" in turn.response["correction"]
        assert len(str(turn.response)) < 20_000


def test_limits_are_settings() -> None:
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "REPLY_LIMIT": 3, "CALLS_PER_TURN": 1}):
        assert "correction" in read(text="four").response
        assert "correction" in read(("a", "fly", ""), ("b", "fly", "")).response


def test_thoughts_are_kept() -> None:
    turn = read(text="x", thoughts=(Thought(text="hm\x00", signature="s"),))
    assert turn.response["thoughts"] == [{"text": "hm\ufffd", "signature": "s", "provider": None, "id": None}]


# Structured answers.


def test_a_structured_answer() -> None:
    turn = read(("c1", "final_answer", '{"size": 3}'), agent=Tailor)
    assert turn.answered
    assert turn.response["answer"] == {"size": 3}


@pytest.mark.parametrize("arguments", ['{"size": "big"}', "{", '"x"'])
def test_an_invalid_answer_goes_back(arguments: str) -> None:
    turn = read(("c1", "final_answer", arguments), agent=Tailor)
    assert not turn.answered
    assert "Not accepted" in turn.response["calls"][0]["error"]


def test_a_text_is_no_structured_answer() -> None:
    turn = read(text="three", agent=Tailor)
    assert not turn.answered
    assert "not a valid answer" in turn.response["correction"]


def test_an_answer_comes_alone() -> None:
    turn = read(("c1", "final_answer", '{"size": 3}'), ("c2", "fly", "{}"), agent=Tailor)
    assert not turn.answered
    assert "alone" in turn.response["calls"][0]["error"]


def test_final_answer_is_no_function_where_plain_text_is_the_answer() -> None:
    assert problem(read(("c1", "final_answer", "{}")))[0] == "unknown_tool"


# Questions.


def test_a_question() -> None:
    turn = read(("c1", "ask_user", '{"question": "Which?", "schema": {"type": "string"}}'))
    (question,) = turn.questions
    assert (question.text, question.schema, question.provider_id) == ("Which?", {"type": "string"}, "c1")
    assert turn.response["calls"][0] | {"arguments": ""} == {
        "id": "c1",
        "name": "ask_user",
        "kind": "input",
        "ref": str(question.id),
        "arguments": "",
    }


@pytest.mark.parametrize(
    "arguments", ["{}", '{"question": " "}', '{"question": 3}', '{"question": "x", "schema": {"type": 3}}', "{"]
)
def test_questions_that_cannot_be_asked(arguments: str) -> None:
    turn = read(("c1", "ask_user", arguments))
    assert turn.questions == []
    assert turn.response["calls"][0]["error"]


# Secrets.


def test_sensitive_arguments_are_masked_and_sealed() -> None:
    turn = read(("c1", "sign_in", '{"account": "ada", "password": "hunter2"}'))
    (proposal,) = turn.proposals
    assert proposal.arguments == f'{{"account":"ada","password":"{HIDDEN}"}}'
    assert unseal(proposal.sealed) == '{"account":"ada","password":"hunter2"}'
    assert "hunter2" not in str(turn)


@pytest.mark.parametrize(
    "arguments", ['{"password": "hunter2"}', '{"account": 1, "password": ["hunter2"]}', '{"x": "hunter2']
)
def test_broken_sensitive_arguments_are_not_kept(arguments: str) -> None:
    turn = read(("c1", "sign_in", arguments))
    assert problem(turn)[0] == "invalid_arguments"
    assert "hunter2" not in str(turn)
