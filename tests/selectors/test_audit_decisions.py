"""The hash chain holds every word of a person, and what the kill switch refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import QuerySet

from agents_app import Agent, Approvers, override_llm, tool
from agents_app.definitions.registry import registry
from agents_app.definitions.resolvers import resolvers
from agents_app.models import AgentContext, ApprovalRequest, Decision, NamedApprover, ToolCall
from agents_app.selectors.audit import verify_runs
from agents_app.selectors.chains import Finding, Problem
from agents_app.services import (
    SYSTEM,
    Origin,
    approve,
    claim_request,
    reject,
    release_request,
    send_back,
    settle_outcome,
    start_run,
    switch_off,
)
from agents_app.testing import calls, run_until_idle, script
from tests import office

pytestmark = pytest.mark.django_db

ORIGIN = Origin(door="rest", address="10.1.2.3")


class Bank(Agent[str]):
    """Whose calls people decide on in all ways there are."""

    name = "bank"

    @tool(effect="external", requires_approval=True)
    def wire(self, text: str) -> str:
        """Send money."""
        return str(1 // (text != "odd"))

    @tool(effect="read", requires_approval=True, approvers=Approvers(resolver="owner", quorum=2))
    def two(self, text: str) -> str:
        """Two of those who are named."""
        return text


@pytest.fixture(autouse=True)
def people() -> Iterator[dict[str, Any]]:
    found = {name: office.person(name, "agents_app.decide_approvalrequest") for name in ("ann", "ben")}
    with registry.override(Bank), resolvers.override(owner=lambda *_: list(found.values())):
        yield found


def ask(name: str, text: str = "a") -> ApprovalRequest:
    with override_llm(Bank, script(calls(name, text=text), "Done.")):
        run = start_run(Bank, "go")
        run_until_idle()
    return office.request_of(run)


def go_on() -> None:
    with override_llm(Bank, script("Done.")):
        run_until_idle()


def findings() -> list[Finding]:
    return [found for found in verify_runs(AgentContext.objects.all(), until=None) if found is not None]


def endorsed(people: dict[str, Any]) -> None:
    request = ask("two")
    approve(request.pk, by=people["ann"], digest=request.digest, origin=ORIGIN)


def sent_back(people: dict[str, Any]) -> None:
    request = ask("wire")
    send_back(request.pk, by=people["ann"], instructions="Less.", origin=ORIGIN)


def rejected(people: dict[str, Any]) -> None:
    request = ask("wire")
    claim_request(request.pk, by=people["ann"])
    release_request(request.pk, by=people["ann"])
    reject(request.pk, by=people["ann"], reason="No.", origin=ORIGIN)


def edited(people: dict[str, Any]) -> None:
    request = ask("wire")
    approve(request.pk, by=people["ann"], digest=request.digest, arguments={"text": "b"}, origin=ORIGIN)
    approve(request.pk, by=people["ben"], digest=Decision.objects.get().digest, origin=ORIGIN)


def given_up(people: dict[str, Any]) -> None:
    request = ask("wire", "odd")
    approve(request.pk, by=people["ann"], digest=request.digest, origin=ORIGIN)
    go_on()
    sven = office.person("sven", "agents_app.settle_toolcall")
    settle_outcome(request.call_id, "give_up", by=sven, reason="Nobody knows.", origin=ORIGIN)


WORDS = {
    "endorsed": endorsed,
    "sent_back": sent_back,
    "rejected": rejected,
    "edited": edited,
    "give_up": given_up,
}


@pytest.mark.parametrize("word", WORDS)
def test_each_word_is_held_with_person_door_address_reason_and_digests(word: str, people: dict[str, Any]) -> None:
    WORDS[word](people)
    go_on()
    assert findings() == []
    decision = Decision.objects.get(verdict=word)
    assert (decision.door, decision.address) == ("rest", "10.1.2.3")
    assert all((decision.user_name, decision.decided_at, decision.digest_shown, decision.digest))
    changes = ({"user_name": "mallory"}, {"door": "code"}, {"address": None}, {"reason": "x"}, {"digest": "0" * 64})
    for change in changes:
        QuerySet(Decision).filter(pk=decision.pk).update(**change)
        (found,) = findings()
        assert (found.problem, str(decision.pk) in found.row) == (Problem.CHANGED, True), change
        QuerySet(Decision).filter(pk=decision.pk).update(**{name: getattr(decision, name) for name in change})
    assert findings() == []


def test_what_the_kill_switch_refused_is_held(people: dict[str, Any]) -> None:
    request = ask("wire")
    approve(request.pk, by=people["ann"], digest=request.digest)
    switch_off(by=SYSTEM, reason="Fire.")
    go_on()
    call = ToolCall.objects.get()
    assert (call.status, call.error_code, findings()) == ("rejected", "switched_off", [])
    ToolCall.objects.filter(pk=call.pk).update(error_code="rejected")
    assert [(found.problem, str(call.pk) in found.row) for found in findings()] == [(Problem.CHANGED, True)]


def test_whom_a_resolver_named_is_held(people: dict[str, Any]) -> None:
    ask("two")
    assert (NamedApprover.objects.count(), findings()) == (2, [])
    NamedApprover.objects.filter(person_name="ann").update(person_name="mallory")
    assert [found.problem for found in findings()] == [Problem.CHANGED]
