"""A shop whose tool may be decided by a link, and the links that people were told of."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Annotated, Any

import pytest
from django.test import Client

from agents_app import Agent, Approvers, Money, Stage, tool
from agents_app.definitions.registry import registry
from agents_app.notify import Channel, Message
from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.notify.conftest import SITE, telling

done: list[str] = []
TOKEN = "t" * 32
"""What a page of this site put into its form and its cookie."""


class Shop(Agent[str]):
    """Writes letters; one kind may be decided by a link."""

    name = "shop"
    instructions = "Write."

    @tool(effect="external", requires_approval=True, decide_by_link=True, permission="auth.view_group")
    def letter(self, text: str) -> str:
        """Send a letter."""
        done.append(text)
        return "sent"

    @tool(effect="external", requires_approval=True, decide_by_link=True, summary="Pay {amount} EUR to {to}")
    def pay(self, to: str, amount: Annotated[Decimal, Money("EUR")], fee: Annotated[str, Money("EUR")] = "") -> str:
        """Pay somebody."""
        done.append(str(amount))
        return "paid"

    @tool(effect="external", requires_approval=True, decide_by_link=True)
    def order(self, delivery_place: str, items: list[dict[str, Any]]) -> str:
        """Order something."""
        done.append(delivery_place)
        return "ordered"

    @tool(
        effect="external",
        requires_approval=True,
        decide_by_link=True,
        approvers=Approvers(stages=[Stage(permission="auth.view_group"), Stage(permission="auth.view_user")]),
    )
    def sign(self, text: str) -> str:
        """Sign a contract, after two people have agreed."""
        done.append(text)
        return "signed"

    @tool(effect="external", requires_approval=True)
    def parcel(self, text: str) -> str:
        """Send a parcel; never by a link."""
        done.append(text)
        return "sent"


class Post(Channel):
    """Notes what it is told to send."""

    sent: list[Message] = []

    def send(self, message: Message) -> None:
        self.sent.append(message)


@pytest.fixture(autouse=True)
def _shop() -> Iterator[None]:
    with registry.override(Shop), telling(post={"channel": f"{__name__}.Post"}):
        done.clear()
        Post.sent = []
        yield


@pytest.fixture
def dora() -> Any:
    """She may decide."""
    return office.person("dora", *office.DECIDES, email="dora@example.com")


@pytest.fixture
def asked(agents: AgentsKit, dora: Any) -> Callable[..., Run[Any]]:
    """A run that waits for a decision."""

    def start(*turns: Any) -> Run[Any]:
        agents.scripted_llm(Shop, *(turns or (calls("letter", text="Dear you"),)), "Done.")
        run: Run[Any] = start_run(Shop, "go")
        agents.run_until_idle()
        return run

    return start


def links() -> dict[str, str]:
    """By user name, the path of the newest link that this person was told of."""
    return {message.recipient.get_username(): message.items[0].decide_url.removeprefix(SITE) for message in Post.sent}


@pytest.fixture
def browser() -> Client:
    """Somebody who is not logged in; forms need their token."""
    return Client(enforce_csrf_checks=True)


def submit(browser: Client, path: str, **given: str) -> Any:
    """Send the page's form, as a browser does that opened it some time before."""
    browser.cookies["csrftoken"] = TOKEN
    return browser.post(path, {"csrfmiddlewaretoken": TOKEN, **given})
