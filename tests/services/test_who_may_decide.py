"""Who may decide: groups, named people, quorum, stages, four eyes, delegations; asked when deciding and at dispatch."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from agents_app import Agent, Approvers, Stage, ToolContext, override_llm, tool
from agents_app.core.status import ApprovalStatus, Verdict
from agents_app.definitions.registry import registry
from agents_app.definitions.resolvers import resolvers
from agents_app.exceptions import AgentsError, AlreadyDecided, InvalidInput, NotPermitted, StaleDigest, WrongState
from agents_app.gate.approvers import may_decide
from agents_app.models import AgentEvent, ApprovalRequest, Decision, Delegation, NamedApprover, database_now
from agents_app.selectors.approvers import nobody_because
from agents_app.services import (
    approvals,
    approve,
    claim_request,
    delegate,
    reassign_request,
    reject,
    release_request,
    revoke_delegation,
    start_run,
)
from agents_app.testing import calls, run_until_idle, script
from tests import office

pytestmark = pytest.mark.django_db

done: list[str] = []
named: list[Any] = []


class Bank(Agent[str]):
    """Its tools differ in who may decide."""

    name = "bank"

    @tool(effect="external", requires_approval=True, summary="Wire {text}")
    def wire(self, text: str) -> str:
        """Send money."""
        done.append(text)
        return text

    @tool(effect="read", requires_approval=True, approvers=Approvers(group="Finance", quorum=2))
    def two(self, text: str) -> str:
        """Two of a group."""
        done.append(text)
        return text

    @tool(
        effect="read",
        requires_approval=True,
        approvers=Approvers(stages=[Stage(group="Support"), Stage(name="Money", group="Finance")]),
    )
    def staged(self, text: str) -> str:
        """First these, then those."""
        done.append(text)
        return text

    @tool(effect="read", requires_approval=True, approvers=Approvers(resolver="owner"))
    def owned(self, text: str) -> str:
        """Whom a function names."""
        done.append(text)
        return text


def owner(context: ToolContext, arguments: Mapping[str, Any]) -> list[Any]:
    if arguments["text"] == "nobody's":
        raise LookupError
    return [user for user in named if arguments["text"] != "mine" or user.get_username() == "mia"]


@pytest.fixture(autouse=True)
def bank() -> Iterator[None]:
    done.clear()
    named.clear()
    with registry.override(Bank), resolvers.override(owner=owner):
        yield


def member(name: str, *groups: str) -> Any:
    user = office.person(name, "agents_app.decide_approvalrequest")
    for group in groups:
        user.groups.add(Group.objects.get_or_create(name=group)[0])
    return user


def ask(name: str, text: str = "a", **options: Any) -> ApprovalRequest:
    with override_llm(Bank, script(calls(name, text=text), "Done.")):
        run = start_run(Bank, "go", **options)
        run_until_idle()
    return office.request_of(run)


def again(request: ApprovalRequest) -> ApprovalRequest:
    return ApprovalRequest.objects.get(pk=request.pk)


def yes(request: ApprovalRequest, user: Any, **options: Any) -> ApprovalRequest:
    return approve(request.pk, by=user, digest=again(request).digest, **options)


def go_on() -> None:
    with override_llm(Bank, script("Done.", "Done.", "Done.")):
        run_until_idle()


def rule_of(work: Callable[[], Any]) -> str:
    with pytest.raises(NotPermitted) as caught:
        work()
    return str(caught.value.details["rule"])


def events(request: ApprovalRequest) -> list[str]:
    found = AgentEvent.objects.filter(context=request.context_id, type__startswith="approval.").order_by("sequence")
    return [event.type.removeprefix("approval.") for event in found]


def test_a_group_that_is_not_there_asks_and_everybody_is_told_that_nobody_may_decide() -> None:
    request = ask("two")
    eve = get_user_model().objects.create_superuser("eve", password="pw")
    for user in (member("ann"), eve):
        with pytest.raises(NotPermitted, match="There is no group “Finance”") as caught:
            yes(request, user)
        assert caught.value.details["rule"] == "group"
    go_on()
    assert (done, again(request).status) == ([], ApprovalStatus.PENDING)
    cay = member("cay", "Finance")
    assert nobody_because(again(request)) == ""
    cay.groups.clear()
    assert "nobody may approve this" in nobody_because(again(request)), "the group is there now, and empty"
    with pytest.raises(NotPermitted, match="nobody may approve this"):
        yes(request, eve)


def test_where_others_are_asked_who_may_it_is_not_said_that_nobody_may(settings: Any) -> None:
    request = ask("staged")
    Group.objects.create(name="Support")
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "tests.gate.test_objects.Objects"]
    assert nobody_because(request) == ""
    Group.objects.all().delete()
    assert "There is no group “Support”" in nobody_because(request)
    ApprovalRequest.objects.update(escalated_at=database_now(), escalate_to_group="Leads", escalate_at=database_now())
    assert nobody_because(again(request)) == "", "it was passed on to others"


def test_a_group_and_its_quorum() -> None:
    request = ask("two")
    assert (request.group, request.quorum) == ("Finance", 2)
    ann, ben, stranger = member("ann", "Finance"), member("ben", "Finance"), member("sam", "Support")
    root = get_user_model().objects.create_superuser("root", password="pw")
    assert rule_of(lambda: yes(request, stranger)) == "group"
    assert rule_of(lambda: yes(request, root)) == "group", "superusers pass has_perm and nothing else"
    assert rule_of(lambda: reject(request.pk, by=stranger, reason="no")) == "group"
    assert yes(request, ann).status == ApprovalStatus.PENDING
    assert yes(request, ann).status == ApprovalStatus.PENDING, "a second click is no second person"
    assert may_decide(ann, again(request)).rule == "twice"
    assert may_decide(ann, again(request), Verdict.REJECTED).allowed
    go_on()
    assert done == []
    assert yes(request, ben).status == ApprovalStatus.APPROVED
    assert yes(request, ann).status == ApprovalStatus.APPROVED, "she said so before"
    go_on()
    assert done == ["a"]
    assert list(Decision.objects.order_by("pk").values_list("verdict", flat=True)) == ["endorsed", "approved"]
    assert events(request) == ["requested", "endorsed", "approved"]


def test_stages_come_one_after_the_other() -> None:
    request = ask("staged")
    lead, money = member("lead", "Support"), member("mona", "Finance")
    assert rule_of(lambda: yes(request, money)) == "group"
    assert yes(request, lead).status == ApprovalStatus.PENDING
    assert (again(request).stage, again(request).group) == (1, "Finance")
    assert rule_of(lambda: reject(request.pk, by=lead, reason="no")) == "group"
    assert yes(request, money).status == ApprovalStatus.APPROVED
    go_on()
    assert done == ["a"]


def test_nobody_decides_at_two_stages() -> None:
    request = ask("staged")
    both = member("bob", "Support", "Finance")
    yes(request, both)
    assert rule_of(lambda: approve(request.pk, by=both, digest="0" * 64)) == "twice"
    assert again(request).status == ApprovalStatus.PENDING


def test_an_edit_lets_earlier_approvals_count_no_more() -> None:
    request = ask("two")
    ann, ben, cay = (member(name, "Finance") for name in ("ann", "ben", "cay"))
    yes(request, ann)
    before = again(request).digest
    edited = yes(request, ben, arguments={"text": "b"})
    assert (edited.status, edited.round) == (ApprovalStatus.PENDING, 1)
    assert edited.digest != before
    yes(request, cay)
    go_on()
    assert done == ["b"]


def test_an_edit_back_to_what_was_approved_asks_anew() -> None:
    request = ask("two")
    ann, ben, cay = (member(name, "Finance") for name in ("ann", "ben", "cay"))
    yes(request, ann)
    yes(request, ben, arguments={"text": "b"})
    assert yes(request, cay, arguments={"text": "a"}).status == ApprovalStatus.PENDING, "of this round it is the first"
    assert yes(request, ann).status == ApprovalStatus.APPROVED


def test_the_requester_may_not_approve_what_is_external() -> None:
    mia, ann = member("mia"), member("ann")
    request = ask("wire", user=mia)
    assert (request.four_eyes, request.requester_name) == (True, "mia")
    assert rule_of(lambda: yes(request, mia)) == "four_eyes"
    assert rule_of(lambda: yes(request, mia, arguments={"text": "b"})) == "four_eyes"
    yes(request, ann)
    go_on()
    assert done == ["a"]


def test_who_started_it_is_the_requester_of_a_run_without_a_user() -> None:
    mia = member("mia")
    request = ask("wire", by=mia)
    assert rule_of(lambda: yes(request, mia)) == "four_eyes"
    assert reject(request.pk, by=mia, reason="my mistake").status == ApprovalStatus.REJECTED


def test_four_eyes_can_be_switched_for_the_installation(settings: Any) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "FOUR_EYES_EFFECTS": []}
    mia = member("mia")
    assert yes(ask("wire", user=mia), mia).status == ApprovalStatus.APPROVED


def test_under_four_eyes_an_edit_is_a_proposal() -> None:
    ann, ben = member("ann"), member("ben")
    request = ask("wire")
    shown = request.digest
    for _ in range(2):  # the second is a repetition
        found = approve(request.pk, by=ann, digest=shown, arguments={"text": "b"})
        assert (found.status, found.summary) == (ApprovalStatus.PENDING, "Wire b")
    assert rule_of(lambda: yes(request, ann)) == "four_eyes"
    assert may_decide(ann, again(request)).reason.startswith("You changed the arguments yourself:")
    with pytest.raises(StaleDigest):
        approve(request.pk, by=ben, digest=shown)
    go_on()
    assert done == []
    yes(request, ben)
    go_on()
    assert done == ["b"]
    assert list(Decision.objects.order_by("pk").values_list("verdict", "user_name")) == [
        ("edited", "ann"),
        ("approved", "ben"),
    ]
    assert events(request) == ["requested", "edited", "approved"]


def test_an_editor_may_reject_and_edit_again() -> None:
    ann = member("ann")
    request = ask("wire")
    yes(request, ann, arguments={"text": "b"})
    yes(request, ann, arguments={"text": "c"})
    assert reject(request.pk, by=ann, reason="on second thoughts").status == ApprovalStatus.REJECTED


def test_whom_a_resolver_names() -> None:
    mia, ann = member("mia"), member("ann")
    named.append(mia)
    request = ask("owned")
    assert request.named
    assert rule_of(lambda: yes(request, ann)) == "resolver"
    yes(request, mia)
    go_on()
    assert done == ["a"]


def test_a_resolver_that_raises_names_nobody() -> None:
    mia = member("mia")
    named.append(mia)
    request = ask("owned", "nobody's")
    assert not NamedApprover.objects.exists()
    assert rule_of(lambda: yes(request, mia)) == "resolver"


def test_an_edit_asks_the_resolver_anew() -> None:
    mia, ann = member("mia"), member("ann")
    named.extend([mia, ann])
    request = ask("owned")
    found = yes(request, ann, arguments={"text": "mine"})
    assert found.status == ApprovalStatus.PENDING, "for these arguments she is not named: a proposal"
    assert rule_of(lambda: yes(request, ann)) == "resolver"
    assert yes(request, mia).status == ApprovalStatus.APPROVED


def left_group(user: Any) -> None:
    user.groups.clear()


def left_firm(user: Any) -> None:
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.parametrize("lose", [left_group, left_firm])
def test_each_decider_must_still_be_permitted_at_dispatch(lose: Callable[[Any], None]) -> None:
    request = ask("two")
    ann, ben = member("ann", "Finance"), member("ben", "Finance")
    yes(request, ann)
    yes(request, ben)
    lose(ann)
    go_on()
    assert done == []
    assert again(request).status == ApprovalStatus.WITHDRAWN
    assert ApprovalRequest.objects.get(supersedes=request).status == ApprovalStatus.PENDING


def test_who_is_no_longer_named_at_dispatch_does_not_count() -> None:
    mia = member("mia")
    named.append(mia)
    request = ask("owned")
    yes(request, mia)
    named.clear()
    go_on()
    assert done == []
    assert again(request).status == ApprovalStatus.WITHDRAWN


def test_an_approval_by_an_earlier_rule_asks_anew() -> None:
    request = ask("two")
    ann, ben = member("ann", "Finance"), member("ben", "Finance")
    yes(request, ann)
    yes(request, ben)
    spec = registry.get("bank").tools["two"]
    object.__setattr__(spec, "approvers", Approvers(group="Finance", quorum=3))
    try:
        go_on()
    finally:
        object.__setattr__(spec, "approvers", Approvers(group="Finance", quorum=2))
    assert done == []
    assert ApprovalRequest.objects.get(supersedes=request).quorum == 3


def test_the_loser_is_told_who_decided() -> None:
    request = ask("wire")
    yes(request, member("ann"))
    with pytest.raises(AlreadyDecided) as caught:
        yes(request, member("ben"))
    assert caught.value.details["by"] == "ann"


# Delegation.


def hand_over(giver: Any, to: Any, **options: Any) -> Delegation:
    return delegate(to=to, by=giver, until=database_now() + timedelta(days=1), **options)


def test_a_colleague_decides_in_the_givers_stead() -> None:
    request = ask("two")
    ann, ben, sam = member("ann", "Finance"), member("ben", "Finance"), member("sam")
    found = hand_over(ann, sam)
    assert yes(request, sam).status == ApprovalStatus.PENDING
    made = Decision.objects.get()
    assert (made.user_name, made.on_behalf_of_name) == ("sam", "ann")
    assert may_decide(ann, again(request)).rule == "twice", "it was said in her stead"
    assert "given in your place" in may_decide(ann, again(request)).reason
    yes(request, ben)
    revoke_delegation(found.pk, by=ann)
    go_on()
    assert done == [], "the delegation is over before the call is made"


def test_who_stands_in_for_the_one_who_spoke_is_told_whose_word_bars_them() -> None:
    ann, sam = member("ann", "Finance"), member("sam")
    two = ask("two")
    yes(two, ann)
    hand_over(ann, sam)
    said = may_decide(sam, again(two))
    assert (said.rule, "a yes of ann already, in whose place you decide" in said.reason) == ("twice", True)


def test_of_two_in_the_same_stead_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked before either is written down."""
    request = ask("two")
    ann, sam = member("ann", "Finance"), member("sam")
    hand_over(ann, sam)
    real = approvals.change

    def late(*args: Any, **options: Any) -> Any:
        monkeypatch.setattr(approvals, "change", real)
        yes(request, ann)
        return real(*args, **options)

    monkeypatch.setattr(approvals, "change", late)
    assert rule_of(lambda: yes(request, sam)) == "twice"
    assert Decision.objects.count() == 1
    assert again(request).status == ApprovalStatus.PENDING


