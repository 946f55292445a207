"""An agent at a till: a tool for every kind of argument and outcome, and an LLM that does what the input says."""

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

from pydantic import BaseModel, Field, SecretStr

from agents_app import Agent, Approvers, Money, Ref, ToolContext, tool
from agents_app.core.transcript import LLMReply, LLMRequest, UserMessage
from agents_app.testing import calls, script, turn

PERMISSION = "auth.change_group"
EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)>"


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    street: Annotated[str, Field(min_length=1)]
    floor: int | None = None


class Item(BaseModel):
    what: str
    pieces: int
    unit_price: Decimal
    deposit: Annotated[Decimal, Money("CHF")] = Decimal(0)


class Till(Agent[str]):
    """Refunds, parcels and doors."""

    name = "till"

    @tool(effect="read")
    def look(self, what: str) -> str:
        """Look something up."""
        return EVIL if what == "evil" else f"{what} is there"

    @tool(effect="idempotent", permission=PERMISSION, summary="Pay {amount} EUR back to {group}")
    def refund(
        self,
        context: ToolContext,
        group: Annotated[str, Ref("auth.Group", "name"), Field(description="Whom to pay.")],
        amount: Annotated[Decimal, Money("EUR"), Field(gt=0)],
    ) -> str:
        """Pay back."""
        return f"paid {amount}"

    @refund.needs_approval
    def refund_needs_approval(self, context: ToolContext, group: str, amount: Decimal) -> bool | str:
        return amount > 50 and "more than 50 EUR"

    @tool(effect="idempotent", requires_approval=True)
    def parcel(
        self,
        address: Address,
        colour: Colour,
        pieces: int,
        weight: float,
        fragile: bool,
        gift: bool | None = None,
        day: date | None = None,
        note: str = "",
        tags: list[str] | None = None,
    ) -> str:
        """Send a parcel."""
        return "sent"

    @tool(effect="idempotent", requires_approval=True)
    def bill(self, items: list[Item], currency: str, total: Decimal) -> str:
        """Write a bill."""
        return "written"

    @tool
    def ring(self, number: str) -> str:
        """Ring somebody; nobody knows whether it rang."""
        raise TimeoutError("no answer")

    @tool(requires_approval=True, approvers=Approvers(four_eyes=False), risk="high")
    def unlock(self, door: str, code: SecretStr) -> str:
        """Open a door."""
        return f"{door} is open"


PARCEL: dict[str, Any] = {
    "address": {"street": "High St 1"},
    "colour": "red",
    "pieces": 2,
    "weight": 1.5,
    "fragile": True,
    "note": "first line\nsecond line",
}
BILL: dict[str, Any] = {
    "items": [{"what": "Lamp", "pieces": 3, "unit_price": "1062.5", "deposit": "12"}],
    "currency": "EUR",
    "total": "3187.5",
}
COLOURS = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "blue"]}, "count": {"type": "integer", "minimum": 1}},
    "required": ["colour"],
}
PLANS: dict[str, list[Any]] = {
    "hello": ["Hello."],
    "look": [turn("I look.", [calls("look", what="it")]), "Seen."],
    "evil": [turn(EVIL, [calls("look", what="evil")]), EVIL],
    "refund": [turn("A refund.", [calls("refund", group="friends", amount="120")]), "Refunded."],
    "evil refund": [turn(EVIL, [calls("refund", group=EVIL, amount="120")]), "Refunded."],
    "parcel": [calls("parcel", **PARCEL), "Sent."],
    "bill": [calls("bill", **BILL), "Written."],
    "unlock": [calls("unlock", door="cellar", code="hunter2"), "Open."],
    "ring": [calls("ring", number="110"), "Rung."],
    "ask": [calls("ask_user", question="Which colour?"), "Thanks."],
    "ask schema": [calls("ask_user", question="Which colour?", schema=COLOURS), "Thanks."],
    "fail": [],
}


class PlannedLLM:
    """Plays the plan that the run's input names."""

    async def respond(self, request: LLMRequest, on_text: Any = None) -> LLMReply:
        plan = next(message.text for message in reversed(request.messages) if isinstance(message, UserMessage))
        return await script(*PLANS[plan]).respond(request, on_text)
