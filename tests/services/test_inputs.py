"""Answering the agent's questions."""

from typing import Any

import pytest
from django.test import override_settings

from agents_app.core.status import InputStatus, RunStatus
from agents_app.exceptions import AlreadyDecided, Expired, InvalidInput, NotFound, NotPermitted, WrongState
from agents_app.models import InputRequest
from agents_app.services import SYSTEM, Run, answer_input, cancel_run, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db
SCHEMA = {"type": "object", "properties": {"size": {"enum": ["S", "M"]}}, "required": ["size"]}


def asking(agents: AgentsKit, schema: Any = None, user: Any = None) -> tuple[Run[str], InputRequest, list[Any]]:
    heard: list[Any] = []

    def answer(request: Any) -> str:
        heard.append(request.messages[-1])
        return "Thanks."

    question = {"question": "Which?", **({"schema": schema} if schema else {})}
    agents.scripted_llm(Clerk, calls("ask_user", **question), answer)
    run = start_run(Clerk, "x", user=user)
    agents.run_until_idle()
    assert run.again().status is RunStatus.WAITING_FOR_INPUT
    return run, office.question_of(run), heard


def test_the_owner_answers_and_the_llm_reads_it(agents: AgentsKit) -> None:
    olga = office.person("olga")
    run, question, heard = asking(agents, user=olga)
    answered = answer_input(question.pk, "the red one\x00", by=olga)
    assert (answered.status, answered.answered_by, answered.answered_by_name) == (InputStatus.ANSWERED, olga, "olga")
    agents.run_until_idle()
    agents.assert_completed(run, "Thanks.")
    assert heard[0].content == '"the red one\N{REPLACEMENT CHARACTER}"'
    assert not heard[0].failed


def test_who_may_answer(agents: AgentsKit) -> None:
    _, question, _ = asking(agents, user=office.person("olga"))
    with pytest.raises(NotFound):
        answer_input(question.pk, "x", by=office.person("pat"))
    with pytest.raises(NotPermitted):
        answer_input(question.pk, "x", by=office.person("vera", "agents_app.view_inputrequest"))
    staff = office.person("anna", "agents_app.answer_inputrequest")
    assert answer_input(question.pk, "x", by=staff).answered_by == staff


@pytest.mark.parametrize("answer", ["", " ", None, 7, {"x": 1}])
def test_without_a_schema_the_answer_is_a_text(agents: AgentsKit, answer: Any) -> None:
    _, question, _ = asking(agents)
    with pytest.raises(InvalidInput):
        answer_input(question.pk, answer, by=SYSTEM)


@pytest.mark.parametrize("answer", ["S", {}, {"size": "XL"}, {"size": float("nan")}, object()])
def test_an_answer_fits_the_questions_schema(agents: AgentsKit, answer: Any) -> None:
    _, question, _ = asking(agents, SCHEMA)
    with pytest.raises(InvalidInput):
        answer_input(question.pk, answer, by=SYSTEM)
    assert answer_input(question.pk, {"size": "M"}, by=SYSTEM).answer == {"size": "M"}


def test_errors_say_where(agents: AgentsKit) -> None:
    _, question, _ = asking(agents, SCHEMA)
    with pytest.raises(InvalidInput) as caught:
        answer_input(question.pk, {"size": "XL"}, by=SYSTEM)
    assert caught.value.code == "invalid_answer"
    assert caught.value.details["errors"][0]["path"] == ["size"]


def test_the_same_answer_is_repeated_without_effect_and_another_is_told_who_was_first(agents: AgentsKit) -> None:
    olga = office.person("olga")
    run, question, _ = asking(agents, user=olga)
    answer_input(question.pk, "red", by=olga)
    version = run.again().version
    answer_input(question.pk, "red", by=olga)
    assert run.again().version == version
    with pytest.raises(AlreadyDecided, match="olga has answered"):
        answer_input(question.pk, "blue", by=olga)


def test_a_withdrawn_question_takes_no_answer_not_even_none(agents: AgentsKit) -> None:
    run, question, _ = asking(agents, {"type": ["null", "string"]})
    cancel_run(run.id, by=SYSTEM)
    with pytest.raises(WrongState, match="withdrawn"):
        answer_input(question.pk, None, by=SYSTEM)


def test_an_answer_after_its_time_is_refused_and_the_llm_is_told(agents: AgentsKit) -> None:
    waiting = {"EXECUTOR": "agents_app.testing.executor.WaitingExecutor", "INPUT_EXPIRES_SECONDS": 60}
    with override_settings(AGENTS_APP=waiting):
        run, question, heard = asking(agents)
    with agents.move_time(61):
        with pytest.raises(Expired):
            answer_input(question.pk, "x", by=SYSTEM)
        agents.run_until_idle()
        with pytest.raises(Expired):
            answer_input(question.pk, "x", by=SYSTEM)
    agents.assert_completed(run)
    assert heard[0].failed
    assert "not answered" in heard[0].content


def test_an_answer_that_could_not_be_shown_again_is_refused(agents: AgentsKit) -> None:
    _, question, _ = asking(agents, {"type": "object"})
    deep: Any = {}
    for _ in range(300):
        deep = {"in": deep}
    with pytest.raises(InvalidInput, match="at most 64 deep"):
        answer_input(question.pk, deep, by=SYSTEM)
