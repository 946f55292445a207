"""Promise 2, of the people: who may decide, how many, in which order, for how long, and what then does not run."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet

from agents_app import Approvers, services
from agents_app.core.webhook_signature import is_signed_webhook, sign_webhook
from agents_app.definitions.registry import registry
from agents_app.definitions.resolvers import resolvers
from agents_app.exceptions import AlreadyDecided, Expired
from agents_app.models import ApprovalRequest, Decision, Delegation, ToolCall, database_now
from agents_app.services import revoke_delegation
from tests.promises.mutants import mutant
from tests.promises.stage import Stage
from tests.services import test_who_may_decide as bank
from tests.services.test_who_may_decide import ask, go_on, hand_over, member, rule_of, yes


@contextmanager
def bank_open() -> Iterator[None]:
    """The bank instead of the office, with nothing done."""
    bank.done.clear()
    bank.named.clear()
    with registry.override(bank.Bank), resolvers.override(owner=bank.owner):
        yield


def rewrite(row: Any, **fields: Any) -> None:
    """Change a row behind everybody's back, also one that is append-only."""
    QuerySet(type(row)).filter(pk=row.pk).update(**fields)


def does_not_run() -> None:
    """A worker comes, and nothing is done."""
    go_on()
    assert bank.done == []


def of_two(stage: Stage) -> tuple[ApprovalRequest, Any, Any]:
    """A request that asks for two of Finance, and two who are in it."""
    return ask("two"), member("ann", "Finance"), member("ben", "Finance")


# Four eyes.


def the_requester_does_not_approve(stage: Stage) -> None:
    mia = member("mia")
    request = ask("wire", user=mia)
    assert rule_of(lambda: yes(request, mia)) == "four_eyes"
    does_not_run()


def the_requester_does_not_approve_at_dispatch(stage: Stage) -> None:
    """Whose request it was is found out after they said yes."""
    request, ann = ask("wire"), member("ann")
    yes(request, ann)
    rewrite(request, requester_key=str(ann.pk))
    does_not_run()


def the_requester_is_not_represented(stage: Stage) -> None:
    mia, sam = member("mia", "Finance"), member("sam")
    request = ask("two", user=mia)
    rewrite(request, four_eyes=True)
    hand_over(mia, sam)
    assert rule_of(lambda: yes(request, sam)) == "group"


def an_edit_is_a_proposal(stage: Stage) -> None:
    request, ann = ask("wire"), member("ann")
    assert yes(request, ann, arguments={"text": "b"}).status == "pending"
    does_not_run()


def who_proposed_does_not_approve(stage: Stage) -> None:
    request, ann = ask("wire"), member("ann")
    yes(request, ann, arguments={"text": "b"})
    assert rule_of(lambda: yes(request, ann)) == "four_eyes"
    does_not_run()


def who_proposed_is_not_represented(stage: Stage) -> None:
    request, ann, _ = of_two(stage)
    sam = member("sam")
    rewrite(request, four_eyes=True)
    yes(request, ann, arguments={"text": "b"})
    hand_over(ann, sam)
    assert rule_of(lambda: yes(request, sam)) == "four_eyes"


# Quorum, stages, rounds.


def one_of_two_is_not_enough(stage: Stage) -> None:
    request, ann, _ = of_two(stage)
    assert yes(request, ann).status == "pending"
    does_not_run()


def the_quorum_is_complete_at_dispatch(stage: Stage) -> None:
    request, ann, ben = of_two(stage)
    yes(request, ann)
    yes(request, ben)
    made = QuerySet(Decision).filter(request=request, verdict="endorsed")
    made._raw_delete(made.db)
    does_not_run()


def nobody_counts_twice(stage: Stage) -> None:
    request, ann, _ = of_two(stage)
    yes(request, ann)
    assert rule_of(lambda: services.approve(request.pk, by=ann, digest="0" * 64)) == "twice"
    does_not_run()


