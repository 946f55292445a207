"""Django's own record of what people did, so that the admin's History shows it, whatever door they took."""

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from agents_app.exceptions import AlreadyDecided, WrongState
from agents_app.models import ApprovalRequest, Decision, StandingGrant, database_now
from agents_app.services import (
    SYSTEM,
    Origin,
    approve,
    claim_request,
    delegate,
    delete_policy,
    make_grant,
    reassign_request,
    reject,
    release_request,
    revoke_delegation,
    revoke_grant,
    save_policy,
    send_back,
    settle_outcome,
    start_run,
    switch_off,
    switch_on,
)
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

pytestmark = pytest.mark.django_db

DOORS = ("admin", "rest", "websocket", "command", "link")


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


def asked(agents: AgentsKit) -> ApprovalRequest:
    agents.scripted_llm(Clerk, calls("pay", to="bob", amount="80"), "Done.")
    run = start_run(Clerk, "go")
    agents.run_until_idle()
    return office.request_of(run)


def entries(row: Any) -> list[str]:
    found = LogEntry.objects.filter(object_id=str(row.pk), content_type__model=row._meta.model_name)
    return [entry.change_message for entry in found.order_by("pk")]


def yes(request: ApprovalRequest, by: Any, **options: Any) -> ApprovalRequest:
    return approve(request.pk, by=by, digest=request.digest, **options)


@pytest.mark.parametrize("door", DOORS)
def test_a_decision_stands_on_the_request_and_on_the_run(agents: AgentsKit, door: str) -> None:
    request, dora = asked(agents), office.decider()
    for _ in range(2):  # the second is a repetition
        yes(request, dora, origin=Origin(door=door, address="10.1.2.3"))
    assert entries(request) == [f"approved ({door})"]
    assert entries(request.context) == [f"pay #1: approved ({door})"]
    assert {entry.user_id for entry in LogEntry.objects.all()} == {dora.pk}


def test_every_verdict_has_its_word(agents: AgentsKit) -> None:
    dora = office.decider()
    first, second, third, fourth = (asked(agents) for _ in range(4))
    reject(first.pk, by=dora, reason="Secret reason.")
    send_back(second.pk, by=dora, instructions="Less.")
    yes(third, dora, arguments={"to": "bob", "amount": "60"})
    ApprovalRequest.objects.filter(pk=fourth.pk).update(four_eyes=True)
    yes(fourth, dora, arguments={"to": "bob", "amount": "60"})
    said = [entries(request) for request in (first, second, third, fourth)]
    words = ["rejected", "sent back", "approved with changes", "proposed other arguments"]
    assert said == [[f"{word} (code)"] for word in words]
    assert not LogEntry.objects.filter(change_message__contains="Secret").exists(), "who reads it may not know why"


def test_an_outcome_stands_on_the_call_and_on_the_run(agents: AgentsKit) -> None:
    office.behaviour["send"] = lambda *_: 1 / 0
    agents.scripted_llm(Clerk, calls("send", text="bye"), "Done.")
    run = start_run(Clerk, "go")
    agents.run_until_idle()
    call = office.call_of(run)
    settle_outcome(call.pk, "give_up", by=office.person("sven", "agents_app.settle_toolcall"), reason="lost")
    assert (entries(call), entries(call.context)) == (["settled: give_up (code)"], ["send #1: settled: give_up (code)"])


def test_who_lost_left_no_entry(agents: AgentsKit) -> None:
    request = asked(agents)
    yes(request, office.decider())
    with pytest.raises(AlreadyDecided):
        reject(request.pk, by=office.decider("late"), reason="No.")
    assert len(entries(request)) == 1


