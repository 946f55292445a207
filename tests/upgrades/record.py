"""Write down a database of this release, for the tests of later ones: `python -m tests.upgrades.record 0.1.0`.

Done once, when a release is made. It plays runs into every status and every kind of stored JSON, on SQLite.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

os.environ["AGENTS_TEST_SQLITE"] = str(Path(tempfile.mkdtemp(), "release.sqlite3"))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from django.contrib.auth.models import Group  # noqa: E402 - Django has to be set up first
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from agents_app import Postpone, ToolFailed, services  # noqa: E402
from agents_app.core.transcript import LLMReply, ProposedCall, Thought, Usage  # noqa: E402
from agents_app.definitions.registry import override_llm, registry  # noqa: E402
from agents_app.exceptions import LLMError  # noqa: E402
from agents_app.models import AgentContext, PartialReply, StoredResponse, ToolCall  # noqa: E402
from agents_app.runtime import drive, iterate  # noqa: E402
from agents_app.runtime.held import Held  # noqa: E402
from agents_app.services import Run, start_run  # noqa: E402
from agents_app.testing import (  # noqa: E402
    answer_pending,
    approve_pending,
    calls,
    raw_call,
    reject_pending,
    run_until_idle,
    script,
    turn,
)
from agents_app.testing.kit import queue_off  # noqa: E402
from agents_app.transitions import claims  # noqa: E402
from tests.upgrades import desk, stored  # noqa: E402
from tests.upgrades.desk import Desk, Receipt  # noqa: E402

DONE = Receipt(text="Done.")
PAY = calls("pay", to="Ada", amount="120.50")


def started(*turns: Any, **options: Any) -> Run[Any]:
    """A run that went as far as it can."""
    run = start_run(Desk, "go", **options)
    with override_llm(Desk, script(*turns)):
        run_until_idle()
    return run.again()


def lost_while(run: Run[Any], *turns: Any, in_tool: bool) -> Run[Any]:
    """Its worker dies while the LLM is asked, or while the tool is called."""
    claim = claims.claim(run.id)
    assert claim is not None
    held = Held(claim=claim, definition=registry.get("desk"), inline=False)
    with override_llm(Desk, script(*turns)):
        (act,) = iterate.prepare(held)
        if in_tool:
            iterate.settle(held, act, drive.engine().run(lambda on: drive.perform(on, held, act)))
    AgentContext.objects.filter(pk=run.id).update(lease_until=timezone.now(), due_at=timezone.now())
    return run.again()


def broken(_: str) -> str:
    raise RuntimeError("out of order")


def refused(_: str) -> str:
    raise ToolFailed("There is no such number.")


def postponed(_: str) -> str:
    raise Postpone(until=timezone.now() + timedelta(hours=1))


def everything(olga: Any, dora: Any) -> None:
    """One run through each kind of call, question and answer."""
    thoughtful = LLMReply(
        text="Wait a moment.",
        thoughts=(Thought(text="hm", signature="s", provider="p", id="1"),),
        calls=(ProposedCall(id="c1", name="look", arguments='{"number": "0"}'),),
        usage=Usage(input_tokens=7, output_tokens=3, cost=Decimal("0.00012")),
        llm="a-model",
    )
    subject = Group.objects.create(name="a subject")
    turns = [
        thoughtful,
        turn("Three at once.", [calls("look", number="1"), calls("book", text="a"), calls("write", text="b")]),
        calls("nothing_of_the_kind"),
        raw_call("look", "{broken"),
        "not an answer",
        calls("ask_user", question="Which?", schema={"type": "object", "properties": {"n": {"type": "integer"}}}),
        PAY,
        calls("pay", to="Bob", amount="7"),
        calls("sign_in", account="ada", password="secret"),
        Receipt(text="Done — ok", paid=Decimal("120.5")),
    ]
    run = started(
        *turns,
        user=olga,
        session="mail-1",
        metadata={"a": [1, None, {"b": "ü"}]},
        subject=subject,
        idempotency_key="key",
        by=dora,
    )
    with override_llm(Desk, script(*turns)):
        answer_pending(run, {"n": 3}, by=olga)
        run_until_idle()
        approve_pending(run, by=dora, arguments={"amount": "100"})
        run_until_idle()
        reject_pending(run, by=dora, reason="not him")
        run_until_idle()
        approve_pending(run, by=dora)
        run_until_idle()
    assert run.again().status == "completed", run.again()


def play(olga: Any, dora: Any) -> None:
    everything(olga, dora)
    asked = started(PAY, DONE)
    started(calls("sign_in", account="ada", password="secret"), DONE)
    started(calls("ask_user", question="Which?"), DONE, user=olga)
    desk.behaviour["ring"] = broken
    started(calls("ring", number="3"), DONE)
    services.cancel_run(started(calls("ring", number="4"), DONE).id, by=dora)
    desk.behaviour["look"] = refused
    started(calls("look", number="5"), DONE)
    desk.behaviour["look"] = postponed
    started(calls("look", number="5"), DONE)
    desk.behaviour.clear()
    services.pause_run(started(PAY, DONE).id, by=dora, reason="wait")
    services.cancel_run(started(PAY, DONE).id, by=dora, reason="no")
    started(LLMError("It said no.", code="llm_refused"))
    PartialReply.objects.create(context_id=asked.id, step=1, attempt=1, index=4, text="Hel")
    StoredResponse.objects.create(
        principal="user:1", key="k", fingerprint="f", http_status=201, body={"id": str(asked.id)}
    )
    left_in_the_midst(olga, dora)


def left_in_the_midst(olga: Any, dora: Any) -> None:
    """Runs that a worker has to go on with. Last, because those before would have taken them along."""
    approved = started(PAY, DONE, session="s")
    start_run(Desk, "idle", user=olga)
    start_run(Desk, "later", run_at=timezone.now() + timedelta(hours=2))
    lost_while(start_run(Desk, "thinking"), DONE, in_tool=False)
    lost_while(start_run(Desk, "reading"), calls("look", number="2"), in_tool=True)
    both = turn("", [calls("ring", number="2"), calls("look", number="2")])
    lost_while(start_run(Desk, "ringing"), both, in_tool=True)
    stopping = lost_while(start_run(Desk, "stopping"), calls("ring", number="6"), in_tool=True)
    AgentContext.objects.filter(pk=stopping.id).update(lease_until=timezone.now() + timedelta(seconds=60))
    services.cancel_run(stopping.id, by=dora)
    AgentContext.objects.filter(pk=stopping.id).update(lease_until=timezone.now())
    approve_pending(approved, by=dora)


def main(release: str, tell: Callable[[str], object]) -> None:
    call_command("migrate", verbosity=0)
    with queue_off(), registry.override(Desk):
        play(*stored.people())
    statuses = sorted(set(AgentContext.objects.values_list("status", flat=True)))
    called = sorted(set(ToolCall.objects.values_list("status", flat=True)))
    (stored.HERE / f"{release}.json").write_text(stored.as_json(stored.written_down()))
    tell(f"runs: {statuses}\ncalls: {called}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.stdout.write)
