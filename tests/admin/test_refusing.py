"""Each page that answers 403 says which rule forbids; what is declared of the lists is what opens them."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from agents_app.admin.refusing import NamesTheRule
from agents_app.knowledge.models import Collection
from agents_app.models import Decision, ToolCall
from tests.admin.conftest import call_of, list_of, page_of, question_of, request_of
from tests.office import person

OURS = [kind for kind in admin.site._registry.values() if isinstance(kind, NamesTheRule)]
ADMIN = "/admin/agents_app"


def names(page: str) -> tuple[str, str]:
    """(the sentence, the rule) of a page that refuses."""
    said = re.search(r'<div class="aa-failure" role="alert">(.*?)</div>', page, re.S)
    rule = re.search(r"<code>(.*?)</code>", page)
    assert said is not None, page
    return said.group(1), rule.group(1) if rule else ""


def staff(name: str, *permissions: str) -> Client:
    client = Client()
    client.force_login(person(name, *permissions, is_staff=True))
    return client


def test_each_of_our_pages_names_its_rule() -> None:
    labels = ("agents_app", "agents_knowledge")
    registered = [kind for model, kind in admin.site._registry.items() if model._meta.app_label in labels]
    assert {type(kind) for kind in registered} == {type(kind) for kind in OURS}


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.opts.model_name)
def test_a_list_is_opened_by_what_it_says_and_nothing_else(db: None, kind: Any) -> None:
    Collection.objects.create(name="handbook", title="Handbook")
    address = reverse(f"admin:{kind.opts.app_label}_{kind.opts.model_name}_changelist")
    refused = staff("nobody").get(address)
    said, rule = names(refused.content.decode())
    assert (refused.status_code, rule) == (403, kind.seen_with[0])
    assert all(permission in said for permission in kind.seen_with)
    assert "no-store" in refused["Cache-Control"]
    for number, permission in enumerate(kind.seen_with):
        assert staff(f"with-{number}", permission).get(address).status_code == 200, permission


@pytest.mark.parametrize(
    ("who", "address", "rule"),
    [
        ("lead", "agentcontext/add/", "read_only"),
        ("lead", "killswitch/off/", "agents_app.stop_agents"),
        ("viewer", "agentcontext/start/", "agents_app.start_run"),
        ("viewer", "approvalrequest/bulk/", "agents_app.decide_approvalrequest"),
        ("viewer", "delegation/make/", "agents_app.decide_approvalrequest"),
        ("lead", "archivedrun/erase/", "agents_app.erase_user"),
        ("lead", "auditanchor/export/", "agents_app.export_audit"),
        ("lead", "fact/export/", "agents_app.view_memory"),
        ("nobody", "notificationpreference/waiting/", "agents_app.decide_approvalrequest"),
        ("nobody", "approvalpolicy/try/", "agents_app.change_approvalpolicy"),
    ],
)
def test_the_page_names_the_rule(as_: Any, who: str, address: str, rule: str) -> None:
    for ask in ("get", "post"):
        answer = getattr(as_(who), ask)(f"{ADMIN}/{address}")
        assert answer.status_code == 403
        assert names(answer.content.decode())[1] == rule
        assert "Nothing was done." in answer.content.decode()


@pytest.mark.parametrize(
    ("held", "address", "missing"),
    [
        (("view_approvalpolicy",), "approvalpolicy/add/", "add_approvalpolicy"),
        (("view_agentbudget",), "agentbudget/add/", "add_agentbudget"),
        (("view_agentbudget", "add_agentbudget"), "agentbudget/add/", "change_agentbudget"),
    ],
)
def test_of_what_staff_sets_the_permission_is_named_that_is_missing(
    db: None, held: tuple[str, ...], address: str, missing: str
) -> None:
    client = staff("nina", *(f"agents_app.{each}" for each in held))
    page = client.get(f"{ADMIN}/{address}").content.decode()
    assert names(page) == (f"This needs the permission agents_app.{missing}.", f"agents_app.{missing}")


def test_what_the_llm_was_sent_names_the_permission_to_read(as_: Any, run_of: Any) -> None:
    run = run_of("refund")
    sent = reverse("admin:agents_app_agentcontext_sent", args=[run.id, 1])
    assert names(as_("viewer").get(sent).content.decode())[1] == "agents_app.view_transcript"


def test_a_grant_names_why_it_may_not_be_made(as_: Any, run_of: Any, people: Any) -> None:
    request = request_of(run_of("refund"))
    form = reverse("admin:agents_app_standinggrant_make", args=[request.pk])
    assert names(as_("approver").get(form).content.decode())[1] == "agents_app.add_standinggrant"


# Where the page itself can say it, it does, and what was typed is not lost.


def test_who_may_not_decide_any_more_reads_why_and_keeps_the_reason(as_: Any, run_of: Any, people: Any) -> None:
    request = request_of(run_of("refund"))
    client = as_("approver")
    assert "_reject" in client.get(page_of(request)).content.decode()
    people["approver"].user_permissions.filter(codename="change_group").delete()
    for button in ("_reject", "_send_back", "_approve"):
        answer = client.post(
            page_of(request), {"digest": request.call.digest, "reason": "Paid <last> week.", button: "1"}
        )
        page = answer.content.decode()
        assert answer.status_code == 403
        assert re.search(r'class="aa-failure" role="alert">[^<]*auth\.change_group', page)
        assert "Paid &lt;last&gt; week." in page
        assert 'name="_reject"' not in page
    assert not Decision.objects.exists()


def test_who_may_not_settle_reads_why_and_keeps_the_reason(as_: Any, run_of: Any) -> None:
    call = call_of(run_of("refund"))
    ToolCall.objects.filter(pk=call.pk).update(status="unknown")
    answer = as_("reader").post(page_of(call), {"verdict": "give_up", "reason": "Nobody knows."})
    page = answer.content.decode()
    assert answer.status_code == 403
    assert re.search(r'class="aa-failure" role="alert">[^<]*agents_app\.settle_toolcall', page)
    assert "Nobody knows." in page
    assert ToolCall.objects.get(pk=call.pk).status == "unknown"


@pytest.mark.parametrize(("name", "kept"), [("reader", True), ("viewer", False)])
def test_who_may_not_answer_reads_why(as_: Any, run_of: Any, name: str, kept: bool) -> None:
    """What is typed stands beside its question, which not everybody may read."""
    question = question_of(run_of("ask"))
    answer = as_(name).post(page_of(question), {"argument-value": "4711"})
    page = answer.content.decode()
    assert answer.status_code == 403
    assert re.search(r'class="aa-failure" role="alert">[^<]*agents_app\.answer_inputrequest', page)
    assert ("4711" in page) is kept


def test_the_list_is_as_it_was_for_who_may(as_: Any) -> None:
    assert as_("lead").get(list_of("agentcontext")).status_code == 200
