"""Memory of one user never reaches another's run, a cut transcript stays valid: both go red when the guard is out."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from agents_app.core.budgets import tokens_of
from agents_app.core.fitting import apply_cut, fit
from agents_app.core.transcript import AssistantMessage, CallResult, Message, ProposedCall, UserMessage
from agents_app.definitions.briefing import Question
from agents_app.definitions.memory import Memory
from agents_app.memory.briefing import brief
from agents_app.models import AgentContext, AgentSession
from agents_app.models.fields import uuid7
from tests import office
from tests.core.test_fitting import assert_valid
from tests.memory.talks import long_talk
from tests.promises.mutants import Mutant, mutant

pytestmark = pytest.mark.django_db


def told(user: Any, session: AgentSession) -> str:
    """What a new run of this user is told in this session."""
    question = Question(
        run_id=uuid7(),
        agent="host",
        user_id=None if user is None else user.pk,
        session_id=session.pk,
        input="x",
        memory=Memory(conversation=True),
    )
    return repr(brief(question))


def test_nothing_of_another_user_is_told() -> None:
    ann, bob = office.person("ann"), office.person("bob")
    mine = long_talk(ann, runs=2)
    AgentContext.objects.update(user=bob)  # however that came about
    assert "Question" not in told(ann, mine)


def test_nothing_of_a_deleted_account_is_told() -> None:
    ann = office.person("ann")
    left = long_talk(ann, runs=2)
    get_user_model().objects.filter(pk=ann.pk).delete()
    assert "Question" not in told(None, left)


def test_hidden_and_erased_runs_are_not_told() -> None:
    ann = office.person("ann")
    session = long_talk(ann, runs=2)
    first, second = AgentContext.objects.order_by("pk")
    AgentContext.objects.filter(pk=first.pk).update(hidden_at=first.status_at)
    type(second.details).objects.filter(pk=second.pk).update(erased_at=second.status_at)
    assert "Question" not in told(ann, session)


def own_run() -> list[Message]:
    messages: list[Message] = [UserMessage(text="x")]
    for number in range(20):
        call = ProposedCall(id=f"c{number}", name="look", arguments="{}")
        messages += [AssistantMessage(calls=(call,)), CallResult(call_id=call.id, name="look", content="y" * 400)]
    return messages


def test_a_cut_transcript_is_valid_and_fits() -> None:
    messages = own_run()
    kept = apply_cut(messages, fit(messages, 0, 500))
    assert_valid(kept)
    assert sum(tokens_of(message) for message in kept) <= 500


CONVERSATION, FITTING = "agents_app.memory.conversation:", "agents_app.core.fitting:"
MUTANTS = [
    mutant(
        "a session is not asked for its user's runs",
        test_nothing_of_another_user_is_told,
        f"{CONVERSATION}earlier_runs",
        "found.filter(user_id=user_id) if",
        "found if",
    ),
    mutant(
        "whoever has no account gets what deleted ones left behind",
        test_nothing_of_a_deleted_account_is_told,
        f"{CONVERSATION}earlier_runs",
        'user=None, details__user_name=""',
        "user=None",
    ),
    mutant(
        "hidden runs are told",
        test_hidden_and_erased_runs_are_not_told,
        f"{CONVERSATION}earlier_runs",
        "hidden_at=None, ",
        "",
    ),
    mutant(
        "erased runs are told",
        test_hidden_and_erased_runs_are_not_told,
        f"{CONVERSATION}earlier_runs",
        ", details__erased_at=None",
        "",
    ),
    mutant(
        "a reply goes without its results",
        test_a_cut_transcript_is_valid_and_fits,
        f"{FITTING}_turns",
        "yield begun, place",
        "yield begun, begun + 1",
    ),
    mutant(
        "nothing is left out",
        test_a_cut_transcript_is_valid_and_fits,
        f"{FITTING}_Fitting._drop",
        "self._gone += ranges",
        "pass",
    ),
]


@pytest.mark.parametrize("broken", MUTANTS, ids=lambda broken: broken.name)
def test_it_goes_red_under(broken: Mutant) -> None:
    check: Callable[[], None] = broken.check
    with broken.applied(), pytest.raises(AssertionError):
        check()
