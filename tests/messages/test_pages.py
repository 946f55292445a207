"""Every page of the admin in a language that marks what is translated: no text is left out."""

import json
from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse

from agents_app.core.budgets import Budget
from agents_app.core.events import EventType
from agents_app.models import (
    AgentBudget,
    AgentEvent,
    AgentSession,
    ApprovalPolicy,
    EventCursor,
    KillSwitch,
    LLMState,
    database_now,
)
from agents_app.services import SYSTEM, save_policy, set_budget, set_priority, switch_off
from tests.admin.conftest import call_of, key_of, list_of, question_of, request_of
from tests.messages.marker import data_of_rows, marked, unmarked

pytestmark = pytest.mark.once

NAMES = {
    # Names of the product and of the demo's things, units, and what is typed as it stands.
    *("Django", "REST", "JSON", "CSV", "LLM", "USD", "EUR", "manage.py", "agents_restore", "UUID"),
    *(
        "till",
        "refund",
        "parcel",
        "bill",
        "unlock",
        "ring",
        "look",
        "ask_user",
        "Group",
        "Amount",
        "agents_app",
        "auth",
    ),
    *("Shop", "Customers", "Orders", "Whom to pay.", "Refunds, parcels and doors."),
    # What the keys of an event's data are called.
    *("Reason", "Before", "After"),
}
DJANGOS = {"Search", "True", "False"}
"""Which Django's admin does not translate: texts of icons."""


@pytest.fixture
def shown(run_of: Any, people: Any, as_: Any) -> dict[str, Any]:
    """Rows of every kind."""
    refund = run_of("refund", session="mail")
    boss = people["admin"]
    set_budget(Budget(tokens=5000), by=SYSTEM, user=people["customer"], period="day")
    set_priority(refund.id, by=boss, priority="high")
    save_policy({"name": "small ones", "tool": "refund", "agent": "till", "answer": "allow"}, by=boss)
    switch_off(by=boss, agent="till", tool="ring", reason="broken bell")
    now = database_now()
    return {
        "agentcontext": refund,
        "approvalrequest": request_of(refund),
        "toolcall": call_of(refund),
        "inputrequest": question_of(run_of("ask")),
        "agentsession": AgentSession.objects.first(),
        "agentevent": AgentEvent.objects.filter(context_id=refund.id).latest("sequence"),
        "llmstate": LLMState.objects.create(name="openai:gpt-5-mini", failures=1),
        "eventcursor": EventCursor.objects.create(
            context_id=refund.id, handler="shop.alarm", wanted=1, due_at=now, parked_at=now
        ),
        "agentbudget": AgentBudget.objects.first(),
        "approvalpolicy": ApprovalPolicy.objects.get(),
        "killswitch": KillSwitch.objects.get(),
    }


def test_no_text_of_the_admin_is_unmarked(shown: Any, as_: Any) -> None:
    client, left = as_("admin"), {}
    with marked():
        data = data_of_rows() | NAMES | DJANGOS | set(EventType)
        pages = [reverse("admin:index"), reverse("admin:app_list", args=["agents_app"])]
        pages += [
            list_of(model._meta.model_name) for model in admin.site._registry if model._meta.app_label == "agents_app"
        ]
        pages += [reverse(f"admin:agents_app_{name}_change", args=[key_of(row)]) for name, row in shown.items()]
        pages += [
            reverse(f"admin:agents_app_{name}")
            for name in ("agentcontext_start", "agentbudget_add", "approvalpolicy_add", "killswitch_off")
        ]
        for address in pages:
            answer = client.get(address, headers={"accept-language": "de"})
            assert answer.status_code == 200, address
            page = answer.content.decode()
            content = page[page.index("<main") :]
            if found := unmarked(content, data):
                left[address] = found
    assert left == {}, json.dumps(left, indent=1, ensure_ascii=False)