def test_who_decides_for_two_uses_the_one_who_has_not_spoken() -> None:
    request = ask("two")
    ann, ben, sam = member("ann", "Finance"), member("ben", "Finance"), member("sam")
    hand_over(ann, sam)
    hand_over(ben, sam)
    yes(request, ann)
    assert yes(request, sam).status == ApprovalStatus.APPROVED
    assert Decision.objects.get(verdict="approved").on_behalf_of_name == "ben"
    go_on()
    assert done == ["a"]


def test_a_proposal_that_was_rejected_is_not_made_again() -> None:
    ann, ben = member("ann"), member("ben")
    request = ask("wire")
    shown = request.digest
    approve(request.pk, by=ann, digest=shown, arguments={"text": "b"})
    reject(request.pk, by=ben, reason="no")
    with pytest.raises(AlreadyDecided) as caught:
        approve(request.pk, by=ann, digest=shown, arguments={"text": "b"})
    assert caught.value.details["by"] == "ben"


def test_a_run_whose_user_is_gone_can_be_decided_on() -> None:
    mia, ann = member("mia"), member("ann")
    request = ask("wire", user=mia)
    mia.delete()
    assert again(request).requester_name == "mia"
    assert yes(request, ann).status == ApprovalStatus.APPROVED
    go_on()
    assert done == ["a"]