def nobody_counts_twice_at_dispatch(stage: Stage) -> None:
    request, ann, ben = of_two(stage)
    yes(request, ann)
    yes(request, ben)
    rewrite(Decision.objects.get(user=ben), user=ann)
    does_not_run()


def stages_have_their_order(stage: Stage) -> None:
    request, money = ask("staged"), member("mona", "Finance")
    assert rule_of(lambda: yes(request, money)) == "group"
    yes(request, member("lead", "Support"))
    does_not_run()


def nobody_decides_at_two_stages(stage: Stage) -> None:
    request, both = ask("staged"), member("bob", "Support", "Finance")
    yes(request, both)
    assert rule_of(lambda: services.approve(request.pk, by=both, digest="0" * 64)) == "twice"
    does_not_run()


def an_edit_begins_a_new_round(stage: Stage) -> None:
    request, ann, ben = of_two(stage)
    yes(request, ann)
    assert yes(request, ben, arguments={"text": "b"}).status == "pending"
    does_not_run()


# Groups, and people who are named.


def a_group_is_asked_for(stage: Stage) -> None:
    request = ask("two")
    root = stage.dora._meta.model.objects.create_superuser("root", password="pw")
    for nobody in (member("sam", "Support"), root):
        assert rule_of(lambda nobody=nobody: yes(request, nobody)) == "group"
        assert rule_of(lambda nobody=nobody: services.reject(request.pk, by=nobody, reason="no")) == "group"


def those_who_are_named_decide(stage: Stage) -> None:
    bank.named.append(member("mia"))
    request, ann = ask("owned"), member("ann")
    assert rule_of(lambda: yes(request, ann)) == "resolver"


def a_resolver_is_asked_again_at_dispatch(stage: Stage) -> None:
    mia = member("mia")
    bank.named.append(mia)
    yes(ask("owned"), mia)
    bank.named.clear()
    does_not_run()


def the_rule_is_as_strict_as_today(stage: Stage) -> None:
    """Of two that people were asked by, three are asked for when the call would start."""
    request, ann, ben = of_two(stage)
    yes(request, ann)
    yes(request, ben)
    spec = registry.get("bank").tools["two"]
    before = spec.approvers
    object.__setattr__(spec, "approvers", Approvers(group="Finance", quorum=3))
    try:
        does_not_run()
    finally:
        object.__setattr__(spec, "approvers", before)


# Delegation.


def delegated(stage: Stage, **fields: Any) -> tuple[ApprovalRequest, Any, Delegation]:
    """A request to Finance, a stranger to whom somebody of it delegated; fields: what is different about that."""
    request, ann, _ = of_two(stage)
    sam = member("sam")
    row = hand_over(ann, sam)
    if fields:
        rewrite(row, **fields)
    return request, sam, row


def refused(stage: Stage, **fields: Any) -> None:
    request, sam, _ = delegated(stage, **fields)
    assert rule_of(lambda: yes(request, sam)) == "group"


def a_delegation_has_not_begun(stage: Stage) -> None:
    refused(stage, begins_at=database_now() + timedelta(hours=1))


def a_delegation_is_over(stage: Stage) -> None:
    refused(stage, begins_at=database_now() - timedelta(hours=2), ends_at=database_now() - timedelta(hours=1))


def a_delegation_is_revoked(stage: Stage) -> None:
    refused(stage, revoked_at=database_now())


def who_delegates_must_be_permitted(stage: Stage) -> None:
    request, sam, row = delegated(stage)
    bank.left_group(stage.dora._meta.model.objects.get(pk=row.giver_key))
    assert rule_of(lambda: yes(request, sam)) == "group"


def a_delegation_counts_at_dispatch(stage: Stage) -> None:
    """Another one does not take its place: who gave that has said yes already."""
    request, sam, row = delegated(stage)
    ben = stage.dora._meta.model.objects.get(username="ben")
    time.sleep(0.005)  # the older one counts, and of the same millisecond none is older
    hand_over(ben, sam)
    yes(request, sam)
    assert Decision.objects.get().on_behalf_of_name == "ann"
    yes(request, ben)
    revoke_delegation(row.pk, by=services.SYSTEM)
    does_not_run()


