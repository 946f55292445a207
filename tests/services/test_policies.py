"""Policies that staff keep: what can be stored, and what does not fit the tools."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group

from agents_app import services
from agents_app.core.conditions import Condition
from agents_app.definitions.registry import definition_of
from agents_app.exceptions import InvalidInput, NotFound, NotPermitted
from agents_app.models import ApprovalPolicy, RuleVersion, StandingGrant
from agents_app.services import SYSTEM
from agents_app.testing import AgentsKit, calls
from tests import office

pytestmark = pytest.mark.django_db
LARGE = {"path": "amount", "operator": "more_than", "value": 100}
GOOD = {"name": "large", "agent": "clerk", "tool": "pay", "conditions": [LARGE], "answer": "deny"}
RIGHTS = [f"agents_app.{act}_approvalpolicy" for act in ("add", "change", "delete", "view")]


@pytest.fixture(autouse=True)
def _office() -> Iterator[None]:
    with office.open_office():
        yield


def test_a_policy_is_made_changed_and_removed_by_those_who_may() -> None:
    rita = office.person("rita", *RIGHTS)
    made = services.save_policy(GOOD, by=rita)
    assert (made.made_by, made.updated_by, made.priority, made.active) == ("rita", "rita", 0, True)
    before = RuleVersion.objects.get().version
    changed = services.save_policy({"answer": "ask", "priority": 5}, by=SYSTEM, policy_id=made.pk)
    assert (changed.answer, changed.priority, changed.name, changed.updated_by) == ("ask", 5, "large", "system")
    assert RuleVersion.objects.get().version != before
    services.delete_policy(made.pk, by=rita)
    with pytest.raises(NotFound):
        services.delete_policy(made.pk, by=rita)


def test_others_may_not() -> None:
    made = services.save_policy(GOOD, by=SYSTEM)
    viewer = office.person("vera", "agents_app.view_approvalpolicy")
    for attempt in (
        lambda: services.save_policy({**GOOD, "name": "x"}, by=viewer),
        lambda: services.save_policy({"answer": "allow"}, by=viewer, policy_id=made.pk),
        lambda: services.delete_policy(made.pk, by=viewer),
    ):
        with pytest.raises(NotPermitted):
            attempt()
    assert ApprovalPolicy.objects.get().answer == "deny"


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"name": " "}, ["name"]),
        ({"name": "x" * 101}, ["name"]),
        ({"answer": "perhaps"}, ["answer"]),
        ({"priority": "high"}, ["priority"]),
        ({"priority": 10**9}, ["priority"]),
        ({"active": None}, ["active"]),
        ({"valid_from": "soon"}, ["valid_from"]),
        ({"agent": "nobody"}, ["agent"]),
        ({"tool": "fly"}, ["tool"]),
        ({"tool": ""}, ["tool"]),
        ({"reason": "\x00"}, ["reason"]),
        ({"approvers": {"quorum": 0}}, ["approvers"]),
        ({"approvers": {"group": "Nobody"}}, ["approvers"]),
        ({"approvers": {"permission": "auth.view_grup"}}, ["approvers"]),
        ({"approvers": {"stages": [{"quorum": 2}, {"resolver": "nobody"}]}}, ["approvers"]),
        ({"conditions": "amount > 5"}, ["conditions"]),
        ({"conditions": [{"path": "amount", "operator": "matches", "value": "5"}]}, ["conditions", 0, "operator"]),
        ({"conditions": [LARGE, {**LARGE, "path": "amont"}]}, ["conditions", 1, "path"]),
        ({"conditions": [{**LARGE, "value": "much"}]}, ["conditions", 0, "value"]),
        ({"conditions": [{**LARGE, "path": "to"}]}, ["conditions", 0, "operator"]),
    ],
    ids=[str(number) for number in range(20)],
)
def test_what_cannot_be_used_says_where(wrong: dict[str, Any], path: list[Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        services.save_policy({**GOOD, **wrong}, by=SYSTEM)
    assert path in [error["path"] for error in caught.value.details["errors"]]
    assert not ApprovalPolicy.objects.exists()


def test_a_permission_in_no_table_may_be_known_to_other_backends(settings: Any) -> None:
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "tests.gate.test_objects.Objects"]
    made = services.save_policy(
        {**GOOD, "answer": "ask", "approvers": {"permission": "orders.approve_refund"}}, by=SYSTEM
    )
    assert services.policy_problems(made) == []


def test_two_of_a_name_and_unknown_fields_are_refused() -> None:
    services.save_policy(GOOD, by=SYSTEM)
    with pytest.raises(InvalidInput, match="already"):
        services.save_policy(GOOD, by=SYSTEM)
    with pytest.raises(InvalidInput, match="colour"):
        services.save_policy({**GOOD, "colour": "red"}, by=SYSTEM)


def test_a_policy_whose_field_is_gone_is_told_of() -> None:
    made = services.save_policy(GOOD, by=SYSTEM)
    assert services.policy_problems(made) == []
    ApprovalPolicy.objects.update(conditions=[{**LARGE, "path": "sum"}])
    made.refresh_from_db()
    (problem,) = services.policy_problems(made)
    assert (problem.field, problem.index, problem.part, problem.fatal) == ("conditions", 0, "path", False)
    assert "no field sum" in problem.message


def test_an_explanation_names_every_rule_and_runs_nothing() -> None:
    services.save_policy(GOOD, by=SYSTEM)
    services.save_policy({"name": "all", "answer": "ask", "reason": "New year."}, by=SYSTEM)
    found = services.explain_call("clerk", "pay", {"to": "Ann", "amount": "120"}, by=SYSTEM)
    assert (found.answer, found.rule, found.reason) == ("deny", "policy: large", "amount is more than 100")
    assert [(each.rule, each.answer) for each in found.rulings] == [
        ("policy: large", "deny"),
        ("policy: all", "ask"),
        ("needs_approval", "ask"),
    ]
    small = services.explain_call("clerk", "look", {"number": "1"}, by=SYSTEM)
    assert (small.answer, small.rule, small.reason) == ("ask", "policy: all", "New year.")
    assert office.done == []


def test_an_explanation_of_a_switch_and_of_nothing() -> None:
    assert services.explain_call("clerk", "look", {"number": "1"}, by=SYSTEM).rule == "no rule asks"
    services.switch_off(by=SYSTEM, reason="Fire.", agent="clerk")
    found = services.explain_call("clerk", "look", {"number": "1"}, by=SYSTEM)
    assert (found.answer, found.rule) == ("deny", "switched_off")
    assert "Fire." in found.reason


def test_an_explanation_needs_what_is_there() -> None:
    with pytest.raises(InvalidInput, match="no tool"):
        services.explain_call("clerk", "fly", {}, by=SYSTEM)
    with pytest.raises(InvalidInput):
        services.explain_call("clerk", "pay", {"to": "Ann"}, by=SYSTEM)
    with pytest.raises(NotPermitted):
        services.explain_call("clerk", "look", {"number": "1"}, by=office.person("nobody"))


def allowed(agents: AgentsKit, by: Any, call: Any, **options: Any) -> Any:
    """A grant that this person makes from the request about a call."""
    agents.scripted_llm(office.Clerk, call, "Done.")
    run = services.start_run(office.Clerk, "go", user=options.pop("user", None), session=options.pop("session", None))
    agents.run_until_idle()
    given: dict[str, Any] = {"scope": "agent", "expires_at": "never", "conditions": UP_TO_100}
    return services.make_grant(office.request_of(run).pk, by=by, **{**given, **options})


UP_TO_100 = [{"path": "amount", "operator": "at_most", "value": 100}]


def test_an_explanation_mentions_the_grants_that_would_let_it_through(agents: AgentsKit) -> None:
    olga = office.person("olga", *office.DECIDES, "agents_app.add_standinggrant")
    ann, bob = office.person("ann"), office.person("bob")
    pay = calls("pay", to="Ann", amount=80)
    in_session = allowed(agents, olga, pay, scope="session", session="s")
    for_ann = allowed(agents, olga, pay, scope="user", user=ann)
    for_all = allowed(agents, olga, pay, uses=3)

    def told(amount: int, **options: Any) -> list[Any]:
        found = services.explain_call("clerk", "pay", {"to": "Ann", "amount": amount}, **{"by": olga, **options})
        assert found.answer == ("ask" if amount > 50 else "allow")
        assert [each["id"] for each in found.as_dict()["grants"]] == [str(grant.pk) for grant in found.grants]
        return [grant.pk for grant in found.grants]

    assert told(80) == [in_session.pk, for_ann.pk, for_all.pk]
    assert told(80, user=ann) == [in_session.pk, for_ann.pk, for_all.pk]
    assert told(80, user=bob) == [in_session.pk, for_all.pk]
    assert told(120) == told(10) == []
    keeper = office.person("keeper", "agents_app.view_approvalpolicy")
    assert told(80, by=keeper) == [], "who may not know of grants"
    services.revoke_grant(in_session.pk, by=olga)
    StandingGrant.objects.filter(pk=for_all.pk).update(uses_left=0)
    assert told(80, user=ann) == [for_ann.pk]
    olga.is_active = False
    olga.save()
    assert told(80, by=SYSTEM) == [], "its owner could not say yes"


def test_a_million_characters_are_judged() -> None:
    services.save_policy(
        {
            "name": "long",
            "tool": "send",
            "answer": "deny",
            "conditions": [{"path": "text", "operator": "one_of", "value": ["x"]}],
        },
        by=SYSTEM,
    )
    assert services.explain_call("clerk", "send", {"text": "x" * 1_000_000}, by=SYSTEM).answer == "allow"


def test_a_sensitive_argument_is_compared_and_not_told() -> None:
    secret = {"path": "password", "operator": "equals", "value": "hunter2"}
    values = {"name": "weak", "tool": "sign_in", "answer": "deny", "conditions": [secret]}
    services.save_policy(values, by=SYSTEM)
    found = services.explain_call("clerk", "sign_in", {"account": "a", "password": "hunter2"}, by=SYSTEM)
    assert (found.answer, found.reason) == ("deny", "password is ***")
    other = services.explain_call("clerk", "sign_in", {"account": "a", "password": "better"}, by=SYSTEM)
    assert other.answer == "ask"
    assert definition_of("clerk").tools["sign_in"].sensitive == {"password"}


def test_the_highest_of_those_that_answer_alike_is_named_and_says_who_decides() -> None:
    Group.objects.create(name="Low")
    services.save_policy({"name": "low", "answer": "ask", "priority": 1, "approvers": {"group": "Low"}}, by=SYSTEM)
    services.save_policy({"name": "high", "answer": "ask", "priority": 9}, by=SYSTEM)
    found = services.explain_call("clerk", "look", {"number": "1"}, by=SYSTEM)
    assert found.rule == "policy: high"
    assert [each.rule for each in found.rulings] == ["policy: high", "policy: low"]


def test_conditions_are_stored_as_they_are_read() -> None:
    made = services.save_policy({**GOOD, "conditions": [{**LARGE, "value": "100.50"}]}, by=SYSTEM)
    assert made.conditions == [{"path": "amount", "operator": "more_than", "value": "100.50"}]
    assert Condition(**made.conditions[0]).value == "100.50"
