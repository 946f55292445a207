"""Calls of unknown outcome are told to those who may settle them, on the same channels."""

import json
from typing import Any

import pytest
from django.core import mail

from agents_app.definitions.reconcile import happened
from agents_app.models import Notification
from agents_app.notify.webhook import body_of
from agents_app.services import settle_outcome
from agents_app.testing import calls, move_time, run_until_idle
from tests import office
from tests.notify.conftest import NOTED, PLACE, SITE, Noted, Place, states, telling

pytestmark = pytest.mark.django_db
SETTLES = "agents_app.settle_toolcall"


def explode(*_: Any) -> Any:
    raise TimeoutError("no answer from +49 30 1234567")


@pytest.fixture
def lost(ask: Any) -> Any:
    """A call of which nobody knows whether it happened."""

    def start() -> Any:
        office.behaviour["ring"] = explode
        run = ask(calls("ring", number="030 1234567"))
        assert office.call_of(run).status == "unknown"
        return run

    return start


def test_those_who_may_settle_it_are_told_once(lost: Any) -> None:
    sue = office.person("sue", SETTLES)
    office.decider(), office.person("nobody"), office.person("off", SETTLES, is_active=False)
    with telling(noted={"channel": NOTED}, room={"channel": PLACE}):
        run = lost()
        run_until_idle()
        call = office.call_of(run)
        (message,), (told,) = Noted.sent, Place.sent
    (item,) = message.items
    assert (message.recipient, item.call_id, item.request_id, item.run_id) == (sue, call.pk, None, run.id)
    assert message.subject == "Nobody knows whether it happened, please say: ring"
    assert item.url == f"{SITE}/admin/agents_app/toolcall/{call.pk}/change/"
    assert item.url in message.text
    assert "Say what became of it" in message.html
    assert "1234567" not in message.text + message.html + message.subject, "its page shows what it was called with"
    assert told.approvers == ("sue",)
    body = json.loads(json.dumps(body_of(told)))
    assert (body["event"], body["call"]["id"], "request" in body) == ("tool_call.unknown", str(call.pk), False)
    assert states() == ["sent", "sent"]


def test_what_is_settled_meanwhile_is_not_told(lost: Any) -> None:
    sue = office.person("sue", SETTLES)
    with telling(noted={"channel": NOTED}):
        Noted.fails = [ValueError("not now")]
        run = lost()
        assert states() == ["waiting"]
        settle_outcome(office.call_of(run).pk, "give_up", by=sue, reason="no trace")
        with move_time(3600):
            run_until_idle()
    assert (Noted.sent, states()) == ([], ["dropped"])
    assert "The outcome is known" in Notification.objects.get().error


def test_who_may_no_longer_settle_it_is_not_told(lost: Any) -> None:
    sue = office.person("sue", SETTLES)
    with telling(noted={"channel": NOTED}):
        Noted.fails = [ValueError("not now")]
        lost()
        sue.user_permissions.clear()
        with move_time(3600):
            run_until_idle()
    assert (Noted.sent, states()) == ([], ["dropped"])


@pytest.mark.parametrize("knows", [True, False])
def test_people_are_asked_after_the_tools_own_reconcile(ask: Any, knows: bool) -> None:
    office.person("sue", SETTLES)
    office.behaviour |= {"send": explode, "send.reconcile": lambda *_: happened("sent") if knows else None}
    with telling(noted={"channel": NOTED}):
        run = ask(calls("send", text="a"))
        assert states() == [], "the tool is asked first"
        with move_time(600):
            run_until_idle()
    assert office.call_of(run).status == ("succeeded" if knows else "unknown")
    assert len(Noted.sent) == (0 if knows else 1)


def test_it_goes_out_by_mail(lost: Any) -> None:
    office.person("sue", SETTLES, email="sue@example.com")
    with telling(email={}):
        lost()
        run_until_idle()
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["sue@example.com"], "Nobody knows whether it happened, please say: ring")
