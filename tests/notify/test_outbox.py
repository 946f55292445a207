"""Events become rows, one for each reader and channel, and each is sent once."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.db import DatabaseError

from agents_app.conf import conf
from agents_app.core.events import RecordedEvent
from agents_app.definitions.handlers import handlers
from agents_app.models import (
    AgentEvent,
    ApprovalRequest,
    ChannelState,
    Notification,
    NotificationPreference,
    database_now,
)
from agents_app.notify import ChannelDown, queue
from agents_app.notify.outbox import HANDLER, listen, note
from agents_app.runtime import telling as runtime
from agents_app.services import SYSTEM, approve, cancel_run, save_policy, start_run
from agents_app.testing import AgentsKit, calls, move_time, run_until_idle
from tests import office
from tests.notify.conftest import NOTED, PLACE, Noted, Place, states, telling
from tests.office import Clerk, decider, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is not sent again before the test wants it, however slow the machine."""
    monkeypatch.setattr(queue, "FIRST_SECONDS", 50.0)


def choose(user: Any, mode: str, channel: str = "noted") -> None:
    NotificationPreference.objects.create(user=user, channel=channel, mode=mode, changed_at=database_now())


def test_those_who_may_decide_are_told_once(ask: Any) -> None:
    dora, _ = decider(), person("nobody")
    away = decider("away")
    away.is_active = False
    away.save()
    boss = person("boss", is_superuser=True)
    with telling(noted={"channel": NOTED}):
        run = ask()
        request = office.request_of(run)
        assert {message.recipient for message in Noted.sent} == {dora, boss}
        message = Noted.sent[0]
        (item,) = message.items
        assert (item.request_id, item.run_id, item.agent, item.tool) == (request.pk, run.id, "clerk", "order")
        assert item.what in message.subject
        assert item.url == f"https://desk.example.com/admin/agents_app/approvalrequest/{request.pk}/change/"
        assert item.url in message.text
        assert item.url in message.html
        assert item.decide_url == ""
        event = AgentEvent.objects.get(context_id=run.id, type="approval.requested")
        told = RecordedEvent(
            run_id=run.id, agent="clerk", sequence=event.sequence, type=event.type, at=event.at, data=event.data
        )
        note(told)
        note(told)
        run_until_idle()
    assert len(Noted.sent) == 2
    assert states() == ["sent", "sent"]
    assert len({message.key for message in Noted.sent}) == 2


def test_who_may_not_decide_on_this_tool_is_not_told(ask: Any) -> None:
    person("half", "agents_app.decide_approvalrequest")
    dora = decider()
    with telling(noted={"channel": NOTED}):
        ask(calls("pay", to="bob", amount="100"))
    assert [message.recipient for message in Noted.sent] == [dora]


def test_the_next_stage_is_told_when_it_is_its_turn(ask: Any) -> None:
    support, money, both = decider("support"), decider("money"), decider("both")
    for name, people in {"Support": [support, both], "Finance": [money, both]}.items():
        Group.objects.create(name=name).user_set.set(people)
    stages = {"stages": [{"group": "Support"}, {"group": "Finance"}]}
    save_policy(
        {"name": "two steps", "tool": "order", "answer": "ask", "approvers": stages},
        by=person("boss", is_superuser=True),
    )
    with telling(noted={"channel": NOTED}, place={"channel": PLACE}):
        run = ask()
        assert {message.recipient for message in Noted.sent} == {support, both}
        request = office.request_of(run)
        approve(request.pk, digest=request.call.digest, by=support)
        run_until_idle()
        assert [message.recipient for message in Noted.sent[2:]] == [money]
        assert "Others have said yes" in Noted.sent[2].subject
        assert Place.sent[1].approvers == ("money", "both")


def test_a_change_that_others_must_approve_is_told(ask: Any) -> None:
    dora, dick = decider(), decider("dick")
    Group.objects.create(name="Finance").user_set.set([dora, dick])
    two = {"group": "Finance", "four_eyes": True}
    save_policy(
        {"name": "two people", "tool": "order", "answer": "ask", "approvers": two}, by=person("boss", is_superuser=True)
    )
    with telling(noted={"channel": NOTED}):
        run = ask()
        request = office.request_of(run)
        approve(request.pk, digest=request.call.digest, by=dora, arguments={"what": "less paper"})
        run_until_idle()
        assert [message.recipient for message in Noted.sent[2:]] == [dick]
        assert "Changed, please decide anew" in Noted.sent[2].subject


def test_a_place_is_told_once_whoever_may_decide(ask: Any) -> None:
    decider(), decider("dick")
    with telling(place={"channel": PLACE}):
        ask()
    (message,) = Place.sent
    assert message.recipient is None
    assert message.approvers == ("dora", "dick")


def test_a_run_that_asks_nobody_tells_nobody_and_writes_no_row(agents: AgentsKit) -> None:
    decider()
    with telling(noted={"channel": NOTED}):
        agents.scripted_llm(Clerk, calls("look", number="1"), "Done.")
        start_run(Clerk, "go")
        agents.run_until_idle()
    assert not Notification.objects.exists()
    assert not ChannelState.objects.exists()