def test_it_is_written_with_the_decision_or_not_at_all(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    request, dora = asked(agents), office.decider()

    def fail(*args: Any, **options: Any) -> None:
        raise DatabaseError

    with monkeypatch.context() as broken:
        broken.setattr(LogEntry, "save", fail)
        with pytest.raises(DatabaseError):
            yes(request, dora)
    assert not Decision.objects.exists()


def test_in_another_database_it_is_written_after_the_commit(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    request, dora = asked(agents), office.decider()
    later: list[Any] = []
    elsewhere = SimpleNamespace(on_commit=lambda work, **_: later.append(work))
    monkeypatch.setattr("agents_app.services.journal.conf", SimpleNamespace(DATABASE="elsewhere"))
    monkeypatch.setattr("agents_app.services.journal.transaction", elsewhere)
    yes(request, dora)
    assert LogEntry.objects.count() == 0
    for work in later:
        work()
    assert entries(request) == ["approved (code)"]


def test_the_system_is_nobody(agents: AgentsKit) -> None:
    switch_off(by=SYSTEM, reason="Fire.")
    assert not LogEntry.objects.exists()


def test_without_the_admin_nothing_is_noted(agents: AgentsKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents_app.services.journal.apps.is_installed", lambda name: False)
    yes(asked(agents), office.decider())
    assert (Decision.objects.count(), LogEntry.objects.count()) == (1, 0)


def test_switches_policies_and_delegations_are_noted() -> None:
    boss = office.person(
        "boss",
        *("agents_app.stop_agents", "agents_app.add_approvalpolicy", "agents_app.change_approvalpolicy"),
        *("agents_app.delete_approvalpolicy", "agents_app.view_approvalpolicy", "agents_app.decide_approvalrequest"),
    )
    off = switch_off(by=boss, reason="Fire.")
    for _ in range(2):
        switch_on(off.pk, by=boss)
    assert entries(off) == ["switched off: Fire.", "switched on"]
    policy = save_policy({"name": "large", "answer": "ask"}, by=boss)
    save_policy({"name": "large", "answer": "deny"}, by=boss, policy_id=policy.pk)
    key = policy.pk
    delete_policy(policy.pk, by=boss)
    policy.pk = key
    assert entries(policy) == ["made", "changed: answer", "removed"]
    mine = delegate(to=office.decider(), by=boss, until=database_now() + timedelta(days=1))
    for _ in range(2):
        revoke_delegation(mine.pk, by=boss)
    assert entries(mine) == ["delegated", "revoked"]


def test_who_looks_after_a_request_is_noted(agents: AgentsKit) -> None:
    request, dora, boss = asked(agents), office.decider(), office.decider("boss")
    for _ in range(2):
        claim_request(request.pk, by=dora)
    with pytest.raises(WrongState):
        claim_request(request.pk, by=boss)
    reassign_request(request.pk, to=boss, by=dora)
    for _ in range(2):
        release_request(request.pk, by=boss)
    assert entries(request) == ["claimed", "handed over to boss", "released"]
    assert list(LogEntry.objects.order_by("pk").values_list("user__username", flat=True)) == ["dora", "dora", "boss"]


def test_grants_are_noted_once_whatever_the_door(agents: AgentsKit) -> None:
    request, boss = asked(agents), office.person("boss", *office.DECIDES, "agents_app.add_standinggrant", is_staff=True)
    given: dict[str, Any] = {"scope": "agent", "conditions": "any", "expires_at": "never"}
    made = make_grant(request.pk, by=boss, **given)
    for _ in range(2):
        revoke_grant(made.pk, by=boss)
    assert entries(made) == ["made", "revoked"]
    browser = Client()
    browser.force_login(boss)
    page = reverse("admin:agents_app_standinggrant_make", args=[request.pk])
    assert browser.post(page, {"scope": "agent", "any_arguments": "1", "never": "1"}).status_code == 302
    second = StandingGrant.objects.latest("pk")
    browser.post(reverse("admin:agents_app_standinggrant_revoke", args=[second.pk]), {"reason": "Enough."})
    assert entries(second) == ["made", "revoked"]


def test_the_end_of_a_grant_whose_run_is_gone_is_noted(agents: AgentsKit) -> None:
    request, boss = asked(agents), office.person("boss", *office.DECIDES, "agents_app.add_standinggrant")
    made = make_grant(request.pk, by=boss, scope="agent", conditions="any", expires_at="never")
    StandingGrant.objects.update(run_key=uuid4())
    revoke_grant(made.pk, by=boss)
    assert entries(made) == ["made", "revoked"]


def test_the_admin_shows_it(agents: AgentsKit) -> None:
    request = asked(agents)
    yes(request, office.decider(), origin=Origin(door="rest", address="10.1.2.3"))
    office.person("root", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(LogEntry._meta.get_field("user").related_model.objects.get(username="root"))
    for row in (request, request.context):
        name = f"admin:agents_app_{row._meta.model_name}"
        history = reverse(f"{name}_history", args=[row.pk])
        assert f'href="{history}"' in client.get(reverse(f"{name}_change", args=[row.pk])).content.decode()
        page = client.get(history).content.decode()
        assert "approved (rest)" in page
        assert "dora" in page
