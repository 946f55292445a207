"""The doors, each by its real protocol: what it answers to a command, in the words of the table."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from agents_app import services
from agents_app.exceptions import AgentsError, Expired, InvalidInput, NotFound, NotPermitted
from agents_app.management.exits import Exit
from agents_app.models import Delegation, Notification, StandingGrant
from agents_app.notify.links import decide_url
from tests.doors.cases import Asked, Case
from tests.management.desk import manage
from tests.notify.conftest import SITE
from tests.ws.clients import connected, headers_of

OTHER_TEXT = "other"
"""What an edit changes the text to, if the row says nothing else."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """A row that is tried: what the person wants of what waits."""

    case: Case
    asked: Asked

    @property
    def user(self) -> Any:
        return self.asked.people[self.case.who]

    @property
    def key(self) -> str:
        return str(self.asked.request.pk if self.asked.request else self.asked.call.pk)

    @property
    def digest(self) -> str:
        return str(self.case.given.get("digest", self.asked.digest))

    @property
    def reason(self) -> str:
        return str(self.case.given.get("reason", "because"))

    @property
    def to(self) -> str:
        return str(self.case.given.get("to", "second"))

    @property
    def until(self) -> str:
        """When a delegation ends."""
        return (timezone.now() + timedelta(days=1)).isoformat()

    @property
    def ends(self) -> datetime:
        """When a grant ends."""
        return timezone.now() + timedelta(days=self.case.given.get("days", 1))

    @property
    def grant(self) -> str:
        """The newest one."""
        return str(StandingGrant.objects.latest("pk").pk)

    @property
    def delegation(self) -> str:
        """The newest one."""
        return str(Delegation.objects.latest("pk").pk)

    @property
    def settling(self) -> dict[str, Any]:
        """What is said of an outcome."""
        given = {name: self.case.given[name] for name in ("verdict", "result") if name in self.case.given}
        return {"verdict": "give_up", "reason": self.reason, **given}

    @property
    def arguments(self) -> dict[str, Any]:
        return {**json.loads(self.asked.call.arguments), "text": self.case.given.get("text", OTHER_TEXT)}


@dataclass(frozen=True, kw_only=True)
class Door:
    """offers: by the table's commands, what does them here and tells kind and code, as far as the door does.

    seldom: kinds that this door tells as others. by_message: commands of which it says no by a message alone. records:
    how decisions name it.
    """

    name: str
    records: str
    offers: Mapping[str, Callable[[Act], str]]
    seldom: Mapping[str, str]
    by_message: tuple[str, ...] = ()

    def expected(self, case: Case) -> tuple[str, str]:
        """Kind and code that this door should tell."""
        kind, _, code = case.elsewhere.get(self.name, case.outcome).partition(":")
        if case.command in self.by_message and kind in ("bad", "denied", "closed", "over"):
            return "refused", ""
        return (self.seldom[kind], "") if kind in self.seldom else (kind, code)


def kind_of(code: str) -> str:
    """The kind of an error that is known by its code alone."""
    kinds = {"not_permitted": "denied", "not_found": "unknown", "unknown_user": "unknown", "expired": "over"}
    wrong = ("invalid_arguments", "invalid_input", "reason_required", "result_invalid", "same_person", "cannot_decide")
    return "bad" if code in wrong else kinds.get(code, "closed")


def told_by(error: Mapping[str, Any]) -> str:
    """What an error says, as REST and websocket give it; a rule is told by its own name."""
    code = error["code"]
    return f"{kind_of(code)}:{error['details'].get('rule') or code if code == 'not_permitted' else code}"


# In code: what the others must agree with.

KINDS: tuple[tuple[type[AgentsError], str], ...] = (
    (InvalidInput, "bad"),
    (NotPermitted, "denied"),
    (NotFound, "unknown"),
    (Expired, "over"),
    (AgentsError, "closed"),
)


def _in_code(work: Callable[[Act], Any]) -> Callable[[Act], str]:
    def told(act: Act) -> str:
        try:
            work(act)
        except AgentsError as error:
            kind = next(kind for known, kind in KINDS if isinstance(error, known))
            return f"{kind}:{error.details.get('rule') or error.code}"
        return "done"

    return told


CODE = Door(
    name="code",
    records="code",
    offers={
        name: _in_code(work)
        for name, work in {
            "approve": lambda act: services.approve(act.key, by=act.user, digest=act.digest),
            "edit": lambda act: services.approve(act.key, by=act.user, digest=act.digest, arguments=act.arguments),
            "reject": lambda act: services.reject(act.key, by=act.user, reason=act.reason),
            "send_back": lambda act: services.send_back(act.key, by=act.user, instructions=act.reason),
            "claim": lambda act: services.claim_request(act.key, by=act.user),
            "release": lambda act: services.release_request(act.key, by=act.user),
            "reassign": lambda act: services.reassign_request(act.key, by=act.user, to=act.to),
            "settle": lambda act: services.settle_outcome(act.key, by=act.user, **act.settling),
            "delegate": lambda act: services.delegate(to=act.to, by=act.user, until=timezone.now() + timedelta(days=1)),
            "revoke": lambda act: services.revoke_delegation(act.delegation, by=act.user),
            "grant": lambda act: services.make_grant(
                act.key, by=act.user, scope="agent", conditions="any", expires_at=act.ends
            ),
            "revoke_grant": lambda act: services.revoke_grant(act.grant, by=act.user),
        }.items()
    },
    seldom={"nobody": "unknown"},  # nobody is logged in here
)

# REST.

REST_KINDS = {400: "bad", 401: "nobody", 403: "denied", 404: "unknown", 409: "closed", 410: "over"}


def _rest(path: str, body: Callable[[Act], dict[str, Any]] = lambda act: {}) -> Callable[[Act], str]:
    def told(act: Act) -> str:
        client = APIClient()
        client.force_login(act.user)
        answer = client.post(f"/api/{path.format(act=act)}/", body(act), format="json")
        if answer.status_code in (200, 201):
            return "done"
        kind = REST_KINDS[answer.status_code]
        said = told_by(answer.json()["error"])
        assert said.partition(":")[0] in (kind, "closed"), "the status fits the code"
        return f"{kind}:{said.partition(':')[2]}"

    return told


def _allowing(act: Act) -> dict[str, Any]:
    return {"scope": "agent", "conditions": "any", "expires_at": act.ends.isoformat()}


REST = Door(
    name="rest",
    records="rest",
    offers={
        "approve": _rest("approvals/{act.key}/approve", lambda act: {"digest": act.digest}),
        "edit": _rest("approvals/{act.key}/approve", lambda act: {"digest": act.digest, "arguments": act.arguments}),
        "reject": _rest("approvals/{act.key}/reject", lambda act: {"reason": act.reason}),
        "send_back": _rest("approvals/{act.key}/send-back", lambda act: {"instructions": act.reason}),
        "claim": _rest("approvals/{act.key}/claim"),
        "release": _rest("approvals/{act.key}/release"),
        "reassign": _rest("approvals/{act.key}/reassign", lambda act: {"to": act.to}),
        "settle": _rest("tool-calls/{act.key}/settle", lambda act: act.settling),
        "delegate": _rest("delegations", lambda act: {"to": act.to, "until": act.until}),
        "revoke": _rest("delegations/{act.delegation}/revoke"),
        "grant": _rest("approvals/{act.key}/grant", _allowing),
        "revoke_grant": _rest("grants/{act.grant}/revoke"),
    },
    seldom={},
)

# The same among several that are decided at once.


def _among(verdict: str) -> Callable[[Act], str]:
    def told(act: Act) -> str:
        client = APIClient()
        client.force_login(act.user)
        chosen = [{"id": "another", "digest": ""}, {"id": act.key, "digest": act.digest}]
        body = {"verdict": verdict, "requests": chosen, "reason": act.reason}
        answer = client.post("/api/approvals/bulk/", body, format="json")
        if answer.status_code != 200:
            return f"{REST_KINDS[answer.status_code]}:{told_by(answer.json()['error']).partition(':')[2]}"
        another, report = answer.json()["results"]
        assert another["error"]["code"] == "not_found", "one that cannot be decided hinders no other"
        return told_by(report["error"]) if report["error"] else "done"

    return told


MANY = Door(
    name="many at once",
    records="rest",
    offers={verdict: _among(verdict) for verdict in ("approve", "reject", "send_back")},
    seldom={},
)

# The websocket.


UNRELATED = ("delegate", "revoke_delegation", "revoke_grant")
"""The commands that are about no request."""


def _frame(name: str, fields: Callable[[Act], dict[str, Any]] = lambda act: {}) -> Callable[[Act], str]:
    async def sent(act: Act, headers: Any, given: dict[str, Any]) -> str:
        async with connected("/ws/approvals/", headers) as client:
            about = {} if name in UNRELATED else {"call" if name == "settle" else "request": act.key}
            await client.send_json_to({"type": "command", "id": "c", "name": name, **about, **given})
            while (output := await client.receive_output(timeout=30))["type"] != "websocket.close":
                frame = json.loads(output["text"])
                if frame["type"] == "reply":
                    return "done" if frame["ok"] else told_by(frame["error"])
            return {4401: "nobody", 4403: "unknown", 4404: "unknown"}[output["code"]]

    return lambda act: async_to_sync(sent)(act, headers_of(user=act.user), fields(act))


WEBSOCKET = Door(
    name="websocket",
    records="websocket",
    offers={
        "approve": _frame("approve", lambda act: {"digest": act.digest}),
        "edit": _frame("approve", lambda act: {"digest": act.digest, "arguments": act.arguments}),
        "reject": _frame("reject", lambda act: {"reason": act.reason}),
        "send_back": _frame("send_back", lambda act: {"instructions": act.reason}),
        "claim": _frame("claim"),
        "release": _frame("release"),
        "reassign": _frame("reassign", lambda act: {"to": act.to}),
        "settle": _frame("settle", lambda act: act.settling),
        "delegate": _frame("delegate", lambda act: {"to": act.to, "until": act.until}),
        "revoke": _frame("revoke_delegation", lambda act: {"delegation": act.delegation}),
        "grant": _frame("make_grant", _allowing),
        "revoke_grant": _frame("revoke_grant", lambda act: {"grant": act.grant}),
    },
    seldom={},
)

# The command line.

EXITS = {
    Exit.DONE: "done",
    Exit.INVALID: "bad",
    Exit.NOT_FOUND: "unknown",
    Exit.NOT_PERMITTED: "denied",
    Exit.WRONG_STATE: "closed",
}


def _typed(
    name: str, options: Callable[[Act], list[str]] = lambda act: [], *, about: bool = True
) -> Callable[[Act], str]:
    def told(act: Act) -> str:
        key = [act.key] if about else []
        result = manage(f"agents_{name}", *key, *options(act), "--as", act.user.get_username())
        assert result.error or result.code == 0, "a refusal says why"
        return EXITS[Exit(result.code)]

    return told


def _settling(act: Act) -> list[str]:
    said = act.settling
    result = ["--result", json.dumps(said["result"])] if "result" in said else []
    return [said["verdict"], "--reason", said["reason"], *result]


COMMAND_LINE = Door(
    name="command line",
    records="command",
    offers={
        "approve": _typed("approve", lambda act: ["--digest", act.digest]),
        "edit": _typed(
            "approve", lambda act: ["--digest", act.digest, "--set", f"text={json.dumps(act.arguments['text'])}"]
        ),
        "reject": _typed("reject", lambda act: ["--reason", act.reason]),
        "send_back": _typed("send_back", lambda act: ["--instructions", act.reason]),
        "claim": _typed("claim"),
        "release": _typed("release"),
        "reassign": _typed("reassign", lambda act: ["--to", act.to]),
        "settle": _typed("settle", _settling),
        "delegate": _typed("delegate", lambda act: ["--to", act.to, "--until", act.until], about=False),
        "revoke": _typed("delegate", lambda act: ["--revoke", act.delegation], about=False),
        "grant": _typed("grant", lambda act: ["--scope", "agent", "--any", "--until", act.ends.isoformat()]),
        "revoke_grant": _typed("revoke_grant", lambda act: [act.grant], about=False),
    },
    seldom={"nobody": "unknown", "over": "closed"},
)

# The admin.


def _page(act: Act) -> str:
    model = "approvalrequest" if act.asked.request else "toolcall"
    return reverse(f"admin:agents_app_{model}_change", args=[act.key])


def _pressed(
    button: str, fields: Callable[[Act], dict[str, Any]] = lambda act: {}, page: Callable[[Act], str] = _page
) -> Callable[[Act], str]:
    def told(act: Act) -> str:
        client = Client()
        client.force_login(act.user)
        path = page(act)
        given = {"digest": act.digest, "reason": act.reason, button: "1", **fields(act)}
        answer = client.post(path, given)
        if answer.status_code == 200 and answer.context.get("confirm"):
            answer = client.post(path, {**given, "_confirmed": answer.context["confirm"].key})
        if answer.status_code != 302:
            return REST_KINDS[answer.status_code]
        if answer.headers["Location"].startswith(reverse("admin:login")):
            return "nobody"
        levels = {message.level_tag for message in answer.wsgi_request._messages}
        return "refused" if "error" in levels else "done"

    return told


def _form(act: Act, text: str | None = None) -> dict[str, Any]:
    """The arguments as they stand in the page's form."""
    values = {**json.loads(act.asked.call.arguments), **({} if text is None else {"text": text})}
    return {f"argument-{name}": value for name, value in values.items()}