def test_without_channels_nothing_is_heard(ask: Any, django_assert_num_queries: Any) -> None:
    decider()
    with telling():
        assert handlers.get(HANDLER) is None
        ask()
    assert not Notification.objects.exists()
    assert HANDLER not in [each.name for each in handlers.all()]


def test_listening_twice_is_listening_once() -> None:
    with telling(noted={"channel": NOTED}):
        listen()
        assert [each.name for each in handlers.all()] == [HANDLER]


@pytest.mark.usefixtures("patient")
def test_what_was_decided_meanwhile_is_not_told(ask: Any) -> None:
    dora = decider()
    with telling(noted={"channel": NOTED}):
        Noted.fails.append(ValueError("no"))
        run = ask()
        request = office.request_of(run)
        approve(request.pk, by=dora, digest=request.digest)
        with move_time(60):
            run_until_idle()
    assert Noted.sent == []
    row = Notification.objects.get()
    assert (row.state, row.error) == ("dropped", "The request is approved.")


@pytest.mark.usefixtures("patient")
def test_who_lost_the_permission_meanwhile_is_not_told(ask: Any) -> None:
    dora = decider()
    with telling(noted={"channel": NOTED}):
        Noted.fails.append(ValueError("no"))
        ask()
        dora.user_permissions.clear()
        with move_time(60):
            run_until_idle()
    assert Noted.sent == []
    assert "may not decide" in Notification.objects.get().error


@pytest.mark.usefixtures("patient")
def test_the_request_of_a_cancelled_run_is_dropped(ask: Any) -> None:
    decider()
    with telling(noted={"channel": NOTED}):
        Noted.fails.append(ValueError("no"))
        run = ask()
        cancel_run(run.id, by=SYSTEM)
        with move_time(60):
            run_until_idle()
    assert states() == ["dropped"]


# When people want to be told.


def test_off_is_off(ask: Any) -> None:
    choose(decider(), "off")
    other = decider("other")
    with telling(noted={"channel": NOTED}):
        ask()
    assert [message.recipient for message in Noted.sent] == [other]


@pytest.mark.usefixtures("patient")
def test_off_also_counts_for_what_waits(ask: Any) -> None:
    dora = decider()
    with telling(noted={"channel": NOTED}):
        Noted.fails.append(ValueError("no"))
        ask()
        choose(dora, "off")
        with move_time(60):
            run_until_idle()
    assert states() == ["dropped"]


def test_a_digest_tells_of_many_at_once_and_later(ask: Any) -> None:
    dora = decider()
    choose(dora, "digest")
    with telling(noted={"channel": NOTED}):
        first, second, third = ask(), ask(), ask()
        assert Noted.sent == []
        request = office.request_of(third)
        approve(request.pk, by=dora, digest=request.digest)
        run_until_idle()
        with move_time(conf.DIGEST_SECONDS / 2):
            run_until_idle()
            assert Noted.sent == []
        with move_time(conf.DIGEST_SECONDS + 1):
            run_until_idle()
        (message,) = Noted.sent
        assert {item.run_id for item in message.items} == {first.id, second.id}
        assert message.subject == "2 requests wait for you"
        assert all(item.url in message.text for item in message.items)
    assert sorted(states()) == ["dropped", "sent", "sent"]


def test_a_digest_lets_no_request_expire_unseen(ask: Any) -> None:
    choose(decider(), "digest")
    with telling({"APPROVAL_EXPIRES_SECONDS": 600.0}, noted={"channel": NOTED}):
        ask()
    assert len(Noted.sent) == 1


# What fails.


@pytest.mark.usefixtures("patient")
def test_a_message_that_fails_is_tried_again_and_holds_up_no_other(ask: Any) -> None:
    decider(), decider("dick")
    with telling(noted={"channel": NOTED}):
        Noted.fails.append(ValueError("this one not"))
        ask()
        assert len(Noted.sent) == 1
        waiting = Notification.objects.get(state="waiting")
        assert waiting.error == "ValueError: this one not"
        assert ChannelState.objects.get().failures == 0
        with move_time(60):
            run_until_idle()
    assert len(Noted.sent) == 2
    assert states() == ["sent", "sent"]


def test_a_channel_that_is_down_is_left_alone_for_a_while(ask: Any) -> None:
    decider(), decider("dick")
    with telling(noted={"channel": NOTED}, place={"channel": PLACE}):
        Noted.fails.append(OSError("no network"))
        ask()
        assert Noted.sent == []
        assert len(Place.sent) == 1
        state = ChannelState.objects.get(name="noted")
        assert state.failures == 1
        assert state.failing_since is not None
        assert "no network" in state.error
        # However slow the machine: longer than this test takes.
        ChannelState.objects.filter(name="noted").update(retry_at=database_now() + timedelta(hours=1))
        with move_time(600):
            run_until_idle()
            assert Noted.sent == []
        with move_time(3700):
            run_until_idle()
        state.refresh_from_db()
        assert (state.failures, state.retry_at, state.failing_since, state.error) == (0, None, None, "")
    assert len(Noted.sent) == 2


