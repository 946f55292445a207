"""What people read beside the pages of rows, in the language that marks: mails, links, confirmations, errors, ends."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME as CHOSEN
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from agents_app.core.events import EventType
from agents_app.definitions.registry import registry
from agents_app.models import ApprovalRequest, Notification
from agents_app.notify.compose import compose
from agents_app.services import SYSTEM, approve, cancel_run, reject, send_back, start_run
from agents_app.testing import calls
from tests.admin.conftest import key_of, list_of, page_of, request_of
from tests.admin.test_policies import typed, who
from tests.links.conftest import Post, Shop, links
from tests.messages.marker import data_of_rows, marked, unmarked
from tests.messages.test_pages import DJANGOS, NAMES
from tests.notify.conftest import telling
from tests.office import decider

pytestmark = [pytest.mark.once, pytest.mark.django_db]

POST = "tests.links.conftest.Post"
ADDRESS = re.compile(r"https://[^\s<\"]+")
LIBRARIES = {
    # What pydantic says of a value.
    "Input should be greater than 0",
    "This field is required.",
}


@pytest.fixture(autouse=True)
def _told(settings: Any) -> Iterator[None]:
    settings.LANGUAGE_CODE = "de"
    with telling(post={"channel": POST}, browser={}):
        Post.sent = []
        yield


class Left:
    """Texts that nobody has marked, by where they stand."""

    def __init__(self, *data: str) -> None:
        self.found: dict[str, list[str]] = {}
        self.data = {*NAMES, *DJANGOS, *EventType, *LIBRARIES, *data}

    def look(self, name: str, answer: Any, status: int = 200) -> None:
        assert answer.status_code == status, (name, answer.status_code)
        page = answer.content.decode()
        self.read(name, page[page.index("<main") :] if "<main" in page else page[page.index("<body") :])

    def read(self, name: str, text: str) -> None:
        if found := unmarked(ADDRESS.sub("", text), data_of_rows() | self.data):
            self.found[name] = found

    def nothing(self) -> None:
        assert self.found == {}, json.dumps(self.found, indent=1, ensure_ascii=False)


def client_of(person: Any) -> Client:
    client = Client(headers={"accept-language": "de"})
    client.force_login(person)
    return client


def test_mails_and_the_pages_of_their_links(agents: Any, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.urls"
    dora, left = decider(), Left("shop", "letter", "Text", "dora", "Dear you", "IST")
    with registry.override(Shop), marked():
        agents.scripted_llm(Shop, calls("letter", text="Dear you"), "Done.")
        runs = [start_run(Shop, "go") for _ in range(3)]
        agents.run_until_idle()
        path, anonymous = links()["dora"], Client(headers={"accept-language": "de"})
        rows = list(Notification.objects.filter(recipient=dora))
        for kind in ("approval.requested", "approval.reminded", "approval.escalated"):
            for row in rows:
                row.kind = kind
            mail = compose(Post(), rows[:1], dora)
            left.read(f"{kind}: subject", f"<p>{mail.subject}</p>")
            left.read(f"{kind}: html", mail.html[mail.html.index("<body") :])
            left.read(f"{kind}: text", "".join(f"<p>{line}</p>" for line in mail.text.splitlines()))
        left.look("link", anonymous.get(path))
        left.look("link without a reason", anonymous.post(path, {"verdict": "reject", "reason": ""}), 400)
        left.look("link decides", anonymous.post(path, {"verdict": "approve", "reason": ""}))
        left.look("link again", anonymous.get(path), 409)
    assert len(runs) == 3
    left.nothing()


def test_preferences_and_what_is_confirmed(run_of: Any, people: Any) -> None:
    boss, left = people["admin"], Left("post", "browser")
    runs = [run_of("refund") for _ in range(3)]
    request = request_of(runs[0])
    with marked():
        client = client_of(boss)
        left.look("preferences", client.get(reverse("admin:agents_app_notificationpreference_changelist"), follow=True))
        edit = {"digest": request.digest, "_approve": "1", "argument-group": "friends", "argument-amount": "70"}
        left.look("difference", client.post(page_of(request), edit))
        chosen = [str(request_of(run).pk) for run in runs]
        many = {"action": "decide_selected", CHOSEN: chosen}
        left.look("bulk", client.post(list_of("approvalrequest"), many))
        several = {"action": "cancel_selected", CHOSEN: [key_of(run) for run in runs]}
        left.look("cancel", client.post(list_of("agentcontext"), several))
        for name in ("archivedrun_erase", "killswitch_off", "delegation_make", "auditanchor_changelist"):
            left.look(name, client.get(reverse(f"admin:agents_app_{name}")))
        left.look("grant", client.get(reverse("admin:agents_app_standinggrant_make", args=[request.pk])))
        digests = {f"digest-{row.pk}": row.digest for row in ApprovalRequest.objects.select_related("call")}
        report = {CHOSEN: chosen, "_reject": "1", "reason": "no", **digests}
        left.look("report", client.post(reverse("admin:agents_app_approvalrequest_bulk"), report))
    left.nothing()


def test_errors_of_forms(run_of: Any, people: Any) -> None:
    request, left = request_of(run_of("refund")), Left("Amount", "amont", "refund", "Row")
    for name in ("add_standinggrant", "decide_approvalrequest"):
        people["lead"].user_permissions.add(Permission.objects.get(codename=name))
    with marked():
        client = client_of(people["admin"])
        edit = {"digest": request.digest, "_approve": "1", "argument-group": "friends", "argument-amount": "-5"}
        left.look("decide", client.post(page_of(request), edit), 400)
        forms = {
            "agentcontext_start": {},
            "delegation_make": {"_save": "1"},
            "killswitch_off": {"reason": ""},
            "agentbudget_add": {},
            "approvalpolicy_add": typed(("amont", "equals", "x", ""), **who({"quorum": "0"}), tool="refund"),
        }
        for name, given in forms.items():
            answer = client.post(reverse(f"admin:agents_app_{name}"), given)
            left.look(name, answer, answer.status_code)
            assert answer.status_code in (200, 400), name
        grant = reverse("admin:agents_app_standinggrant_make", args=[request.pk])
        left.look("grant", client.post(grant, {"scope": "agent"}), 400)
        left.look("grant, both", client.post(grant, {"scope": "agent", "any_arguments": "1", "uses": "0"}), 400)
    left.nothing()


def test_how_runs_ended(run_of: Any, till: Any, people: Any) -> None:
    left, second = Left("Number"), people["second"]
    runs = {plan: run_of("refund") for plan in ("approved", "rejected", "sent back", "cancelled", "edited")}
    digest = {name: request_of(run).digest for name, run in runs.items()}
    with marked():
        approve(request_of(runs["approved"]).pk, by=second, digest=digest["approved"])
        reject(request_of(runs["rejected"]).pk, by=second, reason="No.")
        send_back(request_of(runs["sent back"]).pk, by=second, instructions="Less.")
        cancel_run(runs["cancelled"].id, by=SYSTEM)
        other = {"arguments": {"group": "friends", "amount": "60"}}
        approve(request_of(runs["edited"]).pk, by=second, digest=digest["edited"], **other)
        till.run_until_idle()
        runs["failed"] = run_of("fail")
        runs["unknown"] = run_of("ring")
        client = client_of(people["admin"])
        for name, run in runs.items():
            left.look(name, client.get(page_of(run)))
            for request in ApprovalRequest.objects.filter(context_id=run.id):
                left.look(f"{name}: request", client.get(page_of(request)))
    left.nothing()
