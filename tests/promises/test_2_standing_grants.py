"""Promise 2 again: a standing grant allows what its owner could approve, as often as it says, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents_app import Approvers, services
from agents_app.definitions.registry import registry
from agents_app.models import AgentEvent, ApprovalPolicy, ApprovalRequest, StandingGrant, ToolCall, clock, database_now
from agents_app.runtime import drive, iterate
from agents_app.runtime.engines import engine
from agents_app.services import SYSTEM, Run
from agents_app.testing import approve_pending, calls, run_until_idle
from tests import office
from tests.office import ALONE
from tests.promises.mutants import mutant
from tests.promises.stage import Stage
from tests.scenarios.meanwhile import elsewhere, together

UP_TO_100 = [{"path": "amount", "operator": "at_most", "value": 100}]
GRANTS = ("agents_app.add_standinggrant", "agents_app.start_run")


def pay(amount: int, to: str = "Ann") -> Any:
    return calls("pay", to=to, amount=amount)


def owner(name: str = "olga") -> Any:
    found = get_user_model().objects.filter(username=name).first()
    return found or office.person(name, *office.DECIDES, *GRANTS)


def grant(stage: Stage, call: Any = None, **options: Any) -> StandingGrant:
    """Made by the owner from the request about a payment of 80, which is rejected then."""
    run = stage.play(call or pay(80), "Done.", **options.pop("start", {}))
    request = office.request_of(run)
    by = options.pop("by", None) or owner()
    given = {"scope": "agent", "conditions": UP_TO_100, "expires_at": "never", **options}
    made = services.make_grant(request.pk, by=by, **given)
    assert ApprovalRequest.objects.get(pk=request.pk).status == "pending"  # it decides nothing itself
    services.reject(request.pk, by=by, reason="No.")
    run_until_idle()
    assert office.done == []
    return made


def allowed(run: Run[Any], by: StandingGrant) -> ToolCall:
    """The call was made without a question, and says by which grant."""
    call = office.call_of(run)
    assert (call.status, call.grant_id) == ("succeeded", by.pk)
    assert not ApprovalRequest.objects.filter(context_id=run.id).exists()
    (event,) = AgentEvent.objects.filter(context_id=run.id, type="tool_call.started")
    assert (event.data["grant"], event.data["rule"]) == (str(by.pk), "standing grant")
    return call


def asked(run: Run[Any]) -> ApprovalRequest:
    """A person is asked; nothing was done."""
    call = office.call_of(run)
    assert (call.status, call.grant_id) == ("awaiting_approval", None)
    assert office.done == []
    return office.request_of(run)


def test_a_grant_stands_for_the_question(stage: Stage) -> None:
    made = grant(stage, uses=2)
    allowed(stage.play(pay(60), "Done."), made)
    allowed(stage.play(pay(100), "Done."), made)
    assert [value for _, value in office.done] == [("Ann", 60), ("Ann", 100)]
    office.done.clear()
    asked(stage.play(pay(60), "Done."))  # its uses are used up
    made.refresh_from_db()
    assert (made.uses, made.uses_left) == (2, 0)


def test_what_its_conditions_do_not_cover_is_asked(stage: Stage) -> None:
    made = grant(stage)
    asked(stage.play(pay(101), "Done."))
    StandingGrant.objects.update(conditions=[{"path": "gone", "operator": "equals", "value": "b"}])
    asked(stage.play(pay(60), "Done."))  # neither true nor false
    StandingGrant.objects.update(conditions={"what": "is this"})
    asked(stage.play(pay(60), "Done."))
    made.refresh_from_db()
    assert made.uses == 0


def test_it_counts_in_its_scope_alone(stage: Stage) -> None:
    ann, bob = office.person("ann"), office.person("bob")
    made = grant(stage, scope="session", start={"user": ann, "session": "one"})
    asked(stage.play(pay(60), "Done.", user=ann, session="two"))
    asked(stage.play(pay(60), "Done.", user=ann))
    allowed(stage.play(pay(60), "Done.", user=ann, session="one"), made)
    office.done.clear()
    services.revoke_grant(made.pk, by=owner())
    made = grant(stage, scope="user", start={"user": ann})
    asked(stage.play(pay(60), "Done.", user=bob))
    asked(stage.play(pay(60), "Done."))
    allowed(stage.play(pay(60), "Done.", user=ann, session="two"), made)


def test_it_is_for_one_tool(stage: Stage) -> None:
    order = calls("order", what="paper")
    grant(stage, order, conditions="any", scope="session", start={"session": "one"})
    grant(stage, conditions="any")
    asked(stage.play(order, "Done."))


def test_it_ends(stage: Stage) -> None:
    made = grant(stage, expires_at=database_now() + timedelta(hours=1))
    allowed(stage.play(pay(60), "Done."), made)
    office.done.clear()
    with clock.moved(timedelta(hours=2)):
        asked(stage.play(pay(60), "Done."))


def test_it_can_be_revoked(stage: Stage) -> None:
    made = grant(stage)
    services.revoke_grant(made.pk, by=owner(), reason="Enough.")
    asked(stage.play(pay(60), "Done."))


def test_a_policy_that_denies_beats_it(stage: Stage) -> None:
    grant(stage)
    services.save_policy({"name": "no", "tool": "pay", "answer": "deny"}, by=SYSTEM)
    run = stage.play(pay(60), "Done.")
    assert (office.done, office.call_of(run).error_code) == ([], "denied")


def test_a_policy_that_asks_is_answered_by_it(stage: Stage) -> None:
    made = grant(stage)
    services.save_policy({"name": "all", "tool": "pay", "answer": "ask"}, by=SYSTEM)
    allowed(stage.play(pay(10), "Done."), made)


def test_a_kill_switch_beats_it(stage: Stage) -> None:
    grant(stage)
    services.switch_off(by=SYSTEM, reason="Robbed.", tool="pay")
    run = stage.play(pay(60), "Done.")
    assert (office.done, office.call_of(run).error_code) == ([], "switched_off")


def test_the_precondition_beats_it(stage: Stage) -> None:
    made = grant(stage)
    office.behaviour["pay.precondition"] = lambda *args: "There is no money."
    run = stage.play(pay(60), "Done.")
    assert (office.done, office.call_of(run).error_code) == ([], "precondition")
    made.refresh_from_db()
    assert made.uses == 0


def test_a_rule_in_doubt_beats_it(stage: Stage) -> None:
    """It might have denied, also where another rule that asks is named before it."""
    grant(stage)
    services.save_policy({"name": "first", "tool": "pay", "answer": "ask", "priority": 9}, by=SYSTEM)
    broken = [{"path": "gone", "operator": "equals", "value": "b"}]
    services.save_policy({"name": "broken", "tool": "pay", "answer": "deny"}, by=SYSTEM)
    ApprovalPolicy.objects.filter(name="broken").update(conditions=broken)
    assert asked(stage.play(pay(60), "Done.")).rule == "policy: first"


def test_it_is_no_way_round_several_people(stage: Stage) -> None:
    grant(stage)
    policy = {"name": "two", "tool": "pay", "answer": "ask", "approvers": {"quorum": 2}}
    services.save_policy(policy, by=SYSTEM)
    asked(stage.play(pay(60), "Done."))
    stages = {"stages": [{"name": "first"}, {"name": "then"}]}
    ApprovalPolicy.objects.update(approvers=stages)
    asked(stage.play(pay(60), "Done."))


def test_it_is_no_way_round_four_eyes(stage: Stage) -> None:
    made = grant(stage)
    tool = registry.get("clerk").tools["pay"]
    object.__setattr__(tool, "approvers", Approvers())  # of an external tool
    try:
        asked(stage.play(pay(60), "Done.", user=owner()))
        asked(stage.play(pay(60), "Done.", by=owner()))
        allowed(stage.play(pay(60), "Done.", user=office.person("ann")), made)
    finally:
        object.__setattr__(tool, "approvers", ALONE)


def test_its_owner_must_still_be_one_who_may(stage: Stage) -> None:
    by = owner()
    made = grant(stage)
    get_user_model().objects.update(is_active=False)
    asked(stage.play(pay(60), "Done."))
    get_user_model().objects.update(is_active=True)
    finance = Group.objects.create(name="Finance")
    services.save_policy({"name": "f", "tool": "pay", "answer": "ask", "approvers": {"group": "Finance"}}, by=SYSTEM)
    asked(stage.play(pay(60), "Done."))
    by.groups.add(finance)
    allowed(stage.play(pay(60), "Done."), made)
    office.done.clear()
    by.user_permissions.remove(*by.user_permissions.filter(codename="view_group"))  # what the tool asks for
    asked(stage.play(pay(60), "Done."))
    by.delete()
    asked(stage.play(pay(60), "Done."))


def test_what_people_are_asked_about_stays_with_them(stage: Stage) -> None:
    run = stage.play(pay(60), "Done.")
    grant(stage)
    run_until_idle()
    asked(run)


def test_a_worker_that_judged_before_it_was_revoked_asks(stage: Stage) -> None:
    made = grant(stage)
    judged_slowly(stage, lambda: services.revoke_grant(made.pk, by=owner()))


def test_a_worker_that_judged_before_it_was_used_up_asks(stage: Stage) -> None:
    """The rules are what they were; the row is counted by the write."""
    made = grant(stage, uses=1)
    judged_slowly(stage, lambda: StandingGrant.objects.filter(pk=made.pk).use())
    made.refresh_from_db()
    assert (made.uses, made.uses_left) == (1, 0)


def judged_slowly(stage: Stage, meanwhile: Any) -> None:
    run = stage.start(pay(60), "Done.")
    seen = []
    judge = iterate.judge

    def judge_slowly(*args: Any) -> Any:
        verdicts = judge(*args)
        if not seen and any(verdict.grant for verdict in verdicts.of.values()):
            seen.append(elsewhere(meanwhile))
        return verdicts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(iterate, "judge", judge_slowly)
        run_until_idle()
    assert seen
    asked(run)


def test_the_last_use_is_had_once(stage: Stage) -> None:
    """Several workers want it at the same moment."""
    made = grant(stage, uses=1)
    runs = [stage.start(pay(60), "Done.") for _ in range(4)]
    held = [stage.hold(run) for run in runs]
    turns = [iterate.prepare(each) for each in held]
    outcomes = together(*(_turn(each, act) for each, (act,) in zip(held, turns, strict=True)))
    assert [each for each in outcomes if isinstance(each, Exception)] == []
    made.refresh_from_db()
    assert (made.uses, made.uses_left) == (1, 0)
    found = sorted(office.call_of(run).status for run in runs)
    assert found == ["awaiting_approval", "awaiting_approval", "awaiting_approval", "started"]


def _turn(held: Any, act: Any) -> Any:
    reply = engine().run(lambda on: drive.perform(on, held, act))
    return lambda: iterate.settle(held, act, reply)


def test_a_call_uses_it_once_however_often_it_is_made(stage: Stage) -> None:
    made = grant(stage, calls("order", what="paper"), conditions="any", uses=1)

    def fail_once(context: Any, value: Any) -> str:
        if len(office.done) == 1:
            raise ConnectionError
        return "ordered"

    office.behaviour["order"] = fail_once
    run = stage.start(calls("order", what="pens"), "Done.")
    run_until_idle(limit=10)  # a use for each attempt would leave the call due for ever
    call = office.call_of(run)
    assert (call.status, call.attempt, call.grant_id) == ("succeeded", 2, made.pk)
    assert len(set(office.keys)) == 1
    made.refresh_from_db()
    assert (made.uses, made.uses_left) == (1, 0)


def test_a_retry_is_asked_about_when_it_was_revoked(stage: Stage) -> None:
    made = grant(stage, calls("order", what="paper"), conditions="any")

    def revoked(context: Any, value: Any) -> str:
        elsewhere(lambda: services.revoke_grant(made.pk, by=owner()))
        raise ConnectionError

    office.behaviour["order"] = revoked
    run = stage.play(calls("order", what="pens"), "Done.")
    assert (office.names(), office.call_of(run).status) == (["order"], "awaiting_approval")
    office.behaviour.clear()
    approve_pending(run, by=stage.dora)
    run_until_idle()
    assert (office.names(), office.call_of(run).grant_id) == (["order", "order"], None)


def test_a_worker_that_dies_after_the_start_has_used_it(stage: Stage) -> None:
    """What came of an external call is unknown, as ever."""
    made = grant(stage, uses=1)
    run = stage.start(pay(60), "Done.")
    held = stage.hold(run)
    (act,) = iterate.prepare(held)
    (tool_act,) = _turn(held, act)()
    assert tool_act.call_id == office.call_of(run).pk
    with clock.moved(timedelta(hours=1)):
        run_until_idle()
        call = office.call_of(run)
        assert (call.status, call.grant_id, office.done) == ("unknown", made.pk, [])
    made.refresh_from_db()
    assert (made.uses, made.uses_left) == (1, 0)


def test_a_call_that_waits_for_its_twin_has_not_used_it(stage: Stage) -> None:
    made = grant(stage, uses=1)
    office.behaviour["pay"] = lambda context, value: (_ for _ in ()).throw(ConnectionError())
    first = stage.play(pay(10), "Done.", user=office.person("ann"), session="s")
    assert office.call_of(first).status == "unknown"
    services.save_policy({"name": "all", "tool": "pay", "answer": "ask"}, by=SYSTEM)
    office.done.clear()
    second = stage.play(pay(10), "Done.", user=get_user_model().objects.get(username="ann"), session="s")
    assert (office.call_of(second).status, office.call_of(second).postponements) == ("ready", 1)
    made.refresh_from_db()
    assert (made.uses, made.uses_left) == (0, 1)


def test_conditions_see_what_is_hidden(stage: Stage) -> None:
    secret = [{"path": "password", "operator": "equals", "value": "sesame"}]
    sign_in = calls("sign_in", account="a", password="sesame")  # a test's
    made = grant(stage, sign_in, conditions=secret)
    asked(stage.play(calls("sign_in", account="a", password="other"), "Done."))  # a test's
    run = stage.play(sign_in, "Done.")
    assert "sesame" not in allowed(run, made).arguments
    assert "sesame" not in str(list(AgentEvent.objects.filter(context_id=run.id).values_list("data", flat=True)))


def test_who_has_no_grant_pays_no_query(stage: Stage) -> None:
    """Nor does who has one for another tool."""
    grant(stage, calls("order", what="paper"), conditions="any")
    asked(stage.play(pay(60), "Done."))  # from now on the rules are known
    run = stage.start(pay(60), "Done.")
    held = stage.hold(run)
    (act,) = iterate.prepare(held)
    settle = _turn(held, act)
    with CaptureQueriesContext(connection) as queries:
        settle()
    asked(run)
    assert [query["sql"] for query in queries if "agents_app_standinggrant" in query["sql"]] == []


def test_workers_on_both_sides_of_a_grant(stage: Stage) -> None:
    """A claim made before the grant sees it: the version of the rules is asked."""
    run = stage.start(pay(60), "Done.")
    held = stage.hold(run)
    (act,) = iterate.prepare(held)
    settle = _turn(held, act)
    made = grant(stage)
    assert [type(each).__name__ for each in settle()] == ["ToolAct"]
    assert office.call_of(run).grant_id == made.pk


GATE, MODEL, ADVANCE = "agents_app.gate.grants:", "agents_app.models.standing_grant:", "agents_app.runtime.advance:"
MUTANTS = [
    mutant(
        "conditions of a grant are not asked",
        test_what_its_conditions_do_not_cover_is_asked,
        f"{GATE}_allowing",
        "if _holds(grant, tool, values) and",
        "if",
    ),
    mutant(
        "a grant whose conditions cannot be told allows",
        test_what_its_conditions_do_not_cover_is_asked,
        f"{GATE}_holds",
        "sensitive=tool.sensitive).held is True",
        "sensitive=tool.sensitive).held is not False",
    ),
    mutant(
        "a grant for a session counts everywhere",
        test_it_counts_in_its_scope_alone,
        f"{GATE}_about",
        "live.filter(scopes, tool=call.tool)",
        "live.filter(tool=call.tool)",
    ),
    mutant(
        "a grant is for every tool",
        test_it_is_for_one_tool,
        f"{GATE}_about",
        "live.filter(scopes, tool=call.tool)",
        "live.filter(scopes)",
    ),
    mutant(
        "grants are looked for at every tool",
        test_who_has_no_grant_pays_no_query,
        f"{GATE}granted",
        "if tool.name not in rules.granted:",
        "if False:",
    ),
    mutant(
        "a grant is used without end",
        test_it_ends,
        f"{MODEL}StandingGrantQuerySet.standing",
        "Q(expires_at=None) | Q(expires_at__gt=DatabaseNow()), ",
        "",
    ),
    mutant(
        "a rule in doubt is answered by a grant",
        test_a_rule_in_doubt_beats_it,
        f"{GATE}_allowing",
        "any(each.doubt for each in found)",
        "ruling.doubt",
    ),
    mutant(
        "a grant answers a policy that denies",
        test_a_policy_that_denies_beats_it,
        "agents_app.gate.dispatch:check",
        "if ruling.answer is Answer.DENY:",
        "if False:",
    ),
    mutant(
        "a grant stands for several people",
        test_it_is_no_way_round_several_people,
        f"{GATE}alone",
        "return len(stages) == 1 and stages[0].quorum == 1",
        "return True",
    ),
    mutant(
        "a grant of the requester counts under four eyes",
        test_it_is_no_way_round_four_eyes,
        f"{GATE}_yes_of",
        "if question.four_eyes and key_of(owner) == question.requester_key:",
        "if False:",
    ),
    mutant(
        "the owner of a grant is not asked again",
        test_its_owner_must_still_be_one_who_may,
        f"{GATE}_yes_of",
        "return by_own_right(owner, question, put_to).allowed",
        "return True",
    ),
    mutant(
        "the precondition is not asked of what a grant allows",
        test_the_precondition_beats_it,
        "agents_app.gate.dispatch:check",
        "return precondition(tool, context, arguments) or Dispatch(go=Go.START, rule=STANDING_GRANT, grant=grant)",
        "return Dispatch(go=Go.START, rule=STANDING_GRANT, grant=grant)",
    ),
    mutant(
        "the count of uses is no guard",
        test_a_worker_that_judged_before_it_was_used_up_asks,
        "agents_app.transitions.grants:use",
        "return rows.use() > 0 if counts else rows.standing().exists()",
        "return rows.use() >= 0",
    ),
    mutant(
        "several have the last use",
        test_the_last_use_is_had_once,
        f"{ADVANCE}_granted",
        "return grants.use(grant.id, counts=grant.counts)",
        "return True",
    ),
    mutant(
        "a grant that is revoked counts",
        test_a_worker_that_judged_before_it_was_revoked_asks,
        f"{MODEL}StandingGrantQuerySet.standing",
        ", revoked_at=None",
        "",
    ),
    mutant(
        "each attempt at a call is a use",
        test_a_call_uses_it_once_however_often_it_is_made,
        f"{GATE}granted",
        "counts=grant.pk != call.grant_id",
        "counts=True",
    ),
    mutant(
        "a grant stays on a call that people approved since",
        test_a_retry_is_asked_about_when_it_was_revoked,
        "agents_app.transitions.calls:start",
        '**({} if call.grant_id == grant else {"grant_id": grant}),',
        '**({} if grant is None else {"grant_id": grant}),',
    ),
    mutant(
        "a call that does not start keeps its use",
        test_a_call_that_waits_for_its_twin_has_not_used_it,
        f"{ADVANCE}_open_calls",
        "if verdict.grant is not None and not isinstance(act, ToolAct):",
        "if False:",
    ),
]