# Time, and what was decided.


def nobody_decides_after_the_time_to_decide(stage: Stage) -> None:
    request, ann = ask("wire"), member("ann")
    rewrite(request, expires_at=database_now() - timedelta(seconds=1))
    with pytest.raises(Expired):
        yes(request, ann)
    does_not_run()


def what_is_sent_back_does_not_run(stage: Stage) -> None:
    request, ann = ask("wire"), member("ann")
    services.send_back(request.pk, by=ann, instructions="Less.")
    does_not_run()
    call = ToolCall.objects.get(pk=request.call_id)
    assert (call.status, call.error_code, call.error) == ("rejected", "sent_back", "Less.")


def the_loser_is_told(stage: Stage) -> None:
    request, ann, ben = ask("wire"), member("ann"), member("ben")
    yes(request, ann)
    for late in (lambda: yes(request, ben), lambda: services.reject(request.pk, by=ben, reason="no")):
        with pytest.raises(AlreadyDecided) as caught:
            late()
        made = Decision.objects.get()
        told = {"by": "ann", "verdict": "approved", "at": made.decided_at.isoformat()}
        assert caught.value.details == told


def who_said_yes_is_told_of_a_no(stage: Stage) -> None:
    """To say yes again is no repetition where somebody else has said no since."""
    request, ann, ben = of_two(stage)
    yes(request, ann)
    services.reject(request.pk, by=ben, reason="no")
    with pytest.raises(AlreadyDecided) as caught:
        yes(request, ann)
    assert caught.value.details["by"] == "ben"


def a_webhook_is_signed(stage: Stage) -> None:
    signature = sign_webhook("key", 1_700_000_000, b"body")
    assert is_signed_webhook(["other", "key"], 1_700_000_000, b"body", signature)
    for key, moment, body in (
        ("other", 1_700_000_000, b"body"),
        ("key", 1_700_000_001, b"body"),
        ("key", 1_700_000_000, b"bodies"),
    ):
        assert not is_signed_webhook([key], moment, body, signature)


CHECKS: list[Callable[[Stage], None]] = [
    the_requester_does_not_approve,
    the_requester_does_not_approve_at_dispatch,
    the_requester_is_not_represented,
    an_edit_is_a_proposal,
    who_proposed_does_not_approve,
    who_proposed_is_not_represented,
    one_of_two_is_not_enough,
    the_quorum_is_complete_at_dispatch,
    nobody_counts_twice,
    nobody_counts_twice_at_dispatch,
    stages_have_their_order,
    nobody_decides_at_two_stages,
    an_edit_begins_a_new_round,
    a_group_is_asked_for,
    those_who_are_named_decide,
    a_resolver_is_asked_again_at_dispatch,
    the_rule_is_as_strict_as_today,
    a_delegation_has_not_begun,
    a_delegation_is_over,
    a_delegation_is_revoked,
    who_delegates_must_be_permitted,
    a_delegation_counts_at_dispatch,
    nobody_decides_after_the_time_to_decide,
    what_is_sent_back_does_not_run,
    the_loser_is_told,
    who_said_yes_is_told_of_a_no,
    a_webhook_is_signed,
]

GATE, STANDING = "agents_app.gate.approvers:", "agents_app.gate.standing:"
SERVICE, TRANSITION = "agents_app.services.approvals:", "agents_app.transitions.approvals:"
ACTIVE = "agents_app.models.delegation:DelegationQuerySet.active"

