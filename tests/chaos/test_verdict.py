"""The judge of a chaos: a good history passes, and each fault is found and named."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from agents_app.models import (
    AgentContext,
    AgentEvent,
    AgentStep,
    ApprovalRequest,
    Decision,
    EventCursor,
    InputRequest,
    ToolCall,
)
from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.services import Run
from agents_app.testing import answer_pending, approve_pending, calls, run_until_idle
from agents_app.testing.kit import AgentsKit
from tests import office
from tests.chaos.verdict import judge
from tests.promises.stage import Stage

PAY = calls("pay", to="Ann", amount=120)
ASK = calls("ask_user", question="Shall I?")
TURNS = (
    [calls("look", number="1"), calls("book", text="A")],
    calls("send", text="B"),
    calls("write", text="C"),
    PAY,
    ASK,
)


@dataclass(kw_only=True)
class History:
    """A run that has come to its end, what its tools noted, and when it was held."""

    home: Path
    run: Run[str]
    written: Counter[str] = field(default_factory=Counter)
    now: float = 0.0

    def note(self, kind: str, **facts: Any) -> None:
        """The next line of the diary, a second after the last."""
        self.now += 1.0
        entry = {"kind": kind, "pid": 1, "t": self.now, **facts}
        with (self.home / "diary").open("a") as diary:
            diary.write(json.dumps(entry, default=str) + "\n")

    def executed(self, made: ToolCall, *, attempt: int = 1, **facts: Any) -> None:
        """The tool was called."""
        about = {"tool": made.tool, "run": made.context_id, "call": made.pk, "key": made.idempotency_key}
        self.note("executed", **{**about, "attempt": attempt, **facts})

    def acted(self, call: ToolCall) -> None:
        """The receiver of the call has acted."""
        with (self.home / "acted" / str(call.idempotency_key)).open("a") as receiver:
            receiver.write("acted\n")

    def call(self, tool: str) -> ToolCall:
        return office.call_of(self.run, tool)

    def findings(self) -> dict[str, list[str]]:
        """What the judge has found."""
        return dict(judge(self.home, self.written).findings)


@pytest.fixture
def good(transactional_db: None, agents: AgentsKit, tmp_path: Path) -> Iterator[History]:
    """One of every effect; told as the processes of a chaos tell it."""
    (tmp_path / "acted").mkdir()
    with office.open_office():
        stage = Stage(agents)
        run = stage.play(*TURNS, "Done.", idempotency_key="run-1", user=stage.dora)
        approve_pending(run, by=stage.dora)
        run_until_idle()
        answer_pending(run, "yes", by=stage.dora)
        run_until_idle()
        made = History(home=tmp_path, run=run.again())
        made.note("accepted", number=1, run=run.id)
        made.note("claimed", run=run.id, claim=1)
        made.note("approving", call=made.call("pay").pk)
        for call in ToolCall.objects.filter(context=run.id):
            amount = {"amount": "120"} if call.tool == "pay" else {}
            made.note("checked", run=run.id, claim=1, call=call.pk, attempt=1)
            made.executed(call, **amount)
            made.note("changed", run=run.id, version=call.number + 1, claim=1)
        made.acted(made.call("book"))
        made.written[str(made.call("write").idempotency_key)] += 1
        yield made
    close_engine()
    heartbeat.join()


def test_a_good_history_passes(good: History) -> None:
    assert good.run.status == "completed"
    assert {call.effect for call in ToolCall.objects.all()} == {"read", "idempotent", "external", "atomic"}
    assert good.findings() == {}


def test_what_may_be_repeated_may_be(good: History) -> None:
    for tool in ("look", "book", "write"):
        good.executed(good.call(tool), attempt=2)
    good.note("word", call=good.call("send").pk, word="try_again")
    good.executed(good.call("send"), attempt=2)
    verdict = judge(good.home, good.written)
    assert not verdict.findings
    assert verdict.repeated == 4


# Lost.


def test_a_run_that_was_accepted_and_is_not_there(good: History) -> None:
    good.note("accepted", number=2, run="01a1fbf8-1d74-7ffa-a990-aa2f3f1c7f5c")
    assert "is not there" in good.findings()["lost"][0]


@pytest.mark.parametrize("status", ["thinking", "using_tool", "scheduled"])
def test_a_run_that_neither_ended_nor_waits_for_somebody(good: History, status: str) -> None:
    AgentContext.objects.update(status=status)
    assert f"is {status}" in good.findings()["lost"][0]


def test_a_run_that_waits_for_people_and_is_still_held(good: History) -> None:
    AgentContext.objects.update(status="paused")
    assert "lost" not in good.findings()
    AgentContext.objects.update(lease_until=timezone.now(), due_at=timezone.now())
    assert "is paused" in good.findings()["lost"][0]


def test_a_call_that_has_succeeded_and_was_never_made(good: History) -> None:
    path = good.home / "diary"
    made = f'"call": "{good.call("send").pk}"'
    path.write_text(
        "".join(
            line for line in path.read_text().splitlines(keepends=True) if "executed" not in line or made not in line
        )
    )
    assert "was never made" in good.findings()["lost"][0]
    call = good.call("send")
    Decision.objects.create(call=call, verdict="happened", user_name="ann", decided_at=timezone.now())
    assert good.findings() == {}


def test_an_event_of_which_a_handler_was_never_told(good: History) -> None:
    version = AgentContext.objects.get(pk=good.run.id).version
    EventCursor.objects.create(
        context_id=good.run.id, handler="chaos.ended", wanted=version, sequence=version, due_at=timezone.now()
    )
    assert f"were told [] of [{version}]" in good.findings()["lost"][0]
    good.note("told", run=good.run.id, sequence=version)
    good.note("told", run=good.run.id, sequence=version)
    assert good.findings() == {}


# Duplicate.


@pytest.mark.parametrize("tool", ["send", "pay"])
def test_an_external_call_that_was_made_again_without_a_word(good: History, tool: str) -> None:
    good.executed(good.call(tool), attempt=2, amount="120")
    assert f"{tool} " in good.findings()["duplicate"][0]
    good.note("word", call=good.call(tool).pk, word="give_up")
    assert "took place 2 times" in good.findings()["duplicate"][0]


def test_an_idempotent_call_that_acted_twice(good: History) -> None:
    good.acted(good.call("book"))
    assert "acted 2 times with one key" in good.findings()["duplicate"][0]


def test_a_call_that_was_made_with_another_key(good: History) -> None:
    good.executed(good.call("book"), attempt=2, key="another")
    assert "several idempotency keys" in good.findings()["duplicate"][0]


def test_a_call_that_was_made_twice_in_one_attempt(good: History) -> None:
    good.executed(good.call("look"))
    assert "twice in one attempt" in good.findings()["duplicate"][0]


def test_a_call_that_is_not_in_the_ledger(good: History) -> None:
    good.executed(good.call("look"), call="01a1fbf8-1d74-7ffa-a990-aa2f3f1c7f5c")
    assert "not in the ledger" in good.findings()["duplicate"][0]


@pytest.mark.parametrize(("status", "times"), [("succeeded", 0), ("succeeded", 2), ("failed", 1)])
def test_an_atomic_call_whose_writes_are_not_as_its_record(good: History, status: str, times: int) -> None:
    call = good.call("write")
    ToolCall.objects.filter(pk=call.pk).update(status=status)
    good.written[str(call.idempotency_key)] = times
    assert f"is {status} and took place {times} times" in good.findings()["duplicate"][0]


# Ungated.


def test_a_gated_call_that_was_made_before_anybody_approved_it(good: History) -> None:
    path = good.home / "diary"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "approving" not in line))
    assert "before anybody approved it" in good.findings()["ungated"][0]
    good.note("approving", call=good.call("pay").pk)
    assert "before anybody approved it" in good.findings()["ungated"][0]


def test_a_gated_call_that_was_made_with_other_arguments(good: History) -> None:
    good.executed(good.call("pay"), attempt=2, amount="9")
    assert "other arguments" in good.findings()["ungated"][0]


def test_an_approval_of_other_arguments(good: History) -> None:
    ToolCall.objects.filter(tool="pay").update(digest="0" * 64)
    assert "no approval of these arguments" in good.findings()["ungated"][0]


# Two holders.


def test_a_claim_that_was_given_twice(good: History) -> None:
    good.note("claimed", run=good.run.id, claim=1)
    assert "claim 1 was given twice" in good.findings()["two-holders"][0]


def test_a_call_under_a_claim_that_was_over(good: History) -> None:
    good.note("claimed", run=good.run.id, claim=2)
    good.now += 5.0
    good.note("checked", run=good.run.id, claim=1, call=good.call("look").pk, attempt=2)
    assert "claim 1 called 6.0 s after the next" in good.findings()["two-holders"][0]


def test_a_process_that_was_stopped_between_check_and_call_is_counted(good: History) -> None:
    good.note("frozen", process=1)
    good.note("claimed", run=good.run.id, claim=2)
    good.now += 5.0
    good.note("thawed", process=1)
    good.note("checked", run=good.run.id, claim=1, call=good.call("look").pk, attempt=2)
    verdict = judge(good.home, good.written)
    assert (dict(verdict.findings), verdict.frozen) == ({}, 1)


def test_a_write_under_a_claim_that_was_over(good: History) -> None:
    good.note("changed", run=good.run.id, version=40, claim=2)
    good.note("changed", run=good.run.id, version=41, claim=1)
    assert "claim 1 wrote after claim 2 had" in good.findings()["two-holders"][0]


# Gap: the log and the rows.


def _drop(good: History, number: int) -> None:
    """An event is missing, as if it had never been written."""
    events = AgentEvent.objects.filter(context=good.run.id, sequence=number)
    events._raw_delete(events.db)


def test_an_event_is_missing(good: History) -> None:
    _drop(good, 3)
    assert "events" in good.findings()["gap"][0]


def test_the_last_event_is_missing(good: History) -> None:
    _drop(good, AgentContext.objects.get(pk=good.run.id).version)
    assert "gap" in good.findings()


@pytest.mark.parametrize(
    ("model", "change", "what"),
    [
        (AgentContext, {"status": "failed"}, "run"),
        (ToolCall, {"status": "failed"}, "calls"),
        (ToolCall, {"attempt": 2}, "attempts"),
        (ApprovalRequest, {"status": "expired"}, "approvals"),
        (InputRequest, {"status": "withdrawn"}, "inputs"),
        (AgentStep, {"status": "failed"}, "turns"),
    ],
    ids=["run", "calls", "attempts", "approvals", "inputs", "turns"],
)
def test_the_rows_say_something_else_than_the_log(good: History, model: Any, change: dict[str, Any], what: str) -> None:
    assert model.objects.update(**change)
    assert f": {what}: the log says" in " ".join(good.findings()["gap"])
