"""An LLM that is down, in light and dark, on a screen and on a phone; and the button that lets it be asked again."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission
from django.urls import reverse

from agents_app.models import LLMState, database_now
from tests.admin.conftest import list_of
from tests.browser.conftest import LOOKS

pytestmark = [
    pytest.mark.long,
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.timeout(400),
]
NAME = "openrouter:openai/gpt-5-mini-with-a-name-that-goes-on-and-on"


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_one_that_is_down(people: Any, visit: Any, elsewhere: Any, size: str, scheme: str) -> None:
    people["lead"].user_permissions.add(Permission.objects.get(codename="close_breaker"))
    now = database_now()
    LLMState.objects.create(name="openai:gpt-5", requests_full_at=now, tokens_per_call=1234.5)
    LLMState.objects.create(
        name=NAME,
        failures=10,
        opened_at=now,
        open_until=now + timedelta(hours=1),
        error_code="unavailable",
        error="status_code: 503, body: " + "Service unavailable. " * 10,
    )
    visitor = visit("lead", size=size, color_scheme=scheme)
    visitor.open(list_of("llmstate"))
    visitor.shoot(f"llms-{size}-{scheme}")
    visitor.assert_accessible()
    page = visitor.open(reverse("admin:agents_app_llmstate_change", args=[quote(NAME)]))
    visitor.shoot(f"llm-down-{size}-{scheme}")
    visitor.assert_accessible()
    page.get_by_role("button", name="Ask again now").click()
    page.get_by_text("is asked again.").wait_for()
    assert elsewhere(lambda: LLMState.objects.get(name=NAME).open_until) is None
