"""The clerk of three releases. Version 1 pays in cents; 2 in euros; 3 calls it `transfer`."""

from decimal import Decimal
from typing import Any

from agents_app import Agent, MigratingRun, migrates, tool

paid: list[tuple[str, str, Decimal]] = []
"""Which release paid, whom, how much (in euros)."""


class First(Agent[str]):
    name = "payer"
    version = "1"
    instructions = "Pay what you are told to."

    @tool(effect="external", timeout=5, requires_approval=True)
    def pay(self, to: str, cents: int) -> str:
        """Pay somebody."""
        paid.append(("1", to, Decimal(cents) / 100))
        return "paid"

    @tool(effect="read")
    def look(self, number: str) -> str:
        """Look something up."""
        return number


class Reworded(First):
    """The same tools, other instructions."""

    instructions = "Pay what you are told to, politely."


class Asking(Reworded):
    on_code_change = "ask"


class Strict(Reworded):
    on_code_change = "fail"


class Without(Agent[str]):
    """Cannot pay any more."""

    name = "payer"
    version = "2"


class Second(Agent[str]):
    name = "payer"
    version = "2"

    @tool(effect="external", timeout=5, requires_approval=True)
    def pay(self, to: str, amount: Decimal) -> str:
        """Pay somebody."""
        paid.append(("2", to, amount))
        return "paid"


class Third(Agent[str]):
    name = "payer"
    version = "3"

    @tool(effect="external", timeout=5, requires_approval=True)
    def transfer(self, to: str, amount: Decimal, currency: str = "EUR") -> str:
        """Pay somebody."""
        paid.append(("3", to, amount))
        return "paid"

    @migrates("1", "2")
    def cents_become_euros(self, run: MigratingRun) -> None:
        for call in run.calls_of("pay"):
            call.arguments["amount"] = str(Decimal(call.arguments.pop("cents")) / 100)
        run.metadata["migrated"] = [*run.metadata.get("migrated", []), "2"]

    @migrates("2", "3")
    def pay_becomes_transfer(self, run: MigratingRun) -> None:
        for call in run.calls_of("pay"):
            call.tool = "transfer"
        run.metadata["migrated"].append("3")


class Dropping(Third):
    @migrates("2", "3")
    def pay_becomes_transfer(self, run: MigratingRun) -> None:
        for call in run.calls:
            call.drop("Payments have moved to another department.")


class Failing(Third):
    @migrates("2", "3")
    def pay_becomes_transfer(self, run: MigratingRun) -> None:
        raise LookupError(f"no account for {run.calls[0].arguments['to']}")


class Misleading(Third):
    @migrates("2", "3")
    def pay_becomes_transfer(self, run: MigratingRun) -> None:
        run.calls[0].tool = "transfer"
        run.calls[0].arguments = {"to": "Ada", "amount": "a lot"}


class Renamed(First):
    name = "cashier"
    formerly = ("payer",)


def never(_: Any) -> None:
    raise AssertionError("not called")
