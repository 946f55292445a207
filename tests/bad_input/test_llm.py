"""An LLM that says what nobody can use: it is told so, or the run fails with a code; never is a run stuck."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from agents_app.core.transcript import AssistantMessage, Correction, LLMReply, LLMRequest, ProposedCall, Thought
from agents_app.exceptions import InvalidInput
from agents_app.models import InputRequest, ToolCall
from agents_app.services import Run
from agents_app.testing import answer_pending, calls, hang, raw_call, run_until_idle, turn
from tests import office
from tests.scenarios.checks import assert_sound

Started = Callable[..., Run[str]]
NOTHING = LLMReply()


def told(request: LLMRequest) -> str:
    """What the LLM reads last, as its answer."""
    last = request.messages[-1]
    return getattr(last, "content", None) or last.text  # type: ignore[union-attr]


def test_an_empty_reply_is_corrected(started: Started) -> None:
    run = started(NOTHING, told)
    assert run.output == "Your reply was empty. Answer, or call a function."
    assert_sound(run)


def test_nothing_but_empty_replies_ends_at_max_steps(started: Started) -> None:
    run = started(*[NOTHING] * 9, limits={"max_steps": 3})
    assert run.error is not None
    assert run.error[0] == "max_steps"
    assert_sound(run)


@pytest.mark.parametrize(
    "reply", [None, 7, LLMReply(text=None), LLMReply(calls=(ProposedCall(id="1", name="look", arguments=None),))]
)  # type: ignore[arg-type]
def test_a_reply_of_the_wrong_kind_fails_the_run(started: Started, agents: Any, reply: Any) -> None:
    class Odd:
        async def respond(self, request: LLMRequest, on_text: Any = None) -> Any:
            return reply

    run = started(Odd())
    assert run.error is not None
    assert run.error[0] == "llm_reply"
    assert_sound(run)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("{not json", "not valid JSON"),
        ("[1]", "must be a JSON object"),
        ("", "number"),
        ('{"number": {"a": 1}}', "number"),
        ('{"number": "1", "more": 2}', "more"),
        ('{"number": NaN}', "not valid JSON"),
        ('{"number": 1e999}', "not valid JSON"),
        pytest.param("[" * 20_000, "not valid JSON", id="deep"),
    ],
)
def test_arguments_that_do_not_fit_go_back_to_the_llm(started: Started, arguments: str, complaint: str) -> None:
    run = started(raw_call("look", arguments), told)
    assert complaint in str(run.output)
    assert office.done == []
    assert office.call_of(run).status == "rejected"
    assert_sound(run)


def test_an_unknown_tool_is_named_with_those_that_exist(started: Started) -> None:
    run = started(calls("fly", height=3), told)
    assert "There is no function fly." in str(run.output)
    assert "look" in str(run.output)
    assert_sound(run)


def test_the_name_of_a_tool_may_be_anything(started: Started) -> None:
    run = started(raw_call("\x00\ud800" + "x" * 5000, "{}"), "Done.")
    assert run.status == "completed"


@pytest.mark.parametrize(
    "ids",
    [("a", "a", "a"), ("a-3", "a", "a"), ("", "", "call-1"), ("x" * 400, "x" * 400, "")],
    ids=["one", "numbered", "empty", "long"],
)
def test_calls_of_one_id_are_told_apart(started: Started, ids: tuple[str, ...]) -> None:
    def results(request: LLMRequest) -> str:
        found = [message.call_id for message in request.messages if hasattr(message, "call_id")]
        assert len(found) == len(set(found)) == 3
        return "Done."

    wanted = [
        ProposedCall(id=each, name="look", arguments=json.dumps({"number": str(n)})) for n, each in enumerate(ids)
    ]
    run = started(LLMReply(calls=tuple(wanted)), results)
    assert run.output == "Done."
    assert sorted(value for _, value in office.done) == ["0", "1", "2"]
    assert_sound(run)


def test_five_hundred_calls_in_one_turn_are_refused_together(started: Started) -> None:
    run = started([calls("look", number=str(number)) for number in range(500)], told)
    assert "500 calls at once" in str(run.output)
    assert office.done == []
    assert not ToolCall.objects.exists()
    assert_sound(run)


def test_ten_megabytes_are_refused_and_not_kept(started: Started) -> None:
    def correction(request: LLMRequest) -> str:
        replies = [message for message in request.messages if isinstance(message, AssistantMessage)]
        assert len(replies[0].text) <= 10_000
        assert isinstance(request.messages[-1], Correction)
        return told(request)

    run = started("x" * 10_000_000, correction)
    assert "10000000 characters" in str(run.output)


def test_ten_megabytes_of_arguments_or_thoughts_are_refused(started: Started) -> None:
    thoughts = LLMReply(text="a", thoughts=(Thought(text="x" * 10_000_000),))
    run = started(raw_call("look", json.dumps({"number": "x" * 10_000_000})), thoughts, told)
    assert "characters; at most" in str(run.output)
    assert office.done == []


def test_nul_and_lone_surrogates_in_the_answer_are_replaced(started: Started) -> None:
    run = started("a\x00b\ud800c")
    assert run.output == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"
    assert_sound(run)


@pytest.mark.parametrize("written", ['{"number": "a\x00b"}', '{"number": "a\\u0000b"}', '{"number": "a\\ud800b"}'])
def test_nul_and_lone_surrogates_in_arguments_are_replaced(started: Started, written: str) -> None:
    run = started(turn("x\x00", [raw_call("look", written, call_id="c\x00")]), "Done.")
    assert run.status == "completed"
    assert [value for _, value in office.done] in ([], ["a\N{REPLACEMENT CHARACTER}b"])  # a bare NUL is no JSON
    assert_sound(run)


@pytest.mark.parametrize(
    "arguments",
    [
        '{"question": "a\\u0000b\\ud800"}',
        '{"question": "a", "schema": {"type": "string", "title": "\\u0000"}}',
    ],
)
def test_a_question_with_odd_characters_can_be_asked(started: Started, carl: Any, arguments: str) -> None:
    run = started(raw_call("ask_user", arguments), "Done.", user=carl)
    assert run.status == "waiting_for_input"
    answer_pending(run, "yes", by=carl)
    run_until_idle()
    assert run.again().output == "Done."


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"question": " "},
        {"question": 3},
        {"question": "a", "schema": {"type": "nonsense"}},
        {"question": "a", "schema": True},
        {"question": "a", "schema": {"pattern": "("}},
        {"question": "a", "schema": {"$ref": "#"}},
        {"question": "a", "schema": "string"},
        {"question": "a", "schema": {"$ref": "http://127.0.0.1:1/secret"}},
        {"question": "a", "schema": {"properties": {"b": {"$ref": "#/$defs/missing"}}}},
    ],
)
def test_a_question_that_cannot_be_asked_goes_back(started: Started, carl: Any, arguments: dict[str, Any]) -> None:
    run = started(calls("ask_user", **arguments), told, user=carl)
    assert run.status == "completed"
    assert "question" in str(run.output) or "schema" in str(run.output)
    assert not InputRequest.objects.exists()


def test_an_answer_must_fit_the_schema_of_the_question(started: Started, carl: Any) -> None:
    run = started(calls("ask_user", question="Which?", schema={"enum": ["a", "b"]}), told, user=carl)
    for wrong in ("c", None, {"a": "b"}, float("nan"), object(), "x" * 200_000):
        with pytest.raises(InvalidInput):
            answer_pending(run, wrong, by=carl)
    assert run.again().status == "waiting_for_input"
    answer_pending(run, "a", by=carl)
    run_until_idle()
    assert run.again().output == '"a"'


def test_an_llm_that_hangs_is_asked_again(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents_app.runtime.llm_gate.GRACE_SECONDS", 0.0)
    tries: list[int] = []

    def first_hang(request: LLMRequest) -> Any:
        tries.append(1)
        return hang() if len(tries) == 1 else "Awake."

    run = started(first_hang, limits={"llm_timeout": 0.3})
    assert run.again().output == "Awake."
    assert_sound(run)


def test_an_llm_that_raises_anything_fails_the_run_with_a_code(started: Started) -> None:
    run = started(ZeroDivisionError("secret text"))
    assert run.error is not None
    assert run.error[0] == "llm_raised"
    assert "secret" not in run.error[1]
    assert_sound(run)
