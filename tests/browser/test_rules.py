"""The pages on which staff say what may happen, and by whose word: axe finds nothing serious on any of them."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse

from agents_app.services import SYSTEM, make_grant, save_policy, switch_off
from tests.admin.conftest import list_of, request_of

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.timeout(400),
]
LOOKS = [("wide", "light"), pytest.param("phone", "dark", marks=pytest.mark.long)]
LISTS = ("approvalpolicy", "killswitch", "standinggrant", "auditanchor", "notification", "notificationpreference")
FORMS = ("approvalpolicy_add", "approvalpolicy_try", "killswitch_off", "delegation_make", "agentbudget_add")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_no_page_of_rules_bars_anybody(run_of: Any, visit: Any, people: Any, size: str, theme: str) -> None:
    request = request_of(run_of("refund"))
    people["lead"].user_permissions.add(*Permission.objects.filter(content_type__app_label="agents_app"))
    people["lead"] = get_user_model().objects.get(pk=people["lead"].pk)  # permissions are read once
    made = make_grant(request.pk, by=people["lead"], scope="agent", conditions="any", expires_at="never")
    policy = save_policy({"name": "small ones", "tool": "refund", "agent": "till", "answer": "allow"}, by=SYSTEM)
    switch_off(by=SYSTEM, agent="till", tool="ring", reason="broken bell")
    pages = {
        **{name: list_of(name) for name in LISTS},
        **{name: reverse(f"admin:agents_app_{name}") for name in FORMS},
        "policy": reverse("admin:agents_app_approvalpolicy_change", args=[policy.pk]),
        "grant": reverse("admin:agents_app_standinggrant_change", args=[made.pk]),
        "grant_make": reverse("admin:agents_app_standinggrant_make", args=[request.pk]),
    }
    visitor = visit("lead", size=size, color_scheme=theme)
    for name, path in pages.items():
        page = visitor.open(path)
        visitor.shoot(f"rules-{name}-{size}-{theme}")
        visitor.assert_accessible()
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{name} is cut off"
