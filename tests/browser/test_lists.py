"""The lists on a phone, and commands on many runs."""

from typing import Any

import pytest

from tests.admin.conftest import call_of, list_of, page_of

pytestmark = [
    pytest.mark.long,
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.timeout(400),
]


def mark(page: Any, *runs: Any) -> None:
    for run in runs:
        page.locator(f'input[name="_selected_action"][value="{run.id}"]').check()
    page.locator('select[name="action"]').select_option("cancel_selected")
    page.locator('button[name="index"]').click()


@pytest.mark.parametrize(
    ("size", "scripts"),
    [("wide", True), ("phone", False), ("phone", True)],
)
def test_selected_runs_are_cancelled_after_a_question(
    run_of: Any, visit: Any, elsewhere: Any, size: str, scripts: bool
) -> None:
    waiting, ended, other = run_of("refund"), run_of("hello"), run_of("ask")
    visitor = visit("lead", size=size, java_script_enabled=scripts)
    page = visitor.open(list_of("agentcontext"))
    mark(page, waiting, ended)
    visitor.shoot(f"cancel-selected-{size}")
    assert page.get_by_text("Cancel these 2 runs?").is_visible()
    if scripts:
        visitor.assert_accessible()
    page.get_by_role("link", name="No, go back").click()
    mark(page, waiting, ended)
    page.get_by_label("Reason").fill("the shop is closed")
    page.get_by_role("button", name="Cancel 2 runs").click()
    page.get_by_text("Done for 1 run.").wait_for()
    visitor.shoot(f"cancelled-selected-{size}")
    page.goto(visitor.server + page_of(waiting))
    assert page.get_by_text("Cancelled by lead: the shop is closed").is_visible()
    assert elsewhere(lambda: str(other.again().status)) == "waiting_for_input"


def test_lists_on_a_phone(run_of: Any, visit: Any) -> None:
    for plan in ("refund", "hello", "ask", "ring"):
        run = run_of(plan)
    call = call_of(run)
    visitor = visit("lead", size="phone")
    page = visitor.open(list_of("agentcontext"))
    visitor.shoot("phone-runs")
    for badge in page.locator("#result_list .aa-badge").all():
        box = badge.bounding_box()
        assert box["x"] + box["width"] <= 390, "the status is seen without scrolling"
    visitor.assert_accessible()
    visitor.open(list_of("agentevent"))
    visitor.shoot("phone-events")
    heights = [row.bounding_box()["height"] for row in page.locator("#result_list tbody tr").all()]
    assert max(heights) <= 150
    for name in ("toolcall", "approvalrequest", "inputrequest", "agentsession"):
        visitor.open(list_of(name))
        visitor.shoot(f"phone-{name}")
        for cell in page.locator("#result_list tbody tr:first-child > *").all():
            box = cell.bounding_box()
            assert box["x"] + box["width"] <= 390, "all that a list says of a row is seen without scrolling sideways"
    visitor.open(list_of("toolcall"))
    heading = page.locator("#result_list td.field-tries").first.evaluate(
        "cell => getComputedStyle(cell, '::before').content"
    )
    assert heading == '"Tries"', "a row is a card, each value beside the heading of its column"
    visitor.open(page_of(call))
    visitor.shoot("phone-call")
    visitor.open(page_of(run))
    visitor.shoot("phone-run")
