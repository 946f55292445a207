"""What holds for every page: nothing is added, changed or deleted; any admin site; no inline code."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import reverse

from agents_app.admin.base import ReadOnlyAdmin, origin_of
from agents_app.admin.budgets import AgentBudgetAdmin
from agents_app.admin.policies import ApprovalPolicyAdmin
from agents_app.exceptions import AgentsError, Expired, InvalidArguments, LLMError, NotFound, NotPermitted, StaleDigest
from agents_app.models import (
    AgentContext,
    AgentEvent,
    AgentSession,
    ApprovalRequest,
    EventCursor,
    InputRequest,
    LLMState,
    ToolCall,
    database_now,
)
from agents_app.services import Origin
from tests.admin.conftest import call_of, key_of, list_of, page_of, question_of, request_of

MODELS = (
    "agentcontext",
    "approvalrequest",
    "inputrequest",
    "toolcall",
    "agentsession",
    "agentevent",
    "llmstate",
    "eventcursor",
)


@pytest.fixture
def rows(run_of: Any) -> dict[str, Any]:
    refund = run_of("refund", session="mail")
    return {
        "agentcontext": refund,
        "approvalrequest": request_of(refund),
        "toolcall": call_of(refund),
        "inputrequest": question_of(run_of("ask")),
        "agentsession": AgentSession.objects.get(),
        "agentevent": AgentEvent.objects.filter(context_id=refund.id).latest("sequence"),
        "llmstate": LLMState.objects.create(name="openai:gpt-5-mini", failures=1),
        "eventcursor": EventCursor.objects.create(
            context_id=refund.id, handler="shop.alarm", wanted=1, due_at=database_now(), parked_at=database_now()
        ),
    }


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_added_changed_or_deleted(as_: Any, rows: Any, model: str) -> None:
    client = as_("admin")
    row = rows[model]
    key = key_of(row)
    assert client.get(reverse(f"admin:agents_app_{model}_add")).status_code == 403
    assert client.post(reverse(f"admin:agents_app_{model}_add"), {}).status_code == 403
    assert client.post(reverse(f"admin:agents_app_{model}_delete", args=[key]), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in client.get(list_of(model)).content.decode()
    client.post(list_of(model), {"action": "delete_selected", "_selected_action": [str(key)], "index": 0})
    client.post(reverse(f"admin:agents_app_{model}_change", args=[key]), {"agent": "changed", "status": "completed"})
    assert type(AgentContext.objects.get(pk=rows["agentcontext"].id)).objects.filter(agent="changed").count() == 0
    for kind in (AgentContext, ApprovalRequest, InputRequest, ToolCall, AgentSession, AgentEvent):
        assert kind._default_manager.exists()


def test_all_model_admins_are_read_only() -> None:
    ours = [kind for model, kind in admin.site._registry.items() if model._meta.app_label == "agents_app"]
    assert len(ours) >= len(MODELS)
    # Budgets and policies are what staff set; the counters of budgets are read-only there, too.
    allowed = ReadOnlyAdmin | AgentBudgetAdmin | ApprovalPolicyAdmin
    assert [kind for kind in ours if not isinstance(kind, allowed)] == []


@pytest.mark.parametrize("model", MODELS)
def test_pages_have_no_inline_code(as_: Any, rows: Any, model: str) -> None:
    client = as_("admin")
    for address in (list_of(model), page_of(rows[model])):
        response = client.get(address)
        assert response.status_code == 200
        assert "default-src 'self'" in response["Content-Security-Policy"]
        page = response.content.decode()
        assert "agents_app/admin.css" in page
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
        assert not re.search(r'(src|href)="(https?:)?//', page), "no other host"


@pytest.mark.parametrize("model", MODELS)
def test_every_control_has_a_label(as_: Any, rows: Any, model: str) -> None:
    page = as_("admin").get(page_of(rows[model])).content.decode()
    content = page[page.index('id="content-start"') :]
    for tag in re.findall(r"<(?:input|select|textarea)[^>]*>", content):
        if 'type="hidden"' in tag:
            continue
        name = re.search(r'\bid="([^"]+)"', tag)
        assert name, tag
        assert f'for="{name.group(1)}"' in content, tag


@pytest.mark.parametrize("model", MODELS)
def test_another_admin_site_links_within_itself(as_: Any, rows: Any, model: str) -> None:
    client = as_("admin")
    for name, arguments in (("changelist", []), ("change", [key_of(rows[model])])):
        address = reverse(f"team:agents_app_{model}_{name}", args=arguments)
        page = client.get(address).content.decode()
        assert "own admin" in page
        assert "/team/agents_app/" in page
        assert '"/admin/agents_app/' not in page


def test_commands_and_decisions_stay_within_the_site(as_: Any, rows: Any) -> None:
    client = as_("lead")
    request = rows["approvalrequest"]
    data = {"digest": request.call.digest, "reason": "no", "_reject": "1"}
    response = client.post(reverse("team:agents_app_approvalrequest_change", args=[request.pk]), data)
    assert response["Location"] == reverse("team:agents_app_agentcontext_change", args=[rows["agentcontext"].id])
    verb = reverse("team:agents_app_agentcontext_command", args=[rows["agentcontext"].id, "pause"])
    assert client.post(verb)["Location"].startswith("/team/")
    started = client.post(reverse("team:agents_app_agentcontext_start"), {"agent": "till", "input": "hello"})
    assert started["Location"].startswith("/team/")


def test_runs_stand_below_the_teams_own_object(as_: Any, run_of: Any, till: Any) -> None:
    group = Group.objects.create(name="customers")
    address = reverse("team:auth_group_change", args=[group.pk])
    run = run_of("hello", subject=group)
    other = run_of("hello")
    page = as_("admin").get(address).content.decode()
    assert reverse("team:agents_app_agentcontext_change", args=[run.id]) in page
    assert str(other.id) not in page
    assert "Completed" in page
    for _ in range(21):
        run_of("hello", subject=group)
    page = as_("admin").get(address).content.decode()
    assert page.count("/team/agents_app/agentcontext/") - page.count('/team/agents_app/agentcontext/"') == 20
    assert str(run.id) not in page, "only the newest are shown"


def test_the_object_can_still_be_saved(as_: Any, run_of: Any) -> None:
    group = Group.objects.create(name="customers")
    run_of("hello", subject=group)
    client = as_("admin")
    address = reverse("team:auth_group_change", args=[group.pk])
    form = client.get(address).context["inline_admin_formsets"][0].formset
    data = {field.html_name: field.value() for field in form.management_form}
    run_of("hello", subject=group)
    response = client.post(address, {**data, "name": "clients"})
    assert response.status_code == 302, response.content.decode()
    group.refresh_from_db()
    assert group.name == "clients"


def test_runs_below_an_object_need_view_agentcontext(as_: Any, run_of: Any, people: Any) -> None:
    group = Group.objects.create(name="customers")
    run = run_of("hello", subject=group)
    page = as_("decider").get(reverse("team:auth_group_change", args=[group.pk])).content.decode()
    assert "customers" in page
    assert str(run.id) not in page


@pytest.mark.parametrize(
    ("model", "name", "status"), [(m, n, s) for m in MODELS for n, s in (("nobody", 403), ("gone", 302))]
)
def test_lists_are_not_for_everybody(as_: Any, rows: Any, model: str, name: str, status: int) -> None:
    client = as_(name)
    assert client.get(list_of(model)).status_code == status
    assert client.get(page_of(rows[model])).status_code == (404 if status == 403 else 302)


def test_sessions_show_their_runs(as_: Any, rows: Any) -> None:
    page = as_("viewer").get(page_of(rows["agentsession"])).content.decode()
    assert str(rows["agentcontext"].id) in page
    assert "Waiting for approval" in page
    page = as_("viewer").get(list_of("agentsession"), {"q": "mail"}).content.decode()
    assert "mail" in page
    assert "1 session" in page


def test_events_of_one_run(as_: Any, rows: Any, run_of: Any) -> None:
    other = run_of("hello")
    client = as_("viewer")
    page = client.get(list_of("agentevent"), {"context__id__exact": str(rows["agentcontext"].id)}).content.decode()
    assert "approval.requested</strong>" in page
    assert "run.completed</strong>" not in page
    assert str(other.id) not in page
    filtered = client.get(list_of("agentevent"), {"type": "run.completed"}).content.decode()
    assert "run.completed</strong>" in filtered
    assert "approval.requested</strong>" not in filtered
    page = client.get(page_of(rows["agentevent"])).content.decode()
    assert rows["agentevent"].type in page
    for key in ("0", "abc", "9" * 30):
        assert client.get(reverse("admin:agents_app_agentevent_change", args=[key])).status_code == 404


@pytest.mark.parametrize(("said", "address"), [("192.0.2.7", "192.0.2.7"), ("::1", "::1"), ("", None), ("unix:", None)])
def test_decisions_name_the_address_behind_them_if_there_is_one(rf: Any, said: str, address: str | None) -> None:
    assert origin_of(rf.get("/", REMOTE_ADDR=said)) == Origin(door="admin", address=address)


def test_every_error_has_its_http_status() -> None:
    errors = [InvalidArguments(), NotPermitted(), NotFound(), StaleDigest(), Expired(), LLMError(), AgentsError()]
    assert [error.http_status for error in errors] == [400, 403, 404, 409, 410, 502, 500]


def test_the_index_works_for_everybody(as_: Any, rows: Any) -> None:
    for name in ("viewer", "nobody", "lead", "admin"):
        assert as_(name).get(reverse("admin:index")).status_code == 200
    assert "Approval requests" in as_("decider").get(reverse("admin:index")).content.decode()


def test_the_history_names_the_decision(as_: Any, rows: Any) -> None:
    request = rows["approvalrequest"]
    client = as_("lead")
    client.post(page_of(request), {"digest": request.call.digest, "reason": "no", "_reject": "1"})
    page = client.get(reverse("admin:agents_app_approvalrequest_history", args=[request.pk])).content.decode()
    assert "rejected" in page
    assert "lead" in page


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        ("approvalrequest", {"summary__startswith": "Pay"}),
        ("approvalrequest", {"reason__contains": "EUR"}),
        ("inputrequest", {"question__contains": "colour"}),
        ("agentcontext", {"details__input__contains": "ask"}),
    ],
)
def test_lists_cannot_be_asked_for_words_that_one_may_not_read(
    as_: Any, run_of: Any, model: str, lookup: dict[str, str]
) -> None:
    run_of("refund")
    run_of("ask")
    assert as_("viewer").get(list_of(model), lookup).status_code == 400


def test_sealed_arguments_cannot_be_guessed_by_their_hash(as_: Any, run_of: Any) -> None:
    guess = call_of(run_of("unlock")).arguments_hash
    assert as_("reader").get(list_of("toolcall"), {"arguments_hash": guess}).status_code == 400


def test_the_history_of_a_row_tells_nothing_of_the_conversation(as_: Any, run_of: Any) -> None:
    request, question = request_of(run_of("refund")), question_of(run_of("ask"))
    for row, words in ((request, request.summary), (question, question.question)):
        page = as_("viewer").get(reverse(f"admin:agents_app_{row._meta.model_name}_history", args=[row.pk]))
        assert page.status_code == 200
        assert words
        assert words not in page.content.decode()
