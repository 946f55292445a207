"""What both type checkers must refuse, in the lines marked `# wrong`, and nowhere else."""

from decimal import Decimal

from agents_app import Agent, MigratingRun, ToolContext, happened, migrates, register, tool, tool_context
from agents_app.definitions.reconcile import Happened


class Shop(Agent[str]):
    name = "shop"
    max_steps = "many"  # wrong

    @tool(effect="idempotent")
    def refund(self, context: ToolContext, number: str, amount: Decimal) -> str:
        return number

    @refund.needs_approval  # wrong
    def one_parameter_less(self, context: ToolContext, number: str) -> bool | str:
        return True

    @refund.needs_approval  # wrong
    def another_type(self, context: ToolContext, number: int, amount: Decimal) -> bool | str:
        return True

    @refund.needs_approval  # wrong
    def another_result(self, context: ToolContext, number: str, amount: Decimal) -> Decimal:
        return amount

    @refund.precondition  # wrong
    async def a_coroutine(self, context: ToolContext, number: str, amount: Decimal) -> bool | str:
        return True

    @refund.summary  # wrong
    def no_line(self, context: ToolContext, number: str, amount: Decimal) -> None:
        return None

    @refund.reconcile  # wrong
    def another_receipt(self, context: ToolContext, number: str, amount: Decimal) -> Happened[int] | None:
        return happened(1)

    @refund.reconcile
    def right(self, context: ToolContext, number: str, amount: Decimal) -> Happened[str] | None:
        return happened(number)


class Moved(Agent[str]):
    name = "moved"
    on_code_change = "maybe"  # wrong

    @migrates("1", "2")  # wrong
    def no_run(self) -> None:
        return None

    @migrates("2", "3")  # wrong
    async def a_coroutine(self, run: MigratingRun) -> None:
        return None

    @migrates("3", 4)  # wrong
    def no_version(self, run: MigratingRun) -> None:
        return None

    @migrates("4", "5")
    def right(self, run: MigratingRun) -> None:
        run.metadata["seen"] = True


@tool(effect="read")
def plain(number: str) -> int:
    return len(number)


@plain.summary  # wrong
def plain_summary(number: int) -> str:
    return str(number)


@tool
async def slow(number: str) -> int:
    return len(number)


@slow.reconcile  # wrong
def slow_reconcile(number: str) -> Happened[str] | None:
    return happened(number)


Shop().refund(tool_context(), "A-1", 5.0)  # wrong
Shop().refund(tool_context(), "A-1")  # wrong
plain(1)  # wrong
wrong_effect = tool(effect="writes")  # wrong
wrong_option = tool(retry=1)  # wrong
register(int)  # wrong
