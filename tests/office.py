"""An office with one agent: a tool for each effect, whose behaviour the test decides, and a note of what was done."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Annotated, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission
from django.db import connections, transaction

from agents_app import Agent, Approvers, Sensitive, ToolContext, tool
from agents_app.definitions.reconcile import Happened, NotHappened
from agents_app.definitions.registry import registry
from agents_app.models import AgentContext, ApprovalRequest, InputRequest, ToolCall
from agents_app.services import Run
from agents_app.testing import describe

ALONE = Approvers(four_eyes=False)

done: list[tuple[str, Any]] = []
"""What tools were called with, in order."""

keys: list[str | None] = []
"""The idempotency keys of those calls."""

behaviour: dict[str, Callable[..., Any]] = {}
"""What a tool does after it has been noted; hooks too: `pay.precondition`, `send.reconcile`, `pay.needs_approval`."""


def _act(name: str, context: ToolContext, value: Any) -> Any:
    done.append((name, value))
    keys.append(context.idempotency_key)
    return behaviour[name](context, value) if name in behaviour else f"{name}: {value}"


class Clerk(Agent[str]):
    """Does what the script says."""

    name = "clerk"
    instructions = "Do what you are told."
    max_steps = 20

    @tool(effect="read", timeout=5)
    def look(self, context: ToolContext, number: str) -> str:
        """Look something up."""
        return _act("look", context, number)

    @tool(effect="read", timeout=5)
    async def glance(self, context: ToolContext, number: str) -> str:
        """Look something up without a thread."""
        result = _act("glance", context, number)
        return await result if hasattr(result, "__await__") else result

    @tool(effect="external", timeout=5)
    def send(self, context: ToolContext, text: str) -> str:
        """Send something."""
        return _act("send", context, text)

    @send.reconcile
    def was_sent(self, context: ToolContext, text: str) -> Happened[str] | NotHappened | None:
        return behaviour["send.reconcile"](context, text) if "send.reconcile" in behaviour else None

    @tool(effect="external", timeout=5)
    def ring(self, context: ToolContext, number: str) -> str:
        """Ring somebody; nobody can tell later whether it rang."""
        return _act("ring", context, number)

    @tool(effect="idempotent", timeout=5, retries=1)
    def book(self, context: ToolContext, text: str) -> str:
        """Book something; the same key books once."""
        return _act("book", context, text)

    @tool(effect="atomic", timeout=10, retries=1)
    def write(self, context: ToolContext, text: str) -> str:
        """Write something into this database."""
        return _act("write", context, text)

    # Whose own approval counts, so that most tests need one person; four eyes are tested on an agent of their own.
    @tool(effect="external", timeout=5, permission="auth.view_group", summary="Pay {amount} to {to}", approvers=ALONE)
    def pay(self, context: ToolContext, to: str, amount: Decimal) -> str:
        """Pay somebody."""
        return _act("pay", context, (to, amount))

    @pay.needs_approval
    def paying_needs_approval(self, context: ToolContext, to: str, amount: Decimal) -> bool | str:
        if "pay.needs_approval" in behaviour:
            return behaviour["pay.needs_approval"](context, to, amount)
        return amount > 50 and "more than 50"

    @pay.precondition
    def paying_is_possible(self, context: ToolContext, to: str, amount: Decimal) -> bool | str:
        return behaviour["pay.precondition"](context, to, amount) if "pay.precondition" in behaviour else True

    @tool(effect="idempotent", timeout=5, retries=1, requires_approval=True)
    def order(self, context: ToolContext, what: str) -> str:
        """Order something; always asks."""
        return _act("order", context, what)

    @tool(effect="external", timeout=5, requires_approval=True, approvers=ALONE)
    def sign_in(self, context: ToolContext, account: str, password: Annotated[str, Sensitive]) -> str:
        """Sign in somewhere."""
        return _act("sign_in", context, (account, password))


@contextmanager
def open_office() -> Iterator[None]:
    """Only the clerk is registered, nothing has been done, and every tool behaves."""
    with registry.override(Clerk):
        done.clear()
        keys.clear()
        behaviour.clear()
        yield


def thread(function: Callable[..., Any], *args: Any) -> threading.Thread:
    """A started thread that does this and closes its connections."""

    def work() -> None:
        try:
            function(*args)
        finally:
            connections.close_all()

    started = threading.Thread(target=work)
    started.start()
    return started


def rolled_back(work: Callable[[], Any]) -> None:
    """Do this in a transaction that does not commit."""
    with transaction.atomic():
        work()
        transaction.set_rollback(True)


def names() -> list[str]:
    """The names of the tools that were called, in order."""
    return [name for name, _ in done]


def person(name: str, *permissions: str, **fields: Any) -> Any:
    """A user with these permissions ("app.codename")."""
    return persons({name: permissions}, **fields)[name]


def persons(permissions: Mapping[str, Sequence[str]], *, password: str = "pw", **fields: Any) -> dict[str, Any]:
    """Users by name, each with these permissions, in few statements: many tests begin with a whole staff."""
    users: Any = get_user_model()
    hashed = make_password(password)
    found = users.objects.bulk_create([users(username=name, password=hashed, **fields) for name in permissions])
    known = {f"{row.content_type.app_label}.{row.codename}": row.pk for row in _permissions(permissions)}
    held = users.user_permissions.through
    held.objects.bulk_create(
        held(user_id=user.pk, permission_id=known[name]) for user in found for name in permissions[user.username]
    )
    return {user.username: user for user in found}


def _permissions(wanted: Mapping[str, Sequence[str]]) -> Iterable[Permission]:
    names = {name.partition(".")[2] for names in wanted.values() for name in names}
    return Permission.objects.select_related("content_type").filter(codename__in=names) if names else ()


DECIDES = ("agents_app.decide_approvalrequest", "auth.view_group")


def decider(name: str = "dora") -> Any:
    """Somebody who may decide on every tool of the clerk."""
    return person(name, *DECIDES)


def context_of(run: Run[Any]) -> AgentContext:
    return AgentContext.objects.select_related("details").get(pk=run.id)


def call_of(run: Run[Any], tool_name: str | None = None) -> ToolCall:
    """The last call of the run (of this tool)."""
    found = ToolCall.objects.filter(context_id=run.id)
    last = (found if tool_name is None else found.filter(tool=tool_name)).order_by("-number").first()
    assert last is not None, describe(run.id)
    return last


def request_of(run: Run[Any]) -> ApprovalRequest:
    """The newest approval request of the run."""
    found = ApprovalRequest.objects.select_related("call").filter(context_id=run.id).order_by("-id").first()
    assert found is not None, describe(run.id)
    return found


def question_of(run: Run[Any]) -> InputRequest:
    found = InputRequest.objects.filter(context_id=run.id).order_by("-id").first()
    assert found is not None, describe(run.id)
    return found
