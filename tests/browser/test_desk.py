"""The desk in a real browser: the request page of deceptive text, the difference before it is made, double clicks."""

from typing import Any

import pytest

from agents_app.models import Decision
from agents_app.services import save_policy
from agents_app.testing import calls, turn
from tests.admin.conftest import page_of, request_of
from tests.admin.till import PLANS
from tests.browser.conftest import LOOKS
from tests.office import person

# What depends on Redis is tried by test_admin, on both databases.
pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.timeout(400)]

LIST = "/admin/agents_app/approvalrequest/"
TRICK = "fri\u0435nds\u202e evil\u200b"
SPELLED = "Pay 120,00 EUR back to Friends!"


@pytest.fixture
def refund(monkeypatch: pytest.MonkeyPatch, run_of: Any) -> Any:
    """A run that was asked for in words, has looked something up, and waits; for this group."""

    def start(group: str = "friends") -> Any:
        look = turn("I look the order up first.", [calls("look", what="The order of friends over 120.00 EUR")])
        ask = turn("The order is there: I pay it back.", [calls("refund", group=group, amount="120")])
        monkeypatch.setitem(PLANS, SPELLED, [look, ask, "Refunded."])
        return run_of(SPELLED)

    return start


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_the_request_page_tells_what_to_know(
    refund: Any, visit: Any, till: Any, people: Any, size: str, theme: str
) -> None:
    for _ in range(2):
        till.reject_pending(refund(), by=people["approver"], reason="He has asked twice.")
    honest, trick = request_of(refund()), request_of(refund(TRICK))
    visitor = visit("approver", size=size, color_scheme=theme)
    page = visitor.open(page_of(honest))
    page.get_by_text("from the result of look").first.click()
    assert page.get_by_text("He has asked twice.").first.is_visible()
    visitor.shoot(f"desk-request-{size}-{theme}")
    visitor.assert_accessible()
    page = visitor.open(page_of(trick))
    assert page.get_by_text("Look twice.").first.is_visible()
    visitor.shoot(f"desk-trick-{size}-{theme}")
    visitor.assert_accessible()


def test_who_asked_under_four_eyes_reads_the_page_and_has_nothing_to_approve_with(
    refund: Any, visit: Any, people: Any
) -> None:
    rule = {"name": "two people", "tool": "refund", "answer": "ask", "approvers": {"four_eyes": True}}
    save_policy(rule, by=person("boss", is_superuser=True))
    request = request_of(refund())
    page = visit("lead").open(page_of(request))
    assert page.get_by_text("somebody else must approve it").is_visible()
    page.get_by_label("Amount").fill("100")
    assert page.get_by_role("button", name="Approve").count() == 0
    assert page.locator("[data-changes]").inner_text() == "Amount"


def test_the_difference_is_shown_before_the_edit_is_made_and_a_double_click_makes_it_once(
    refund: Any, visit: Any, elsewhere: Any
) -> None:
    request = request_of(refund())
    visitor = visit("approver")
    page = visitor.open(page_of(request))
    page.get_by_label("Amount").fill("100")
    page.get_by_role("button", name="Approve with changes").click()
    page.get_by_text("Is this what you mean?").wait_for()
    visitor.shoot("desk-confirm")
    visitor.assert_accessible()
    assert elsewhere(Decision.objects.count) == 0
    page.get_by_role("button", name="Approve with these changes").first.dblclick()
    page.wait_for_url("**/agentcontext/**")
    assert elsewhere(Decision.objects.count) == 1


def test_the_inbox_goes_on_by_itself_and_keeps_where_one_stands(
    refund: Any, run_of: Any, visit: Any, till: Any, people: Any, elsewhere: Any
) -> None:
    first, second = refund(), refund()
    keys = [str(request_of(run).pk) for run in (first, second)]
    visitor = visit("approver")
    page = visitor.open(f"{LIST}?q=e")
    page.keyboard.press("j")
    page.keyboard.press("j")
    standing = "document.activeElement.closest('tr')?.querySelector('a').pathname ?? ''"
    assert keys[1] in page.evaluate(standing)
    page.keyboard.press("x")
    page.evaluate("window.stillHere = document.activeElement.closest('tr')")
    third = elsewhere(lambda: request_of(run_of("parcel")))
    page.locator(f'#result_list a[href*="{third.pk}"]').wait_for(timeout=40_000)
    elsewhere(lambda: till.reject_pending(first, by=people["lead"]))
    page.locator("#result_list tbody tr").nth(0).locator(f'a[href*="{keys[1]}"]').wait_for(timeout=40_000)
    counter, results = page.locator("span.action-counter"), page.locator("#changelist-search .quiet")
    assert counter.inner_text() == "1 of 2 selected", "the count is of the rows that are there now"
    assert results.inner_text().startswith("2 results")
    page.locator("#action-toggle").click()
    assert counter.inner_text() == "2 of 2 selected"
    assert page.locator("input.action-select:checked").count() == 2, "also of the row that came later"
    page.locator("#action-toggle").click()
    page.locator(f'#result_list tr:has(a[href*="{keys[1]}"]) a').first.focus()
    assert keys[1] in page.evaluate(standing)
    assert page.evaluate("window.stillHere === document.activeElement.closest('tr')"), "the row was replaced"
    visitor.shoot("desk-inbox")
    visitor.assert_accessible()