def test_those_who_are_gone_do_not_count() -> None:
    """Not as the same person either."""
    request = ask("two")
    ann, ben, cay = (member(name, "Finance") for name in ("ann", "ben", "cay"))
    yes(request, ann)
    ann.delete()
    assert yes(request, ben).status == ApprovalStatus.APPROVED
    go_on()
    assert done == []
    new = ApprovalRequest.objects.get(supersedes=request)
    with pytest.raises(AgentsError):
        yes(request, cay)
    yes(new, ben)
    yes(new, cay)
    go_on()
    assert done == ["a"]


def test_a_delegation_lasts_for_its_period_and_is_not_passed_on() -> None:
    request = ask("two")
    ann, sam, pat = member("ann", "Finance"), member("sam"), member("pat")
    later = delegate(to=sam, by=ann, since=database_now() + timedelta(days=1), until=database_now() + timedelta(days=2))
    assert may_decide(sam, request).rule == "group"
    Delegation.objects.filter(pk=later.pk).update(begins_at=database_now() - timedelta(hours=1))
    assert may_decide(sam, request).allowed
    hand_over(sam, pat)
    assert may_decide(pat, request).rule == "group"
    left_group(ann)
    assert may_decide(sam, request).rule == "group"


def test_the_requester_is_not_represented() -> None:
    mia, sam = member("mia", "Finance"), member("sam")
    request = ask("two", user=mia)
    ApprovalRequest.objects.filter(pk=request.pk).update(four_eyes=True)
    hand_over(mia, sam)
    assert rule_of(lambda: yes(request, sam)) == "group"