def test_the_other_side_says_when_to_come_back(ask: Any) -> None:
    decider()
    with telling(noted={"channel": NOTED}):
        Noted.fails.append(ChannelDown("busy", retry_after=500))
        ask()
        with move_time(450):
            run_until_idle()
        assert Noted.sent == []
        with move_time(501):
            run_until_idle()
    assert len(Noted.sent) == 1


def test_after_too_many_tries_it_is_parked_with_the_reason(ask: Any) -> None:
    decider()
    with telling(noted={"channel": NOTED}):
        Noted.fails += [ValueError("never")] * 50
        ask()
        passed = 0.0
        for _ in range(12):
            passed += 700
            with move_time(passed):
                run_until_idle()
        row = Notification.objects.get()
        assert (row.state, row.attempts, row.error) == ("parked", 10, "ValueError: never")
        assert len(Noted.fails) == 40


def test_a_process_that_dies_over_it_is_found_out(ask: Any) -> None:
    decider()
    with telling(noted={"channel": NOTED}):
        Noted.fails.append(ValueError("no"))
        ask()
        Notification.objects.update(attempts=10)
        with move_time(6000):
            run_until_idle()
    row = Notification.objects.get()
    assert row.state == "parked"
    assert "died" in row.error
    assert Noted.sent == []


@pytest.mark.usefixtures("patient")
def test_the_errors_of_a_channel_with_its_own_tables_are_its_own(ask: Any) -> None:
    decider()
    with telling(noted={"channel": NOTED}):
        Noted.fails.append(DatabaseError("its own"))
        ask()
        row = Notification.objects.get()
        assert (row.state, row.attempts, row.error) == ("waiting", 1, "DatabaseError: its own")
        assert row.due_at > database_now()


@pytest.mark.usefixtures("patient")
def test_what_nobody_took_is_hinted_at_by_the_sweep(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    decider()
    hinted: list[Any] = []
    with telling(noted={"channel": NOTED}):
        Noted.fails.append(ValueError("no"))
        run = ask()
        monkeypatch.setattr(runtime, "send_hint", lambda run_id: hinted.append(run_id) or True)
        assert runtime.hint_at_due()
        assert hinted == []
        with move_time(60):
            assert runtime.hint_at_due()
    assert hinted == [run.id]


@pytest.mark.usefixtures("patient")
def test_a_channel_that_is_gone_from_the_settings_waits(ask: Any) -> None:
    decider()
    with telling(noted={"channel": NOTED}):
        Noted.fails.append(ValueError("no"))
        ask()
    with telling(other={"channel": PLACE}), move_time(60):
        run_until_idle()
    assert states() == ["waiting"]


# E-mail.


def test_mail_in_text_and_html(ask: Any) -> None:
    dora = decider()
    dora.email = "dora@example.com"
    dora.save()
    with telling(email={}):
        run = ask(calls("order", what="<b>paper</b>\r\nBcc: eve@example.com"))
    (sent,) = mail.outbox
    assert sent.to == ["dora@example.com"]
    assert sent.from_email == "desk@example.com"
    assert "\n" not in sent.subject
    assert "paper" in sent.subject
    assert str(office.request_of(run).pk) in sent.body
    ((html, kind),) = sent.alternatives
    assert kind == "text/html"
    assert "<b>paper" not in html
    assert "&lt;b&gt;paper" in html
    assert sent.extra_headers["Auto-Submitted"] == "auto-generated"
    assert "eve@example.com" not in str(sent.message()["Bcc"] or "")


@pytest.mark.usefixtures("patient")
def test_somebody_without_an_address_is_parked_in_the_end_and_delays_nobody(ask: Any) -> None:
    decider()
    dick = decider("dick")
    dick.email = "dick@example.com"
    dick.save()
    with telling(email={}):
        ask()
    assert [each.to for each in mail.outbox] == [["dick@example.com"]]
    assert "no e-mail address" in Notification.objects.get(state="waiting").error


def test_sensitive_arguments_are_in_no_mail(ask: Any) -> None:
    dora = decider()
    dora.email = "dora@example.com"
    dora.save()
    with telling(email={}):
        ask(calls("sign_in", account="till", password="hunter2"))
    (sent,) = mail.outbox
    assert "hunter2" not in sent.message().as_string()


@pytest.mark.usefixtures("patient")
def test_it_ends_with_its_time(ask: Any) -> None:
    decider()
    with telling(noted={"channel": NOTED}):
        Noted.fails.append(ValueError("no"))
        run = ask()
        ApprovalRequest.objects.filter(context_id=run.id).update(expires_at=database_now() + timedelta(seconds=3))
        Notification.objects.update(due_at=database_now() + timedelta(seconds=5))
        with move_time(20):
            runtime.send_due()
    assert "time to decide" in Notification.objects.get().error