def test_keys_move_open_and_decide_nothing(refund: Any, visit: Any, elsewhere: Any) -> None:
    requests = [request_of(refund()) for _ in range(2)]
    visitor = visit("approver")
    page = visitor.open(LIST)
    page.keyboard.press("?")
    assert page.get_by_role("dialog").get_by_text("next and previous request").is_visible()
    visitor.shoot("desk-keys")
    page.keyboard.press("?")
    assert not page.get_by_role("dialog").is_visible(), "the same key closes it"
    page.keyboard.press("?")
    standing = "document.activeElement.closest('tr')?.querySelector('a').pathname ?? ''"
    page.keyboard.press("j")
    assert not page.get_by_role("dialog").is_visible()
    assert str(requests[0].pk) in page.evaluate(standing), "no press is lost"
    for _ in range(20):  # also where no frame is drawn between two of them
        page.keyboard.press("?")
        page.keyboard.press("j")
        assert str(requests[1].pk) in page.evaluate(standing)
        page.keyboard.press("?")
        page.keyboard.press("k")
        assert str(requests[0].pk) in page.evaluate(standing)
        page.evaluate("document.activeElement.blur()")
        for key in "???j":
            page.keyboard.press(key)
        assert str(requests[0].pk) in page.evaluate(standing)
    page.keyboard.press("j")
    assert str(requests[1].pk) in page.evaluate(standing)
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    assert str(requests[0].pk) in page.evaluate(standing)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{requests[0].pk}/change/", timeout=60_000)
    active = "document.activeElement"
    page.keyboard.press("a")
    assert page.evaluate(f"{active}.name") == "_approve"
    page.keyboard.press("e")
    assert page.evaluate(f"{active}.name") == "argument-group"
    page.keyboard.press("r")
    assert page.get_by_label("Group").input_value() == "rfriends", "in a field a letter is a letter"
    visitor.open(LIST)
    page.keyboard.press("j")
    page.keyboard.press("r")
    page.wait_for_url("**/change/#r", timeout=60_000)
    assert page.evaluate(f"{active}.id") == "aa-reason"
    assert elsewhere(Decision.objects.count) == 0


def test_two_tabs_one_decision_and_the_other_is_told(refund: Any, visit: Any, elsewhere: Any) -> None:
    request = request_of(refund())
    one, other = visit("approver"), visit("lead")
    for visitor in (one, other):
        visitor.open(page_of(request))
    one.page.get_by_role("button", name="Approve", exact=True).click()
    one.page.wait_for_url("**/agentcontext/**")
    other.page.get_by_label("Reason").fill("I say no")
    other.page.get_by_role("button", name="Reject").click()
    other.page.get_by_text("approver approved this at").wait_for()
    assert other.page.get_by_text("I say no").is_visible()
    assert elsewhere(Decision.objects.count) == 1


def test_the_first_page_counts(refund: Any, visit: Any) -> None:
    refund()
    visitor = visit("approver")
    page = visitor.open("/admin/")
    assert page.get_by_role("link", name="1 Waiting for me").is_visible()
    visitor.shoot("desk-index")
    visitor.assert_accessible()


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_many_are_marked_by_keys_and_decided_at_once(
    refund: Any, run_of: Any, visit: Any, elsewhere: Any, size: str, theme: str
) -> None:
    for _ in range(2):
        refund()
    run_of("unlock")
    visitor = visit("approver", size=size, color_scheme=theme)
    page = visitor.open(LIST)
    visitor.shoot(f"desk-inbox-{size}-{theme}")
    visitor.assert_accessible()
    for _ in range(3):
        page.keyboard.press("j")
        page.keyboard.press("x")
    assert page.locator("input.action-select:checked").count() == 3
    page.locator("select[name=action]").select_option("decide_selected")
    page.locator("button[name=index]").first.click()
    page.get_by_text("How they differ").wait_for()
    visitor.shoot(f"desk-bulk-{size}-{theme}")
    visitor.assert_accessible()
    page.get_by_label("Reason").fill("All alike.")
    page.get_by_role("button", name="Approve", exact=True).dblclick()
    page.get_by_role("heading", name="3 of 3 decided").wait_for()
    visitor.shoot(f"desk-report-{size}-{theme}")
    visitor.assert_accessible()
    assert elsewhere(Decision.objects.count) == 3


