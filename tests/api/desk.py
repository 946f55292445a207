"""An agent with a tool of every kind, whose LLM does what the input of the run says."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, Field, SecretStr

from agents_app import Agent, ToolContext, tool
from agents_app.core.transcript import AssistantMessage, LLMRequest, UserMessage
from agents_app.testing import calls, script, turn

PERMISSION = "auth.change_user"


class Reply(BaseModel):
    text: str
    amount: Decimal = Decimal("1.50")


class Desk(Agent[Reply]):
    """Answers, refunds and pays."""

    name = "desk"
    formerly = ("counter",)
    metadata = {"team": "support"}

    @tool(effect="read")
    def lookup(self, number: str) -> str:
        """Look up an order."""
        return f"order {number}"

    @tool(effect="atomic", timeout=4, permission=PERMISSION)
    def refund(self, context: ToolContext, number: str, amount: Annotated[Decimal, Field(gt=0)]) -> str:
        """Pay back."""
        return f"paid {amount}"

    @refund.needs_approval
    def refund_needs_approval(self, context: ToolContext, number: str, amount: Decimal) -> bool | str:
        return amount > 50 and "more than 50 EUR"

    @tool
    def pay(self, to: str) -> str:
        """Pay somebody; the bank does not answer."""
        raise TimeoutError("no answer")

    @tool(requires_approval=True)
    def enter(self, password: SecretStr) -> str:
        """Log in somewhere."""
        return "entered"


PLANS: dict[str, list[Any]] = {
    "answer": [Reply(text="Done.")],
    "look": [turn("I look.", [calls("lookup", number="A-1")]), Reply(text="Seen.")],
    "refund": [calls("refund", number="A-1", amount="120"), Reply(text="Refunded.")],
    "ask": [calls("ask_user", question="Which colour?"), Reply(text="Thanks.")],
    "pay": [calls("pay", to="Ada"), Reply(text="Paid.")],
    "secret": [calls("enter", password="hunter2"), Reply(text="In.")],
    "wrong": ["I forgot the form.", Reply(text="Here.")],
    "fail": [],
}


def _play(request: LLMRequest) -> Any:
    at = max(index for index, message in enumerate(request.messages) if isinstance(message, UserMessage))
    plan = PLANS[request.messages[at].text.split()[0]]  # type: ignore[union-attr]
    said = sum(isinstance(message, AssistantMessage) for message in request.messages[at:])
    return plan[said] if said < len(plan) else ValueError("permanently broken")


def desk_llm() -> Any:
    """The LLM that goes by `PLANS`; an input that has no plan breaks it."""
    return script(*[_play] * 10)
