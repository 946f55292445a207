"""What people and code hand to the commands: each wrong thing has its own error, and nothing has happened."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from agents_app import services
from agents_app.definitions.registry import registry
from agents_app.exceptions import (
    AgentsError,
    AlreadyDecided,
    IdempotencyConflict,
    InsideTransaction,
    InvalidArguments,
    InvalidInput,
    NotFound,
    NotPermitted,
    UnknownAgent,
    WrongState,
)
from agents_app.models import AgentContext
from agents_app.services import Run, start_run
from agents_app.testing import approve_pending, calls, reject_pending, run_until_idle
from tests import office
from tests.office import Clerk
from tests.scenarios.checks import assert_sound

Started = Callable[..., Run[str]]
PAY = calls("pay", to="Ann", amount=120)


def test_an_unknown_agent_names_those_that_exist() -> None:
    with pytest.raises(UnknownAgent, match="clerk"):
        start_run("nobody", "go")
    with registry.override(), pytest.raises(UnknownAgent):
        start_run(Clerk, "go")
    assert not AgentContext.objects.exists()


WRONG_STARTS: dict[str, dict[str, Any]] = {
    "empty input": {"input": " "},
    "no text": {"input": 7},
    "too long an input": {"input": "x" * 1_000_001},
    "metadata that are no JSON": {"metadata": {"a": object()}},
    "metadata with NaN": {"metadata": {"a": float("nan")}},
    "metadata that are no object": {"metadata": [1]},
    "an empty session": {"session": "  "},
    "too long a session": {"session": "x" * 201},
    "an empty key": {"idempotency_key": ""},
    "too long a key": {"idempotency_key": "x" * 201},
}


@pytest.mark.parametrize("name", WRONG_STARTS)
def test_a_run_that_cannot_be_started(name: str) -> None:
    with pytest.raises(InvalidInput):
        start_run(Clerk, **{"input": "go", **WRONG_STARTS[name]})
    assert not AgentContext.objects.exists()


def test_odd_characters_in_what_is_given_are_replaced(started: Started) -> None:
    run = start_run(Clerk, "a\x00b\ud800", metadata={"k\x00": "v\x00"}, session="s\x00", idempotency_key="k\x00")
    context = office.context_of(run)
    assert context.details.input == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
    assert context.details.metadata == {"k\N{REPLACEMENT CHARACTER}": "v\N{REPLACEMENT CHARACTER}"}


def test_a_key_used_before_with_another_input() -> None:
    first = start_run(Clerk, "go", idempotency_key="k")
    assert start_run(Clerk, "go", idempotency_key="k").id == first.id
    with pytest.raises(IdempotencyConflict):
        start_run(Clerk, "stop", idempotency_key="k")


def test_driving_here_is_refused_inside_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(InsideTransaction):
        services.run_and_wait(Clerk, "go")


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"to": "Ann", "amount": "much"}, "amount"),
        ({"to": "Ann"}, "amount"),
        ({"to": "Ann", "amount": 5, "more": 1}, "more"),
        ({"to": {"a": 1}, "amount": 5}, "to"),
        ({"to": "Ann", "amount": float("nan")}, "amount"),
        ({"to": "Ann", "amount": "1e999"}, ""),
        ([], ""),
        ("x", ""),
    ],
)
def test_an_approver_s_arguments_that_break_the_schema(started: Started, dora: Any, arguments: Any, path: str) -> None:
    run = started(PAY, "Done.")
    request = office.request_of(run)
    with pytest.raises(InvalidArguments) as refusal:
        services.approve(request.pk, by=dora, digest=request.digest, arguments=arguments)
    assert [path] == [error["path"][0] if error["path"] else "" for error in refusal.value.errors][:1]
    assert run.again().status == "waiting_for_approval"
    run_until_idle()
    assert office.done == []
    assert_sound(run)


COMMANDS: dict[str, Callable[[Any, Any], Any]] = {
    "approve": lambda key, by: services.approve(key, by=by, digest="d"),
    "reject": lambda key, by: services.reject(key, by=by, reason="no"),
    "make_grant": lambda key, by: services.make_grant(key, by=by, scope="agent", conditions="any", expires_at="never"),
    "revoke_grant": lambda key, by: services.revoke_grant(key, by=by),
    "settle": lambda key, by: services.settle_outcome(key, "happened", by=by),
    "answer": lambda key, by: services.answer_input(key, "yes", by=by),
    "cancel": lambda key, by: services.cancel_run(key, by=by),
    "pause": lambda key, by: services.pause_run(key, by=by),
    "resume": lambda key, by: services.resume_run(key, by=by),
    "retry": lambda key, by: services.retry_run(key, by=by),
}


NOWHERE: dict[str, Any] = {
    "another": UUID(int=7),
    "another in text": str(UUID(int=7)),
    "no id": "no id",
    "empty": "",
    "none": None,
    "a number": 7,
    "NUL": "\x00",
    "long": "1" * 5000,
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("what", NOWHERE)
def test_an_id_that_names_nothing(dora: Any, name: str, what: str) -> None:
    with pytest.raises(NotFound):
        COMMANDS[name](NOWHERE[what], dora)


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_somebody_else_s_is_not_there(started: Started, dora: Any, carl: Any, name: str) -> None:
    run = started([PAY, calls("ask_user", question="Which?")], "Done.", user=dora)
    keys = {
        "approve": office.request_of(run).pk,
        "reject": office.request_of(run).pk,
        "make_grant": office.request_of(run).pk,
        "settle": office.call_of(run).pk,
        "answer": office.question_of(run).pk,
    }
    before = run.again()
    with pytest.raises(NotFound):
        COMMANDS[name](keys.get(name, run.id), carl)
    assert run.again() == before


def test_what_one_may_see_but_not_do(started: Started, carl: Any) -> None:
    run = started(PAY, "Done.", user=carl)
    request = office.request_of(run)
    for refused in (
        lambda: services.approve(request.pk, by=carl, digest=request.digest),
        lambda: services.reject(request.pk, by=carl, reason="no"),
        lambda: services.pause_run(run.id, by=carl),
        lambda: services.retry_run(run.id, by=carl),
    ):
        with pytest.raises(NotPermitted):
            refused()
    services.cancel_run(run.id, by=carl)
    assert run.again().status == "cancelled"


def test_a_decision_on_what_is_decided_or_withdrawn(started: Started, dora: Any) -> None:
    run = started([PAY, calls("order", what="paper")], "Done.")
    decided = reject_pending(run, by=dora, tool="pay")
    with pytest.raises(AlreadyDecided):
        services.approve(decided.pk, by=dora, digest=decided.digest)
    withdrawn = office.request_of(run)
    services.cancel_run(run.id, by=dora)
    with pytest.raises(WrongState):
        services.approve(withdrawn.pk, by=dora, digest=withdrawn.digest)
    assert_sound(run)


def test_a_rejection_needs_a_reason(started: Started, dora: Any) -> None:
    run = started(PAY, "Done.")
    for reason in ("", "  ", "\n"):
        with pytest.raises(AgentsError) as refusal:
            reject_pending(run, by=dora, reason=reason)
        assert refusal.value.code == "reason_required"


def test_what_people_write_is_cleaned(started: Started, dora: Any) -> None:
    run = started([PAY, calls("order", what="paper")], "Done.")
    reject_pending(run, by=dora, tool="pay", reason="No\x00\ud800")
    approve_pending(run, by=dora, tool="order", reason="Yes\x00", arguments={"what": "ink\x00"})
    run_until_idle()
    assert office.done == [("order", "ink\N{REPLACEMENT CHARACTER}")]
    assert run.again().status == "completed"


def test_an_ended_run_takes_no_more_orders(started: Started, dora: Any) -> None:
    run = started("Done.")
    for name in ("cancel", "pause", "resume", "retry"):
        with pytest.raises(WrongState):
            COMMANDS[name](run.id, dora)
    assert run.again() == run
