"""The agent of the recorded runs. Its code must stay as it is: what was recorded names its tools and their schemas."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel

from agents_app import Agent, Sensitive, ToolContext, tool
from agents_app.definitions.reconcile import Happened, NotHappened

behaviour: dict[str, Callable[..., Any]] = {}
"""What a tool does instead of returning, by its name."""


class Receipt(BaseModel):
    text: str
    paid: Decimal = Decimal(0)


def _act(name: str, value: str) -> str:
    return str(behaviour[name](value)) if name in behaviour else f"{name}: {value}"


class Desk(Agent[Receipt]):
    """Does what the script says."""

    name = "desk"
    version = "7"
    instructions = "Do what you are told."
    max_steps = 30

    @tool(effect="read", timeout=5)
    def look(self, number: str) -> str:
        """Look something up."""
        return _act("look", number)

    @tool(effect="idempotent", timeout=5, retries=1)
    def book(self, text: str) -> str:
        """Book something; the same key books once."""
        return _act("book", text)

    @tool(effect="atomic", timeout=2, retries=1)
    def write(self, text: str) -> str:
        """Write something into this database."""
        return _act("write", text)

    @tool(effect="external", timeout=5)
    def ring(self, number: str) -> str:
        """Ring somebody; nobody can tell later whether it rang."""
        return _act("ring", number)

    @tool(effect="external", timeout=5)
    def send(self, text: str) -> str:
        """Send something."""
        return _act("send", text)

    @send.reconcile
    def was_sent(self, text: str) -> Happened[str] | NotHappened | None:
        return None

    @tool(effect="external", timeout=5, requires_approval=True, summary="Pay {amount} to {to}")
    def pay(self, context: ToolContext, to: str, amount: Decimal) -> dict[str, str]:
        """Pay somebody."""
        return {"to": to, "amount": str(amount)}

    @tool(effect="external", timeout=5, requires_approval=True)
    def sign_in(self, account: str, password: Annotated[str, Sensitive]) -> str:
        """Sign in somewhere."""
        return _act("sign_in", account)
