"""The shop's agent. `agents_app` finds this file by its name."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from agents_app import Agent, Budget, Knowledge, Memory, Money, Ref, ToolContext, ToolFailed, register, tool
from project.demo import shop
from project.demo.models import Customer
from project.demo.shop import OrderInfo, Receipt

FREE_HAND = Decimal(50)
"""EUR that the agent may pay back without asking a person."""

OrderNumber = Annotated[str, Ref("shop.Order", "number"), Field(description="The order's number, like A-1001.")]
Amount = Annotated[Decimal, Money("EUR"), Field(gt=0, max_digits=10, decimal_places=2)]


class Reply(BaseModel):
    """The answer to the customer."""

    text: str
    refunded: Annotated[Decimal, Money("EUR")] = Decimal(0)


@register
class SupportAgent(Agent[Reply]):
    """Answers the shop's customers and refunds their orders."""

    name = "support"
    instructions = (
        "You help customers of a small shop. Look an order up before you speak of it. Ask the customer for the order's "
        "number if you do not know it. Refund at most what the order allows. If a colleague rejects or changes "
        "something, say so kindly and give the reason. Answer briefly, in the customer's language."
    )
    max_steps = 12
    budget = Budget(tool_calls=10, tokens=50_000)
    memory = Memory(conversation=True, facts=True, tools=("remember", "recall"))
    knowledge = Knowledge("handbook", top_k=3)

    @tool(effect="read", summary="Look order {number} up")
    def lookup_order(self, context: ToolContext, number: OrderNumber) -> OrderInfo:
        """Status, products and amounts of an order."""
        try:
            return shop.info_of(shop.find_order(context.user, number))
        except shop.NotPossible as error:
            raise ToolFailed(str(error)) from error

    @tool(
        effect="atomic",
        timeout=4,
        permission="shop.refund_order",
        risk="high",
        summary="Pay {amount} EUR of {number} back",
    )
    def refund(self, context: ToolContext, number: OrderNumber, amount: Amount) -> Receipt:
        """Pay `amount` of an order back to the customer."""
        try:
            order = shop.find_order(context.user, number)
            return shop.pay_back(order, amount, key=context.idempotency_key or "")
        except shop.NotPossible as error:
            raise ToolFailed(str(error)) from error

    @refund.needs_approval
    def refund_needs_approval(self, context: ToolContext, number: OrderNumber, amount: Amount) -> bool | str:
        return amount > FREE_HAND and f"more than {FREE_HAND} EUR"

    @refund.precondition
    def refund_is_possible(self, context: ToolContext, number: OrderNumber, amount: Amount) -> bool | str:
        return shop.why_no_refund(context.user, number, amount) or True

    @tool(effect="external", timeout=20, summary="Write an e-mail to {to}")
    def send_email(self, context: ToolContext, to: str, subject: str, text: str) -> str:
        """Write an e-mail to a customer."""
        shop.write_to(to, subject, text)
        return f"Sent to {to}."

    @send_email.needs_approval
    def send_email_needs_approval(self, context: ToolContext, to: str, subject: str, text: str) -> bool | str:
        own = context.user is not None and Customer.objects.filter(user=context.user, email=to).exists()
        return not own and "the address is not the customer's own"
