"""Promise 2 again: what policies and kill switches say holds at the moment at which a call would start."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app import services
from agents_app.core.policy import Rule
from agents_app.definitions.registry import registry
from agents_app.models import AgentEvent, ApprovalPolicy, KillSwitch
from agents_app.runtime import drive, iterate
from agents_app.runtime.engines import engine
from agents_app.selectors.rules import forget_rules, read_rules
from agents_app.services import SYSTEM, Run
from agents_app.testing import approve_pending, calls, run_until_idle
from tests import office
from tests.promises.mutants import mutant
from tests.promises.stage import Stage
from tests.scenarios.meanwhile import elsewhere

PAY = calls("pay", to="Ann", amount=120)
SEND = calls("send", text="a")
LARGE = {"path": "amount", "operator": "more_than", "value": 100}
SMALL = {"path": "amount", "operator": "at_most", "value": 100}


def policy(answer: str, tool: str = "pay", *conditions: dict[str, Any], **more: Any) -> ApprovalPolicy:
    name = more.pop("name", f"{answer} {tool}")
    values = {"name": name, "tool": tool, "answer": answer, "conditions": list(conditions), **more}
    return services.save_policy(values, by=SYSTEM)


def switch_off(agent: str = "", tool: str = "") -> KillSwitch:
    return services.switch_off(by=SYSTEM, reason="The supplier was robbed.", agent=agent, tool=tool)


def approved(stage: Stage) -> Run[str]:
    run = stage.play(PAY, "Done.")
    approve_pending(run, by=stage.dora)
    return run


def refused(run: Run[str], code: str) -> str:
    """The worker comes; the call is rejected with this code, and the LLM reads why."""
    run_until_idle()
    assert office.done == []
    call = office.call_of(run)
    assert (call.status, call.error_code) == ("rejected", code)
    assert run.again().status == "completed"
    return call.error


def test_deny_beats_ask_beats_allow(stage: Stage) -> None:
    policy("allow", priority=100)
    run = stage.play(PAY, "Done.")
    assert office.call_of(run).status == "awaiting_approval"  # the tool's own rule asks
    policy("ask", priority=50, reason="We look at all payments.")
    asked = stage.play(PAY, "Done.")
    assert office.request_of(asked).rule == "policy: ask pay"
    policy("deny", priority=-100)
    assert "It holds for every call" in refused(stage.play(PAY, "Done."), "denied")


def test_a_policy_asks_where_the_tool_does_not(stage: Stage) -> None:
    policy("ask", "send", reason="All letters are read by somebody.")
    run = stage.play(SEND, "Done.")
    assert office.done == []
    request = office.request_of(run)
    assert (request.rule, request.reason) == ("policy: ask send", "All letters are read by somebody.")
    (event,) = AgentEvent.objects.filter(context_id=run.id, type="approval.requested")
    assert (event.data["rule"], event.data["why"]) == ("policy: ask send", "All letters are read by somebody.")


def test_conditions_are_asked(stage: Stage) -> None:
    policy("deny", "pay", LARGE)
    assert "amount is more than 100" in refused(stage.play(PAY, "Done."), "denied")
    run = stage.play(calls("pay", to="Ann", amount="7"), "Done.")
    assert office.names() == ["pay"]
    assert run.status == "completed"


def test_a_policy_that_cannot_be_evaluated_asks(stage: Stage) -> None:
    """The tool has lost the field, or somebody wrote nonsense into the row."""
    policy("deny", "send", {"path": "text", "operator": "equals", "value": "b"})
    ApprovalPolicy.objects.update(conditions=[{"path": "gone", "operator": "equals", "value": "b"}])
    run = stage.play(SEND, "Done.")
    assert "the tool has no field gone" in office.request_of(run).reason
    ApprovalPolicy.objects.update(conditions={"what": "is this"})
    broken = stage.play(SEND, "Done.")
    assert "cannot be read" in office.request_of(broken).reason
    assert office.done == []


def test_a_rule_of_the_agent_that_cannot_be_evaluated_asks(stage: Stage) -> None:
    """Whatever goes wrong in a condition."""
    send = registry.get("clerk").tools["send"]
    broken: Any = [object()]
    object.__setattr__(send, "rules", (Rule(answer="allow", when=broken, name="broken"),))
    try:
        run = stage.play(SEND, "Done.")
    finally:
        object.__setattr__(send, "rules", ())
    assert office.done == []
    assert office.request_of(run).rule == "agent: broken"


def test_a_policy_made_after_the_approval_denies(stage: Stage) -> None:
    run = approved(stage)
    policy("deny", reason="No more payments this year.")
    assert refused(run, "denied") == "No more payments this year."
    assert office.request_of(run).status == "withdrawn"


def test_a_switch_holds_back_what_was_approved(stage: Stage) -> None:
    run = approved(stage)
    switch_off(tool="pay")
    assert "The supplier was robbed." in refused(run, "switched_off")
    assert office.request_of(run).status == "withdrawn"
    (event,) = AgentEvent.objects.filter(context_id=run.id, type="tool_call.rejected")
    assert (event.data["code"], event.data["rule"]) == ("switched_off", "switched_off")


@pytest.mark.parametrize(
    "names", [{}, {"agent": "clerk"}, {"tool": "send"}, {"agent": "clerk", "tool": "send"}], ids=str
)
def test_a_switch_is_for_everything_one_agent_or_one_tool(stage: Stage, names: dict[str, str]) -> None:
    switch = switch_off(**names)
    refused(stage.play(SEND, "Done."), "switched_off")
    services.switch_on(switch.pk, by=SYSTEM)
    stage.play(SEND, "Done.")
    assert office.names() == ["send"]


def test_a_switch_holds_nothing_else_back(stage: Stage) -> None:
    switch_off(tool="pay")
    stage.play(SEND, "Done.")
    assert office.names() == ["send"]


def thrown_while_the_llm_thinks(stage: Stage, throw: Any) -> Run[str]:
    """A worker holds the run and has looked; then somebody throws the switch, and the LLM wants the call."""
    run = stage.start(SEND, "Done.")
    held = stage.hold(run)
    (think,) = iterate.prepare(held)
    reply = engine().run(lambda on: drive.perform(on, held, think))
    elsewhere(throw)
    acts = iterate.settle(held, think, reply)
    assert [type(act).__name__ for act in acts] == ["ThinkAct"]
    assert office.call_of(run).status == "rejected"
    return run


def test_a_worker_that_holds_the_run_sees_a_switch(stage: Stage) -> None:
    """It has read no row since; the write that would start the call asks."""
    forget_rules()
    thrown_while_the_llm_thinks(stage, switch_off)


def test_a_worker_that_knows_the_rules_sees_that_they_changed(stage: Stage) -> None:
    services.switch_on(switch_off(tool="ring").pk, by=SYSTEM)
    read_rules()
    thrown_while_the_llm_thinks(stage, lambda: policy("deny", "send"))


def test_a_switch_thrown_between_judgement_and_start_is_seen(stage: Stage) -> None:
    """Under the lock the version of the rules is read again."""
    run = approved(stage)
    judge = iterate.judge

    def judge_slowly(*args: Any) -> Any:
        verdicts = judge(*args)
        if not KillSwitch.objects.exists():
            elsewhere(switch_off)
        return verdicts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(iterate, "judge", judge_slowly)
        iterate.prepare(stage.hold(run))
    assert office.call_of(run).error_code == "switched_off"


def test_a_call_that_was_started_is_not_touched_but_not_started_again(stage: Stage) -> None:
    def fail_once(context: Any, value: Any) -> str:
        if len(office.done) == 1:
            elsewhere(switch_off)
            raise ConnectionError
        return "never"

    office.behaviour["look"] = fail_once
    run = stage.play(calls("look", number="1"), "Done.")
    assert office.names() == ["look"]
    assert office.call_of(run).error_code == "switched_off"


def test_who_uses_neither_pays_no_query(stage: Stage) -> None:
    run = stage.start(calls("look", number="1"), "Done.")
    held = stage.hold(run)
    (think,) = iterate.prepare(held)
    reply = engine().run(lambda on: drive.perform(on, held, think))
    with CaptureQueriesContext(connection) as queries:
        iterate.settle(held, think, reply)
    assert [query["sql"] for query in queries if query["sql"].lstrip().startswith("SELECT")] == []


POLICY, DISPATCH = "agents_app.gate.policy:", "agents_app.gate.dispatch:"
MUTANTS = [
    mutant(
        "a policy's allow beats who asks",
        test_deny_beats_ask_beats_allow,
        "agents_app.core.policy:strongest",
        "most = max(",
        "most = min(",
    ),
    mutant(
        "policies are not asked at dispatch",
        test_a_policy_made_after_the_approval_denies,
        f"{DISPATCH}check",
        "if ruling.answer is Answer.DENY:",
        "if False:",
    ),
    mutant(
        "a policy that cannot be evaluated is passed over",
        test_a_policy_that_cannot_be_evaluated_asks,
        f"{POLICY}_ruling",
        "if held.held is False:",
        "if not held.held:",
    ),
    mutant(
        "an unreadable policy is passed over",
        test_a_policy_that_cannot_be_evaluated_asks,
        f"{POLICY}_of_staff",
        "held = Holding(held=None, reason=rule.broken) if rule.broken else",
        "held = Holding(held=False) if rule.broken else",
    ),
    mutant(
        "a policy in doubt answers what it says",
        test_a_rule_of_the_agent_that_cannot_be_evaluated_asks,
        f"{POLICY}_ruling",
        "answer = Answer.ASK if doubt else Answer(rule.answer)",
        "answer = Answer(rule.answer)",
    ),
    mutant(
        "conditions are not asked",
        test_conditions_are_asked,
        f"{POLICY}_holds",
        "return holds(conditions,",
        "return holds([],",
    ),
    mutant(
        "a switch does not hold back what was approved",
        test_a_switch_holds_back_what_was_approved,
        f"{DISPATCH}check",
        "if (refusal := _switched_off(known, tool, context)) is not None:",
        "if request is None and (refusal := _switched_off(known, tool, context)) is not None:",
    ),
    mutant(
        "the write does not ask whether the rules still hold",
        test_a_worker_that_holds_the_run_sees_a_switch,
        "agents_app.transitions.change:Change._update_context",
        "statement if self._rules_needed is None else if_rules_hold(statement, self._rules_needed)",
        "statement",
    ),
    mutant(
        "the rules are not compared under the lock",
        test_a_switch_thrown_between_judgement_and_start_is_seen,
        "agents_app.transitions.change:Change.by_rules",
        "return version == self.rules_version",
        "return True",
    ),
    mutant(
        "a changed policy is not told of",
        test_a_worker_that_knows_the_rules_sees_that_they_changed,
        "agents_app.models.rule_version:renew_rules",
        'defaults={"version": uuid4().hex}',
        'defaults={"version": "the same"}',
    ),
]