CUTS = [
    (
        the_requester_does_not_approve,
        f"{GATE}_again",
        "if request.four_eyes and mine == request.requester_key:",
        "if False:",
    ),
    (the_requester_does_not_approve_at_dispatch, f"{STANDING}_doubt", "if request.four_eyes and {", "if False and {"),
    (the_requester_is_not_represented, f"{GATE}Decider._usable", "if mandate.key != request.requester_key", "if True"),
    (
        an_edit_is_a_proposal,
        f"{SERVICE}_approve",
        "proposal = request.four_eyes or not permission.allowed",
        "proposal = not permission.allowed",
    ),
    (
        who_proposed_does_not_approve,
        f"{GATE}_again",
        "if request.four_eyes and request.round and edited_by(request) in people:",
        "if False:",
    ),
    (
        who_proposed_is_not_represented,
        f"{GATE}_again",
        "people = {mine, mandate.key if mandate else mine}",
        "people = {mine}",
    ),
    (
        one_of_two_is_not_enough,
        f"{TRANSITION}_endorsed",
        "if have >= request.quorum and request.stage + 1 >= stages:",
        "if request.stage + 1 >= stages:",
    ),
    (
        the_quorum_is_complete_at_dispatch,
        f"{STANDING}_incomplete",
        "if sum(decision.stage == number for decision in made) < stage.quorum:",
        "if False:",
    ),
    (nobody_counts_twice, f"{GATE}_again", "if asks_several(request) and said_yes(request) & people:", "if False:"),
    (
        nobody_counts_twice_at_dispatch,
        f"{STANDING}_incomplete",
        "if len(set(people)) != len(people):",
        "if False:",
    ),
    (stages_have_their_order, f"{TRANSITION}at_stage", "stage = rule.ordered()[number]", "stage = rule.ordered()[-1]"),
    (
        nobody_decides_at_two_stages,
        f"{GATE}asks_several",
        'return request.quorum > 1 or len((request.approvers or {}).get("stages", ())) > 1',
        "return request.quorum > 1",
    ),
    (an_edit_begins_a_new_round, f"{TRANSITION}change_arguments", "round=request.round + 1", "round=request.round"),
    (a_group_is_asked_for, f"{GATE}_fits", "if put_to.group and put_to.group not in person.groups:", "if False:"),
    (
        those_who_are_named_decide,
        f"{GATE}_fits",
        "if put_to.named is not None and key_of(person.user) not in put_to.named:",
        "if False:",
    ),
    (
        a_resolver_is_asked_again_at_dispatch,
        f"{STANDING}stands",
        "named = named_by(rule, tool, context, arguments)",
        "named = {}",
    ),
    (the_rule_is_as_strict_as_today, f"{STANDING}stands", "if today.as_json() != rule.as_json():", "if False:"),
    (a_delegation_has_not_begun, ACTIVE, "begins_at__lte=DatabaseNow(), ", ""),
    (a_delegation_is_over, ACTIVE, ", ends_at__gt=DatabaseNow()", ""),
    (a_delegation_is_revoked, ACTIVE, "revoked_at__isnull=True, ", ""),
    (
        who_delegates_must_be_permitted,
        f"{GATE}Decider.may_at",
        "_fits(giver, request, put_to).allowed",
        "True",
    ),
    (a_delegation_counts_at_dispatch, f"{STANDING}_doubt", "instead_of=capacity", "instead_of=None"),
    (
        nobody_decides_after_the_time_to_decide,
        f"{SERVICE}_open",
        "if held.expires_at is not None and held.expires_at <= edit.now and not waits_on:",
        "if False:",
    ),
    (
        what_is_sent_back_does_not_run,
        f"{TRANSITION}decline",
        "reject_call(edit, call, code=status, message=decision.reason)",
        "edit.set_status(call, ToolCallStatus.READY)",
    ),
    (the_loser_is_told, f"{SERVICE}why_closed", "by=made.user_name", 'by=""'),
    (who_said_yes_is_told_of_a_no, f"{SERVICE}_decided_so", "return not Decision", "return True or Decision"),
    (a_webhook_is_signed, "agents_app.core.signature:signature_of", 'str(timestamp).encode() + b":" + body', "body"),
]


def alone(check: Callable[[Stage], None]) -> Callable[[Stage], None]:
    """The check, with the bank open."""

    def checked(stage: Stage) -> None:
        with bank_open():
            check(stage)

    return checked


MUTANTS = [
    mutant(f"{check.__name__.replace('_', ' ')}: not looked at", alone(check), target, old, new)
    for check, target, old, new in CUTS
]
