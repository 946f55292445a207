"""The author's API, as the documentation shows it. Both type checkers accept this file without a remark."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from agents_app import (
    Agent,
    MigratingRun,
    Money,
    Ref,
    ToolContext,
    Toolset,
    happened,
    migrates,
    not_happened,
    register,
    tool,
    tool_context,
)
from agents_app.definitions.reconcile import Happened, NotHappened
from tests.typing.shop import OrderInfo, Receipt, order_info, pay_back


class Reply(BaseModel):
    text: str
    refunded: Decimal = Decimal(0)


@register
class SupportAgent(Agent[Reply]):
    """Answers customers and refunds their orders."""

    name = "support"
    llm = "openai:gpt-5-mini"
    instructions = "Help customers of the shop. Refund only what the order allows."
    max_steps = 12

    @migrates("1", "2")
    def from_first(self, run: MigratingRun) -> None:
        for call in run.calls_of("refund"):
            call.arguments["amount"] = call.arguments.pop("cents")
            call.drop("Refunds moved.")

    @tool(effect="read")
    def lookup_order(self, number: str) -> OrderInfo:
        """Status and amounts of an order."""
        return order_info(number)

    @tool(effect="atomic", timeout=4, permission="shop.refund_order")
    def refund(
        self,
        context: ToolContext,
        number: Annotated[str, Ref("shop.Order", "number")],
        amount: Annotated[Decimal, Money("EUR"), Field(gt=0)],
    ) -> Receipt:
        """Pay `amount` of an order back to the customer."""
        return pay_back(number, amount, key=context.idempotency_key)

    @refund.needs_approval
    def refund_needs_approval(self, context: ToolContext, number: str, amount: Decimal) -> bool | str:
        return amount > 50 and "more than 50 EUR"


receipt: Receipt = SupportAgent().refund(tool_context(), "A-1001", Decimal(5))


# Everything else that an author may write.


@tool
def now(zone: str = "UTC") -> str:
    return zone


@tool(effect="read", retries=3)
async def weather(place: str) -> int:
    return len(place)


@weather.summary
def weather_summary(place: str) -> str:
    return f"Weather of {place}"


class Mail(Toolset):
    @tool(summary="Mail to {to}", isolation="process", requires_approval=True)
    def send(self, to: str, *, text: str) -> str:
        return to + text

    @send.precondition
    def send_precondition(self, to: str, *, text: str) -> bool | str:
        return "@" in to or "no address"

    @send.reconcile
    def send_reconcile(self, to: str, *, text: str) -> Happened[str] | NotHappened | None:
        return happened(to) if text else not_happened


def undecorated(number: int) -> int:
    return number


class Small(Agent):
    name = "small"
    formerly = ("tiny",)
    tools = [now, weather, undecorated, Mail(), Mail]
    temperature = 0.2
    timeout = 3600
    metadata = {"team": "support"}

    def get_instructions(self, context: ToolContext) -> str:
        return f"For {context.user}."

    @tool
    async def ask(self, question: str) -> list[str]:
        return [question]


text: str = now()


async def awaited() -> list[str]:
    degrees: int = await weather("Ulm")
    return await Small().ask(str(degrees))
