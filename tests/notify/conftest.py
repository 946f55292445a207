"""An office whose approvers are told: channels that note what they send, and a target for webhooks on loopback."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from agents_app.definitions.handlers import handlers
from agents_app.models import Notification
from agents_app.notify import Channel, Message
from agents_app.notify.outbox import listen
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

SITE = "https://desk.example.com"
KEY = "k" * 40


class Noted(Channel):
    """Notes what it is told to send. fails: what it raises, one after the other."""

    sent: list[Message] = []
    fails: list[BaseException] = []

    def send(self, message: Message) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.sent.append(message)


class Place(Noted):
    """The same for one place."""

    personal = False
    sent: list[Message] = []
    fails: list[BaseException] = []


NOTED = f"{__name__}.Noted"
PLACE = f"{__name__}.Place"


@contextmanager
def telling(more: dict[str, Any] | None = None, /, **channels: Any) -> Iterator[None]:
    """With these channels in NOTIFY. more: other settings of the app."""
    given = {**settings.AGENTS_APP, "SITE_URL": SITE, "NOTIFY": channels, **(more or {})}
    for kind in (Noted, Place):
        kind.sent, kind.fails = [], []
    with override_settings(AGENTS_APP=given, DEFAULT_FROM_EMAIL="desk@example.com"), handlers.override():
        listen()
        yield


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


@pytest.fixture
def ask(agents: AgentsKit) -> Callable[..., Run[Any]]:
    """A run of the clerk that waits for a decision; whoever is to be told is told."""

    def start(*turns: Any, **options: Any) -> Run[Any]:
        agents.scripted_llm(Clerk, *(turns or (calls("order", what="paper"),)), "Done.")
        run: Run[Any] = start_run(Clerk, "go", **options)
        agents.run_until_idle()
        return run.again()

    return start


def states() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("state", flat=True))
