"""The conversation, built from the rows."""

from typing import Any

import pytest

from agents_app.core.transcript import AssistantMessage, CallResult, Correction, UserMessage
from agents_app.selectors.transcript import arguments_of, messages_of
from agents_app.services import SYSTEM, Run, answer_input, approve, reject, start_run
from agents_app.testing import AgentsKit, calls, raw_call, turn
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db


def played(agents: AgentsKit, *turns: Any) -> Run[Any]:
    agents.scripted_llm(Clerk, *turns)
    run = start_run(Clerk, "Do it.")
    agents.run_until_idle()
    return run


def results(run: Run[Any]) -> list[CallResult]:
    return [each for each in messages_of(office.context_of(run)) if isinstance(each, CallResult)]


def test_it_begins_with_the_input_and_every_call_has_its_result(agents: AgentsKit) -> None:
    run = played(agents, turn("I look.", [calls("look", number="1"), calls("look", number="2")]), "Done.")
    messages = messages_of(office.context_of(run))
    assert messages[0] == UserMessage(text="Do it.")
    first, *told, last = messages[1:]
    assert isinstance(first, AssistantMessage)
    assert (first.text, [call.arguments for call in first.calls]) == ("I look.", ['{"number":"1"}', '{"number":"2"}'])
    assert [each.call_id for each in told if isinstance(each, CallResult)] == [call.id for call in first.calls]
    assert last == AssistantMessage(text="Done.")
    assert results(run)[0].content == '"look: 1"'


def test_what_the_llm_is_told(agents: AgentsKit) -> None:
    run = played(
        agents,
        [
            calls("pay", to="Ada", amount="99"),
            calls("pay", to="Bob", amount="98"),
            calls("ask_user", question="Which?"),
            raw_call("fly", "{}"),
            raw_call("pay", '{"to": 1}'),
            raw_call("ask_user", "{}"),
        ],
        "Done.",
    )
    first, second = run_requests(run)
    dora = office.decider()
    approve(first.pk, by=dora, digest=first.digest, arguments={"to": "Ada", "amount": "50"})
    reject(second.pk, by=dora, reason="Bob has left.")
    answer_input(office.question_of(run).pk, "red", by=SYSTEM)
    agents.run_until_idle()
    edited, rejected, answered, unknown, invalid, question = results(run)
    assert "changed the arguments" in edited.content
    assert '"amount":"50"' in edited.content
    assert (rejected.failed, "Bob has left." in rejected.content) == (True, True)
    assert (answered.content, answered.failed) == ('"red"', False)
    assert unknown.failed
    assert "There is no function fly" in unknown.content
    assert invalid.failed
    assert question.failed
    proposed = next(each for each in messages_of(office.context_of(run)) if isinstance(each, AssistantMessage))
    assert proposed.calls[0].arguments == '{"amount":"99","to":"Ada"}'


def run_requests(run: Run[Any]) -> list[Any]:
    return list(office.context_of(run).approvals.order_by("call__number"))


def test_an_unusable_reply_is_followed_by_a_correction(agents: AgentsKit) -> None:
    run = played(agents, "", "Done.")
    assert any(isinstance(each, Correction) for each in messages_of(office.context_of(run)))
    agents.assert_completed(run)


def test_sensitive_arguments_are_opened_only_on_request(agents: AgentsKit) -> None:
    run = played(agents, calls("sign_in", account="ada", password="hunter2"), "Done.")
    call, context = office.call_of(run), office.context_of(run)
    assert arguments_of(call, sensitive=False) == {"account": "ada", "password": "***"}
    assert arguments_of(call, sensitive=True) == {"account": "ada", "password": "hunter2"}
    assert "hunter2" in str(messages_of(context))
    assert "hunter2" not in str(messages_of(context, sensitive=False))


def test_arguments_that_never_fitted_come_as_the_llms_own_text(agents: AgentsKit) -> None:
    run = played(agents, raw_call("pay", "{"), "Done.")
    assert arguments_of(office.call_of(run), sensitive=True) == "{"
