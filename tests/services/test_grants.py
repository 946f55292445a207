"""Making and ending standing grants: who may, of what, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest

from agents_app import Approvers, services
from agents_app.checks import check_grants
from agents_app.core.approver_rules import Stage
from agents_app.core.grants import GrantState
from agents_app.definitions.registry import registry
from agents_app.exceptions import InvalidInput, NotFound, NotPermitted, WrongState
from agents_app.management.doctor.findings import Level
from agents_app.management.doctor.grants import examine_grants
from agents_app.models import AgentEvent, ApprovalRequest, StandingGrant, database_now
from agents_app.selectors.grants import described_conditions, grant_as_dict, visible_grants
from agents_app.services import SYSTEM, Run
from agents_app.services.grants import grant_problems
from agents_app.services.likeness import likeness_of
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import ALONE, Clerk

pytestmark = pytest.mark.django_db

PAY = calls("pay", to="Ann", amount=80)
UP_TO_100 = [{"path": "amount", "operator": "at_most", "value": 100}]


@pytest.fixture
def olga() -> Any:
    return office.person("olga", *office.DECIDES, "agents_app.add_standinggrant")


def play(agents: AgentsKit, call: Any = PAY, **options: Any) -> Run[str]:
    agents.scripted_llm(Clerk, call, "Done.")
    run = services.start_run(Clerk, "go", **options)
    agents.run_until_idle()
    return run


def make(run: Run[str], by: Any, **options: Any) -> StandingGrant:
    given = {"scope": "agent", "conditions": UP_TO_100, "expires_at": "never", **options}
    return services.make_grant(office.request_of(run).pk, by=by, **given)


def types(run: Run[str]) -> list[str]:
    return list(AgentEvent.objects.filter(context_id=run.id).order_by("sequence").values_list("type", flat=True))


def test_a_grant_keeps_what_was_said(agents: AgentsKit, olga: Any) -> None:
    run = play(agents)
    end = database_now() + timedelta(days=3)
    row = make(run, olga, uses=20, expires_at=end, reason=" They are small. ")
    row.refresh_from_db()
    assert (row.agent, row.tool, row.scope, row.uses, row.uses_left) == ("clerk", "pay", "agent", 0, 20)
    assert (row.owner_key, row.owner_name, row.reason, row.door) == (str(olga.pk), "olga", "They are small.", "code")
    assert (row.run_key, row.request_key, row.conditions) == (run.id, office.request_of(run).pk, UP_TO_100)
    assert row.state_at(database_now()) is GrantState.LIVE
    assert row.state_at(end) is GrantState.EXPIRED
    (event,) = AgentEvent.objects.filter(context_id=run.id, type="grant.made")
    assert event.data == {"grant": str(row.pk), "tool": "pay", "scope": "agent", "by": "olga"}
    shown = grant_as_dict(row, olga)
    assert (shown["state"], shown["owner"], shown["conditions"]) == ("live", "olga", UP_TO_100)


def test_it_can_be_made_from_what_was_approved(agents: AgentsKit, olga: Any) -> None:
    run = play(agents)
    agents.approve_pending(run, by=olga)
    agents.run_until_idle()
    make(run, olga)
    assert types(run)[-1] == "grant.made"  # the run has ended, and its log goes on


def test_not_from_what_was_refused(agents: AgentsKit, olga: Any) -> None:
    run = play(agents)
    services.reject(office.request_of(run).pk, by=olga, reason="No.")
    with pytest.raises(WrongState):
        make(run, olga)


def refused(run: Run[str], by: Any, rule: str) -> None:
    with pytest.raises(NotPermitted) as caught:
        make(run, by)
    assert caught.value.details["rule"] == rule
    assert not StandingGrant.objects.exists()


def test_who_may_not_approve_it_alone_may_not_grant_it(agents: AgentsKit, olga: Any) -> None:
    run = play(agents, user=olga)
    refused(run, office.decider(), "agents_app.add_standinggrant")
    refused(
        run,
        office.person("pia", "agents_app.decide_approvalrequest", "agents_app.add_standinggrant"),
        "auth.view_group",
    )
    with pytest.raises(NotFound):
        make(run, office.person("ann", "agents_app.add_standinggrant"))
    refused(run, SYSTEM, "person")
    request = ApprovalRequest.objects.filter(context_id=run.id)
    request.update(four_eyes=True)
    refused(run, olga, "four_eyes")
    request.update(four_eyes=False, quorum=2, approvers=Approvers(quorum=2).as_json())
    refused(run, olga, "quorum")
    request.update(quorum=1, approvers=Approvers(stages=[Stage(), Stage()]).as_json())
    refused(run, olga, "quorum")


def test_nobody_grants_in_somebody_elses_stead(agents: AgentsKit, olga: Any) -> None:
    """A delegation ends; so does an escalation."""
    run = play(agents)
    pia = office.person("pia", "agents_app.decide_approvalrequest", "agents_app.add_standinggrant")
    services.delegate(to=pia, by=olga, until=database_now() + timedelta(days=1))
    refused(run, pia, "auth.view_group")
    ApprovalRequest.objects.update(group="Finance")
    ApprovalRequest.objects.update(escalated_at=database_now(), escalate_to="agents_app.decide_approvalrequest")
    refused(run, olga, "group")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"scope": "world"}, "scope"),
        ({"scope": "session"}, "scope"),
        ({"scope": "user"}, "scope"),
        ({"conditions": []}, "conditions"),
        ({"conditions": "all"}, "conditions"),
        ({"conditions": None}, "conditions"),
        ({"conditions": [{"path": "amuont", "operator": "at_most", "value": 100}]}, "conditions"),
        ({"conditions": [{"path": "amount", "operator": "at_most", "value": "much"}]}, "conditions"),
        ({"conditions": [{"path": "amount", "operator": "like", "value": 1}]}, "conditions"),
        ({"uses": 0}, "uses"),
        ({"uses": True}, "uses"),
        ({"uses": 10**9}, "uses"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": None}, "expires_at"),
        ({"expires_at": 0}, "expires_at"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_told_at_its_field(
    agents: AgentsKit, olga: Any, wrong: dict[str, Any], field: str
) -> None:
    run = play(agents)
    if wrong.get("expires_at") == 0:
        wrong = {"expires_at": database_now() - timedelta(seconds=1)}
    with pytest.raises(InvalidInput) as caught:
        make(run, olga, **wrong)
    assert caught.value.details["errors"][0]["path"][0] == field
    assert not StandingGrant.objects.exists()
    assert "grant.made" not in types(run)


def test_its_owner_ends_it_or_who_may_end_others(agents: AgentsKit, olga: Any) -> None:
    run = play(agents)
    row = make(run, olga)
    with pytest.raises(NotPermitted):
        services.revoke_grant(row.pk, by=office.decider())
    with pytest.raises(NotFound):
        services.revoke_grant(row.pk, by=office.person("ann"))
    ended = services.revoke_grant(
        row.pk, by=office.person("rita", "agents_app.revoke_standinggrant"), reason=" Enough. "
    )
    assert (ended.revoked_by_name, ended.revoked_reason) == ("rita", "Enough.")
    again = services.revoke_grant(row.pk, by=olga)
    assert (again.revoked_by_name, again.revoked_at) == ("rita", ended.revoked_at)
    assert types(run).count("grant.revoked") == 1


def test_it_is_ended_where_its_run_is_gone(agents: AgentsKit, olga: Any) -> None:
    row = make(play(agents), olga)
    StandingGrant.objects.update(run_key="0190a0a0-0000-7000-8000-000000000000")
    assert services.revoke_grant(row.pk, by=olga).revoked_at is not None


def test_who_sees_grants(agents: AgentsKit, olga: Any) -> None:
    make(play(agents), olga)
    seen = {
        "dora": office.DECIDES,
        "vera": ["agents_app.view_standinggrant"],
        "rita": ["agents_app.revoke_standinggrant"],
        "ann": ["agents_app.view_agentcontext"],
    }
    found = {name: visible_grants(office.person(name, *rights)).count() for name, rights in seen.items()}
    assert found == {"dora": 1, "vera": 1, "rita": 1, "ann": 0}
    olga.user_permissions.clear()
    own = type(olga).objects.get(pk=olga.pk)
    assert visible_grants(own).count() == 1
    assert visible_grants(SYSTEM).count() == 1


def test_what_it_is_like_is_suggested(agents: AgentsKit) -> None:
    like = likeness_of(office.request_of(play(agents)))
    told = [(each.path, str(each.operator), each.value) for each in like.conditions]
    assert told == [("to", "equals", "Ann"), ("amount", "equals", "80")]
    assert like.left_out == ()
    secret = calls("sign_in", account="a", password="sesame")  # a test's
    like = likeness_of(office.request_of(play(agents, secret)))
    assert ([each.path for each in like.conditions], like.left_out) == (["account"], ("password",))
    long = likeness_of(office.request_of(play(agents, calls("order", what="x" * 300))))
    assert (long.conditions, long.left_out) == ((), ("what",))


def test_hidden_values_are_not_told(agents: AgentsKit, olga: Any) -> None:
    run = play(agents, calls("sign_in", account="a", password="sesame"))  # a test's
    secret = [{"path": "password", "operator": "equals", "value": "sesame"}]
    row = make(run, olga, conditions=secret)
    assert "sesame" not in str(grant_as_dict(row, olga, ("password",)))
    assert described_conditions(row, ("password",)) == ["password is ***"]
    assert "sesame" in str(grant_as_dict(row, office.person("sam", "agents_app.view_sensitive"), ("password",)))


def test_what_makes_it_useless_is_told(agents: AgentsKit, olga: Any) -> None:
    row = make(play(agents), olga)
    assert grant_problems(row) == []
    tool = registry.get("clerk").tools["pay"]
    object.__setattr__(tool, "approvers", Approvers(quorum=2))
    try:
        assert grant_problems(row) == ["Several people have to approve such calls now."]
    finally:
        object.__setattr__(tool, "approvers", ALONE)
    row.conditions = [{"path": "gone", "operator": "equals", "value": 1}]
    olga.delete()
    assert grant_problems(row) == ["The tool has no field gone.", "olga, who allows it, may not decide any more."]
    row.tool = "gone"
    assert grant_problems(row) == ["The agent clerk has no tool “gone” any more."]
    row.agent = "gone"
    assert len(grant_problems(row)) == 1


def test_the_check_and_the_doctor_tell_of_what_is_useless(agents: AgentsKit, olga: Any) -> None:
    row = make(play(agents), olga)
    assert check_grants(databases=["default"]) == []
    assert [finding.level for finding in examine_grants()] == [Level.OK]
    StandingGrant.objects.update(tool="gone")
    (warning,) = check_grants(databases=["default"])
    assert (warning.id, "“gone”" in warning.msg) == ("agents_app.W030", True)
    assert [finding.level for finding in examine_grants()] == [Level.WARNING]
    assert check_grants(databases=None) == []
    services.revoke_grant(row.pk, by=olga)
    assert check_grants(databases=["default"]) == list(examine_grants()) == []


def test_whose_person_is_erased_ends_and_loses_their_name(agents: AgentsKit, olga: Any) -> None:
    ann = office.person("ann_the_customer")
    run = play(agents, user=ann)
    theirs, others = make(run, olga, scope="user"), make(run, olga)
    services.reject(office.request_of(run).pk, by=olga, reason="No.")
    agents.run_until_idle()
    services.erase_user(ann, by=SYSTEM)
    theirs.refresh_from_db()
    others.refresh_from_db()
    assert (theirs.user_name, theirs.conditions, theirs.revoked_at is None) == ("erased", "", False)
    assert (theirs.owner_name, others.owner_name, others.revoked_at) == ("olga", "olga", None)
    services.erase_user(olga, by=SYSTEM)
    others.refresh_from_db()
    assert (others.owner_name, others.revoked_by_name) == ("erased", "system")
    assert str(olga.pk) != others.owner_key