def test_many_are_decided_without_scripts(refund: Any, visit: Any, elsewhere: Any) -> None:
    for _ in range(2):
        refund()
    visitor = visit("approver", java_script_enabled=False)
    page = visitor.open(LIST)
    for number in range(2):
        page.locator("input.action-select").nth(number).check()
    page.locator("select[name=action]").select_option("decide_selected")
    page.locator("button[name=index]").first.click()
    page.get_by_role("heading", name="All 2 requests").wait_for()
    visitor.shoot("desk-bulk-no-scripts")
    page.get_by_label("Reason").fill("All alike.")
    page.get_by_role("button", name="Reject", exact=True).click()
    page.get_by_role("heading", name="2 of 2 decided").wait_for()
    assert elsewhere(lambda: list(Decision.objects.values_list("reason", flat=True))) == ["All alike."] * 2


TOLD = """
window.told = [];
window.Notification = class extends EventTarget {
  static permission = "default";
  static async requestPermission() { return (Notification.permission = "granted"); }
  constructor(title, options) { super(); window.told.push(`${title}: ${options.body}`); }
};
"""
"""What the browser would show; headless there is nobody to allow it."""


def until(page: Any, expression: str) -> None:
    """Wait for it; Playwright's own way of waiting evaluates text in the page, against its CSP."""
    for _ in range(240):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(250)
    pytest.fail(f"It never came: {expression}")


def test_the_title_counts_and_the_browser_tells_what_is_new(
    refund: Any, run_of: Any, visit: Any, elsewhere: Any
) -> None:
    refund()
    visitor = visit("approver")
    visitor.page.add_init_script(TOLD)
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    page = visitor.open(LIST)
    title = page.title()
    assert title.startswith("(1) ")
    page.get_by_role("button", name="Tell me in this browser").click()
    page.get_by_role("button", name="Tell me in this browser").wait_for(state="hidden")
    elsewhere(lambda: run_of("parcel"))
    until(page, "document.title.startsWith('(2) ')")
    assert page.evaluate("told") == [], "who looks sees it"
    assert not [url for url in asked if "waiting" in url], "one asks, and it is the list"
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    elsewhere(lambda: run_of("unlock"))
    until(page, "told.length > 0 && document.title.startsWith('(3) ')")
    assert [text.partition(":")[0] for text in page.evaluate("told")][-1] == "Please decide"
    page.evaluate("document.dispatchEvent(new CustomEvent('agents_app:unseen'))")
    page.wait_for_timeout(500)
    assert len(set(page.evaluate("told"))) == len(page.evaluate("told")), "each is told once"


def test_nested_values_are_edited_part_by_part_and_told_apart(run_of: Any, visit: Any, elsewhere: Any) -> None:
    request = request_of(run_of("parcel"))
    visitor = visit("approver")
    page = visitor.open(page_of(request))
    editor = page.locator(".aa-editor").first
    editor.wait_for()
    assert page.get_by_text("Approve with changes").count() == 0, "an editor that nobody touched changes nothing"
    visitor.assert_accessible()
    editor.get_by_label("Street").fill("")
    editor.get_by_label("Street").press("Tab")
    page.get_by_role("button", name="Approve with changes").click()
    inner = page.locator('.aa-editor [data-path="#/street"] .aa-inner-error')
    inner.wait_for()
    assert "the least is 1" in inner.inner_text()
    assert page.get_by_text("the least is 1").count() == 1, "what is wrong with a part is said there, and once"
    assert page.locator(".errorlist").count() == 0
    editor = page.locator(".aa-editor").first
    assert editor.get_by_label("Street").get_attribute("aria-invalid") == "true"
    visitor.shoot("desk-editor-error")
    visitor.assert_accessible()
    editor.get_by_label("Street").fill("Low St 2")
    editor.get_by_label("Street").press("Tab")
    visitor.shoot("desk-editor")
    page.get_by_role("button", name="Approve with changes").click()
    page.get_by_text("Is this what you mean?").wait_for()
    difference = page.locator(".aa-confirm .aa-changes tbody tr")
    assert difference.count() == 1
    assert "Address › Street" in difference.inner_text()
    page.get_by_role("button", name="Approve with these changes").first.click()
    page.wait_for_url("**/agentcontext/**")
    made = elsewhere(Decision.objects.get)
    assert '"street":"Low St 2"' in made.arguments
