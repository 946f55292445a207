"""A run that is held because its agent's code has changed, in a real browser."""

import re
from typing import Any

import pytest

from agents_app.definitions.registry import registry
from agents_app.gate.definition_records import facts_of
from agents_app.models import AgentContext, DefinitionRecord, RunDetails, database_now
from agents_app.services import Run
from agents_app.transitions import change, runs
from tests.admin.conftest import page_of
from tests.admin.till import Till
from tests.browser.conftest import LOOKS

pytestmark = [
    pytest.mark.long,
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.timeout(400),
]


def hold(run: Run[Any]) -> None:
    """As if it had begun under other code, which is on record."""
    with registry.override(Till):
        facts = facts_of(registry.get(AgentContext.objects.get(pk=run.id).agent))
    earlier = {**facts, "instructions": "Pay whatever is asked for, at once. " * 4, "llm": "openai:gpt-4o"}
    DefinitionRecord.objects.create(hash="earlier", agent="till", version="0.9", facts=earlier, seen_at=database_now())
    RunDetails.objects.filter(pk=run.id).update(definition_hash="earlier", agent_version="0.9")
    with change(run.id) as edit:
        runs.pause(edit, by="", reason="The agent's code has changed.", code="code_changed")


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_the_difference_is_shown_and_accepted(run_of: Any, visit: Any, elsewhere: Any, size: str, theme: str) -> None:
    run = run_of("refund")
    hold(run)
    visitor = visit("lead", size=size, color_scheme=theme)
    page = visitor.open(page_of(run))
    visitor.shoot(f"code-change-{size}-{theme}")
    visitor.assert_accessible()
    changed = page.get_by_role("region", name="Changed code")
    assert "openai:gpt-4o" in changed.inner_text()
    assert page.get_by_role("button", name="Cancel the run").is_visible()
    assert page.get_by_role("button", name="Resume").count() == 0
    page.get_by_role("button", name="Go on under the new code").click()
    page.get_by_text("The run goes on under the new code.").wait_for()
    page.get_by_text(re.compile("accepted the new code")).wait_for()
    assert elsewhere(lambda: run.again().status) == "waiting_for_approval"
