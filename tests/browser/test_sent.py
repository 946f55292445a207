"""What the LLM was sent in a step, in light and dark, on a screen and on a phone; and a start without memory."""

from typing import Any

import pytest
from django.urls import reverse

pytestmark = [
    pytest.mark.long,
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.timeout(400),
]


@pytest.mark.parametrize(("size", "scheme"), [("wide", "light"), ("phone", "dark")], ids=["wide", "phone"])
def test_what_was_sent(run_of: Any, visit: Any, size: str, scheme: str) -> None:
    run = run_of("look")
    visitor = visit("lead", size=size, color_scheme=scheme)
    page = visitor.open(reverse("admin:agents_app_agentcontext_change", args=[run.id]))
    visitor.shoot(f"run-with-sent-{size}")
    page.get_by_role("link", name="What was sent").last.click()
    page.get_by_text("Back to the run").wait_for()
    visitor.shoot(f"sent-{size}")
    visitor.assert_accessible()
    visitor.open(reverse("admin:agents_app_agentcontext_start"))
    visitor.shoot(f"start-{size}")
    visitor.assert_accessible()