ADMIN = Door(
    name="admin",
    records="admin",
    offers={
        "approve": _pressed("_approve", _form),
        "edit": _pressed("_approve", lambda act: _form(act, act.arguments["text"])),
        "reject": _pressed("_reject"),
        "send_back": _pressed("_send_back"),
        "claim": _pressed("_claim"),
        "release": _pressed("_release"),
        "reassign": _pressed("_reassign", lambda act: {"to": act.to}),
        "settle": _pressed("_settle", lambda act: act.settling),
        "delegate": _pressed(
            "_save",
            lambda act: {"to": act.to, "until": act.until[:16], "reason": ""},
            lambda act: reverse("admin:agents_app_delegation_make"),
        ),
        "grant": _pressed(
            "_make",
            lambda act: {"scope": "agent", "any_arguments": "1", "expires_at": act.ends.isoformat()[:16]},
            lambda act: reverse("admin:agents_app_standinggrant_make", args=[act.key]),
        ),
        "revoke_grant": _pressed(
            "_revoke", page=lambda act: reverse("admin:agents_app_standinggrant_revoke", args=[act.grant])
        ),
        "revoke": _pressed(
            "_revoke", page=lambda act: reverse("admin:agents_app_delegation_revoke", args=[act.delegation])
        ),
    },
    seldom={},
    by_message=("claim", "release", "reassign", "revoke", "revoke_grant"),
)

# The signed link.


def _followed(verdict: str) -> Callable[[Act], str]:
    def told(act: Act) -> str:
        assert act.asked.request is not None
        now = timezone.now()
        row = Notification.objects.create(
            context_id=act.asked.call.context_id,
            request=act.asked.request,
            channel="post",
            recipient=act.user,
            to=str(act.user.pk),
            sequence=1,
            kind="approval.requested",
            state_at=now,
            created_at=now,
            due_at=now,
        )
        path = decide_url(row, act.user, act.digest).removeprefix(SITE)
        answer = Client().post(path, {"verdict": verdict, "reason": act.reason})
        return "done" if answer.status_code == 200 else REST_KINDS[answer.status_code]

    return told


LINK = Door(
    name="link",
    records="link",
    offers={"approve": _followed("approve"), "reject": _followed("reject")},
    seldom={"nobody": "unknown"},
)

DOORS = [CODE, REST, MANY, WEBSOCKET, COMMAND_LINE, ADMIN, LINK]