def test_what_cannot_be_delegated() -> None:
    ann, sam = member("ann"), office.person("sam")
    now = database_now()
    for to, since, until in (
        (ann, None, now + timedelta(days=1)),
        (sam, None, now + timedelta(days=1)),  # cannot decide at all
        (member("pat"), now, now - timedelta(days=1)),
        (member("kim"), None, now + timedelta(days=4000)),
    ):
        with pytest.raises(InvalidInput):
            delegate(to=to, by=ann, since=since, until=until)
    with pytest.raises(NotPermitted):
        delegate(to=ann, giver=member("eve"), by=sam, until=now + timedelta(days=1))
    with pytest.raises(AgentsError):
        revoke_delegation(hand_over(ann, member("joe")).pk, by=sam)


# Claims.


def test_claim_release_reassign() -> None:
    request = ask("two")
    ann, ben, sam = member("ann", "Finance"), member("ben", "Finance"), member("sam")
    boss = office.person("boss", "agents_app.decide_approvalrequest", "agents_app.reassign_approvalrequest")
    assert claim_request(request.pk, by=ann).claimed_by_name == "ann"
    claim_request(request.pk, by=ann)
    with pytest.raises(WrongState) as caught:
        claim_request(request.pk, by=ben)
    assert (caught.value.code, caught.value.details["by"]) == ("claimed", "ann")
    assert rule_of(lambda: claim_request(request.pk, by=sam)) == "group"
    assert rule_of(lambda: release_request(request.pk, by=ben)) == "claimed"
    assert rule_of(lambda: reassign_request(request.pk, to=sam, by=ann)) == "group"
    assert reassign_request(request.pk, to=ben, by=ann).claimed_by_name == "ben"
    assert reassign_request(request.pk, to=ann, by=boss).claimed_by_name == "ann"
    assert release_request(request.pk, by=ann).claimed_by_name == ""
    assert events(request) == ["requested", "claimed", "reassigned", "reassigned", "released"]


def test_a_claim_bars_nobody_and_ends_with_the_decision() -> None:
    request = ask("two")
    ann, ben = member("ann", "Finance"), member("ben", "Finance")
    claim_request(request.pk, by=ann)
    yes(request, ben)
    assert again(request).claimed_by_name == ""
    yes(request, ann)
    with pytest.raises(WrongState):
        claim_request(request.pk, by=ben)
