"""The table: who does what to which request, and what each rule makes of it, whatever the door.

A row needs no door, a door no row: `test_every_door.py` tries each row at each door that has its command.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agents_app import services
from agents_app.models import ApprovalRequest, ToolCall, database_now
from agents_app.services import SYSTEM

PEOPLE = (
    "viewer",
    "requester",
    "approver",
    "second",
    "other",
    "half",
    "inactive",
    "superuser",
    "stranger",
    "deputy",
    "former",
)
"""`other` approves for another group; `half` lacks what the tool asks for; `deputy` decides in the
approver's place where a row makes it so, `former` does not any more."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What waits, when a row begins; digest: of the arguments as the person saw them."""

    request: ApprovalRequest | None
    call: ToolCall
    people: Mapping[str, Any]
    digest: str


State = Callable[[Asked], None]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A row. outcome: "done", or kind and code of the refusal. runs: whether the tool is executed in the end."""

    name: str
    command: str
    who: str
    outcome: str
    tool: str = "wire"
    state: State | None = None
    runs: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """What a door answers that cannot be asked so, by its name."""

    @property
    def kind(self) -> str:
        return self.outcome.partition(":")[0]

    @property
    def code(self) -> str:
        return self.outcome.partition(":")[2]


# States. What happened before the person comes.


def _request(asked: Asked) -> ApprovalRequest:
    assert asked.request is not None
    return ApprovalRequest.objects.select_related("call").get(pk=asked.request.pk)


def _yes(asked: Asked, who: str, **options: Any) -> None:
    request = _request(asked)
    services.approve(request.pk, by=asked.people[who], digest=request.digest, **options)


def approved_by(who: str) -> State:
    return lambda asked: _yes(asked, who)


def rejected_by(who: str) -> State:
    return lambda asked: void(services.reject(_request(asked).pk, by=asked.people[who], reason="no"))


def proposed_by(who: str) -> State:
    """Other arguments, which the person has seen."""
    return lambda asked: _yes(asked, who, arguments={**json.loads(asked.call.arguments), "text": "proposed"})


def claimed_by(who: str) -> State:
    return lambda asked: void(services.claim_request(_request(asked).pk, by=asked.people[who]))


def settled_by(who: str) -> State:
    return lambda asked: void(services.settle_outcome(asked.call.pk, "give_up", by=asked.people[who], reason="lost"))


def delegated(asked: Asked) -> None:
    """By the approver, to the deputy and to somebody from whom it was taken back."""
    until, giver = database_now() + timedelta(days=1), asked.people["approver"]
    services.delegate(to=asked.people["deputy"], by=giver, until=until)
    services.revoke_delegation(services.delegate(to=asked.people["former"], by=giver, until=until).pk, by=SYSTEM)


def too_late(asked: Asked) -> None:
    ApprovalRequest.objects.filter(pk=_request(asked).pk).update(expires_at=database_now() - timedelta(seconds=1))


def escalated(asked: Asked) -> None:
    """To the group that is another one."""
    past = {"escalate_at": database_now(), "escalated_at": database_now(), "escalate_to_group": "Support"}
    ApprovalRequest.objects.filter(pk=_request(asked).pk).update(**past)


def cancelled(asked: Asked) -> None:
    services.cancel_run(asked.call.context_id, by=SYSTEM)


def hidden(asked: Asked) -> None:
    cancelled(asked)
    services.hide_run(asked.call.context_id, by=SYSTEM, reason="old")


def switched_off(asked: Asked) -> None:
    services.switch_off(by=SYSTEM, reason="robbed", tool=asked.call.tool)


def approved_and_cancelled(asked: Asked) -> None:
    _yes(asked, "approver")
    cancelled(asked)


def yes_then_no(asked: Asked) -> None:
    """The other's yes, which is not enough, and then somebody's no."""
    _yes(asked, "other")
    rejected_by("second")(asked)


def granted_by(who: str) -> State:
    """The like of it is allowed from now on."""
    return lambda asked: void(_grant(asked, who))


def revoked(asked: Asked) -> None:
    services.revoke_grant(_grant(asked, "approver").pk, by=asked.people["approver"])


def _grant(asked: Asked, who: str) -> Any:
    by = asked.people[who]
    return services.make_grant(_request(asked).pk, by=by, scope="agent", conditions="any", expires_at="never")


def void(_: Any) -> None:
    """A state gives nothing back."""


DECIDE = "agents_app.decide_approvalrequest"
APPROVER = "auth.view_group"


def row(command: str, name: str, who: str, outcome: str, **more: Any) -> Case:
    return Case(command=command, name=name, who=who, outcome=outcome, **more)


def _refused(command: str) -> list[Case]:
    """What holds for every decision."""
    return [
        row(command, "who may only look", "viewer", f"denied:{DECIDE}"),
        row(command, "who may not know of it", "stranger", "unknown:not_found"),
        row(command, "whose account is off", "inactive", "nobody"),
        row(command, "without the tool's permission", "half", f"denied:{APPROVER}"),
        row(command, "of another group", "other", "denied:group", tool="grouped"),
        row(command, "a superuser is in no group", "superuser", "denied:group", tool="grouped"),
        row(command, "before one's stage", "approver", "denied:group", tool="staged"),
        row(command, "in nobody's stead any more", "former", "denied:group", tool="grouped", state=delegated),
        row(command, "of a hidden run", "approver", "unknown:not_found", state=hidden),
        row(command, "of a run that was cancelled", "approver", "closed:not_pending", state=cancelled),
    ]


def _decided(command: str) -> list[Case]:
    return [
        row(
            command,
            "after somebody else's yes",
            "approver",
            "closed:already_decided",
            state=approved_by("second"),
            runs=True,
        ),
        row(command, "after somebody else's no", "approver", "closed:already_decided", state=rejected_by("second")),
        row(command, "after the time to decide", "approver", "over:expired", state=too_late),
    ]


BY_ANOTHER_LINK = {"link": "closed"}
"""Each link decides once; another one finds that nothing is left."""
KNOWN_ALL_THE_SAME = {"code": "denied", "command line": "denied"}
"""Where nobody logs in, who is named is known."""

APPROVE = [
    row("approve", "an approver", "approver", "done", runs=True),
    row("approve", "a superuser", "superuser", "done", runs=True),
    row("approve", "of the group", "approver", "done", tool="grouped", runs=True),
    row("approve", "of the first stage", "other", "done", tool="staged"),
    row(
        "approve", "of the second stage, then", "approver", "done", tool="staged", state=approved_by("other"), runs=True
    ),
    row(
        "approve",
        "the same person again",
        "approver",
        "done",
        state=approved_by("approver"),
        runs=True,
        elsewhere=BY_ANOTHER_LINK,
    ),
    row(
        "approve", "who said yes, after a no", "other", "closed:already_decided", tool="open_to_two", state=yes_then_no
    ),
    row(
        "approve",
        "the same person again, after it was withdrawn",
        "approver",
        "closed:not_pending",
        state=approved_and_cancelled,
    ),
    row("approve", "who asked for it", "requester", "denied:four_eyes"),
    row("approve", "who proposed it", "approver", "denied:four_eyes", state=proposed_by("approver")),
    row("approve", "what somebody else proposed", "second", "done", state=proposed_by("approver"), runs=True),
    row("approve", "in the approver's stead", "deputy", "done", tool="grouped", state=delegated, runs=True),
    row("approve", "to whom it was escalated", "other", "done", tool="grouped", state=escalated, runs=True),
    row("approve", "other arguments than shown", "approver", "closed:stale_digest", given={"digest": "0" * 64}),
    row("approve", "what a switch holds back", "approver", "done", tool="held", state=switched_off),
    *_refused("approve"),
    *_decided("approve"),
]
EDIT = [
    row("edit", "is a proposal under four eyes", "approver", "done"),
    row("edit", "and a yes without", "approver", "done", tool="grouped", runs=True),
    row("edit", "by who asked for it", "requester", "denied:four_eyes"),
    row("edit", "with what does not fit", "approver", "bad:invalid_arguments", given={"text": ""}),
    row("edit", "of other arguments than shown", "approver", "closed:stale_digest", given={"digest": "0" * 64}),
    *_refused("edit"),
    *_decided("edit"),
]
REJECT = [
    row("reject", "an approver", "approver", "done"),
    row("reject", "who asked for it", "requester", "done", elsewhere={"link": "denied"}),
    row("reject", "in the approver's stead", "deputy", "done", tool="grouped", state=delegated),
    row("reject", "without a reason", "approver", "bad:reason_required", given={"reason": " "}),
    row("reject", "again", "approver", "done", state=rejected_by("approver"), elsewhere=BY_ANOTHER_LINK),
    *_refused("reject"),
    *_decided("reject"),
]
SEND_BACK = [
    row("send_back", "an approver", "approver", "done"),
    row("send_back", "without instructions", "approver", "bad:reason_required", given={"reason": " "}),
    *_refused("send_back"),
    *_decided("send_back"),
]
CLAIM = [
    row("claim", "an approver", "approver", "done"),
    row("claim", "what one has", "approver", "done", state=claimed_by("approver")),
    row("claim", "what somebody else has", "approver", "closed:claimed", state=claimed_by("second")),
    row("claim", "what is decided", "approver", "closed:already_decided", state=rejected_by("second")),
    *_refused("claim"),
]
RELEASE = [
    row("release", "what one has", "approver", "done", state=claimed_by("approver")),
    row("release", "what somebody else has", "approver", "denied:claimed", state=claimed_by("second")),
    row("release", "what somebody has, as who may", "superuser", "done", state=claimed_by("second")),
    row("release", "what one may not know of", "stranger", "unknown:not_found", state=claimed_by("approver")),
    row("release", "with an account that is off", "inactive", "nobody", state=claimed_by("approver")),
]
REASSIGN = [
    row("reassign", "to a colleague", "approver", "done", given={"to": "second"}),
    row("reassign", "to who may not", "approver", "denied:group", tool="grouped", given={"to": "other"}),
    row(
        "reassign",
        "what somebody else has",
        "approver",
        "denied:claimed",
        state=claimed_by("second"),
        given={"to": "approver"},
    ),
    *[case for case in _refused("reassign") if case.who not in ("superuser",)],
]
SETTLE_CALL = "agents_app.settle_toolcall"
RESULT, BROKEN = "bad:result_invalid", {"verdict": "happened", "result": {"ok": True}}
TYPED = {"admin": "done"}
"""What is typed into a form is text, which this tool returns, and is read where something happened."""
SETTLE = [
    row("settle", "an approver", "approver", "done", tool="lost"),
    row("settle", "it happened", "approver", "done", tool="lost", given={"verdict": "happened", "result": "sent"}),
    row("settle", "to be tried again", "approver", "done", tool="lost", given={"verdict": "try_again"}),
    row("settle", "happened without a result", "approver", RESULT, tool="lost", given={"verdict": "happened"}),
    row("settle", "what it cannot return", "approver", RESULT, tool="lost", given=BROKEN, elsewhere=TYPED),
    row("settle", "given up with a result", "approver", RESULT, tool="lost", given={"result": "x"}, elsewhere=TYPED),
    row("settle", "without a reason", "approver", "bad:reason_required", tool="lost", given={"reason": " "}),
    row("settle", "who may only look", "viewer", f"denied:{SETTLE_CALL}", tool="lost"),
    row("settle", "who may not know of it", "stranger", "unknown:not_found", tool="lost"),
    row("settle", "whose account is off", "inactive", "nobody", tool="lost"),
    row("settle", "what is settled", "approver", "closed:not_unknown", tool="lost", state=settled_by("second")),
]
DELEGATE = [
    row("delegate", "to a colleague", "approver", "done"),
    row("delegate", "without a right of one's own", "viewer", f"denied:{DECIDE}"),
    row("delegate", "who may not know of requests", "stranger", f"denied:{DECIDE}", elsewhere={"websocket": "unknown"}),
    row("delegate", "with an account that is off", "inactive", "nobody", elsewhere=KNOWN_ALL_THE_SAME),
    row("delegate", "to oneself", "approver", "bad:same_person", given={"to": "approver"}),
    row("delegate", "to who cannot decide", "approver", "bad:cannot_decide", given={"to": "viewer"}),
]
ADD_GRANT, REVOKE_GRANT = "agents_app.add_standinggrant", "agents_app.revoke_standinggrant"
GRANT = [
    row("grant", "an approver", "approver", "done"),
    row("grant", "a superuser", "superuser", "done"),
    row("grant", "of the group", "approver", "done", tool="grouped"),
    row("grant", "who may only look", "viewer", f"denied:{ADD_GRANT}"),
    row("grant", "who may not know of it", "stranger", "unknown:not_found"),
    row("grant", "whose account is off", "inactive", "nobody"),
    row("grant", "without the tool's permission", "half", f"denied:{APPROVER}"),
    row("grant", "of another group", "other", "denied:group", tool="grouped"),
    row("grant", "who asked for it", "requester", "denied:four_eyes"),
    row("grant", "one of several who have to approve", "other", "denied:quorum", tool="staged"),
    row("grant", "in the approver's stead", "deputy", "denied:group", tool="grouped", state=delegated),
    row("grant", "to whom it was escalated", "other", "denied:group", tool="grouped", state=escalated),
    row("grant", "of what was refused", "approver", "closed:wrong_state", state=rejected_by("second")),
    row("grant", "of a run that was cancelled", "approver", "closed:wrong_state", state=cancelled),
    row("grant", "of a hidden run", "approver", "unknown:not_found", state=hidden),
    row("grant", "until yesterday", "approver", "bad:invalid_input", given={"days": -1}),
]
REVOKE_THE_GRANT = [
    row("revoke_grant", "one's own", "approver", "done", state=granted_by("approver")),
    row("revoke_grant", "anybody's, as who may", "superuser", "done", state=granted_by("approver")),
    row("revoke_grant", "that of others", "second", f"denied:{REVOKE_GRANT}", state=granted_by("approver")),
    row("revoke_grant", "what one may not know of", "viewer", "unknown:not_found", state=granted_by("approver")),
    row("revoke_grant", "as who may know of nothing", "stranger", "unknown:not_found", state=granted_by("approver")),
    row("revoke_grant", "with an account that is off", "inactive", "nobody", state=granted_by("approver")),
    row("revoke_grant", "again", "approver", "done", state=revoked),
]
MANAGE = "agents_app.manage_delegation"
REVOKE = [
    row("revoke", "one's own", "approver", "done", state=delegated),
    row("revoke", "anybody's, as who manages them", "superuser", "done", state=delegated),
    row("revoke", "what one was given", "former", f"denied:{MANAGE}", state=delegated),
    row("revoke", "that of others", "second", "unknown:not_found", state=delegated),
    row("revoke", "with an account that is off", "inactive", "nobody", state=delegated),
]

TABLE: list[Case] = [
    *(*APPROVE, *EDIT, *REJECT, *SEND_BACK, *CLAIM, *RELEASE, *REASSIGN, *SETTLE, *DELEGATE, *REVOKE),
    *(*GRANT, *REVOKE_THE_GRANT),
]
COMMANDS: Mapping[str, str] = {
    "approve": "approve",
    "edit": "approve",
    "reject": "reject",
    "send_back": "send_back",
    "claim": "claim_request",
    "release": "release_request",
    "reassign": "reassign_request",
    "settle": "settle_outcome",
    "delegate": "delegate",
    "revoke": "revoke_delegation",
    "grant": "make_grant",
    "revoke_grant": "revoke_grant",
}
"""The rows' commands, and the services behind them."""
