"""An agent with a tool of each kind, for tests of the kit and of the commands."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from agents_app import Agent, Approvers, Sensitive, ToolContext, tool

PERMISSION = "auth.change_user"


class Reply(BaseModel):
    text: str
    refunded: Decimal = Decimal(0)


class Address(BaseModel):
    city: str
    lines: list[str] = []


class ShopAgent(Agent[Reply]):
    """Answers customers of the shop."""

    name = "shop"

    @tool(effect="read")
    def lookup(self, number: str) -> str:
        """Look an order up."""
        return f"order {number}"

    @tool(effect="atomic", timeout=4, permission=PERMISSION, summary="Pay {amount} EUR of {number} back")
    def refund(self, context: ToolContext, number: str, amount: Annotated[Decimal, Field(gt=0)]) -> str:
        """Pay back."""
        return f"paid {amount}"

    @refund.needs_approval
    def refund_needs_approval(self, context: ToolContext, number: str, amount: Decimal) -> bool | str:
        return amount > 50 and "more than 50 EUR"

    @tool(requires_approval=True, approvers=Approvers(four_eyes=False))
    def send(self, to: Address, copies: int = 1) -> str:
        """Send a parcel."""
        return f"{copies} to {to.city}"

    @tool(requires_approval=True, approvers=Approvers(four_eyes=False))
    def enter(self, site: str, password: Annotated[str, Sensitive()]) -> str:
        """Log in somewhere."""
        return f"entered {site}"

    @tool
    def pay(self, to: str) -> str:
        """Pay somebody; the bank does not answer."""
        raise TimeoutError("no answer")


class TextAgent(Agent[str]):
    """Speaks plainly."""

    name = "text"
