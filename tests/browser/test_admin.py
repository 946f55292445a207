"""What a person does in the admin, in a real browser."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from agents_app.models import PartialReply
from agents_app.services import SYSTEM, Run, archive_runs, cancel_run, pause_run, restore_run, start_run
from agents_app.transitions import change, thinking
from tests.admin.conftest import call_of, page_of, question_of, request_of
from tests.admin.till import PLANS
from tests.browser.conftest import ALL_LOOKS

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.timeout(400)]

LIST = "/admin/agents_app/approvalrequest/"


def approve_a_hundred(visitor: Any) -> None:
    """From the list to the form, 120 → 100, and approve."""
    page = visitor.open(LIST)
    page.get_by_role("link", name="Pay 120 EUR back to friends").click()
    page.get_by_label("Amount").fill("100")
    assert page.locator("[data-changes]").inner_text() == "Amount"
    assert page.locator("[data-before]:visible").inner_text() == "Before: 120"
    visitor.shoot("decide-edited")
    page.get_by_role("button", name="Approve with changes").click()
    page.get_by_role("button", name="Approve with these changes").first.click()
    page.wait_for_url("**/agentcontext/**")


@pytest.mark.parametrize("way", ["websocket", "polling"])
def test_edit_approve_and_see_the_run_complete_without_reload(
    run_of: Any, visit: Any, till: Any, elsewhere: Any, way: str
) -> None:
    run = run_of("refund")
    visitor = visit("approver")
    sockets: list[Any] = []
    visitor.page.on("websocket", lambda opened: sockets.append(opened))
    if way == "polling":
        visitor.page.add_init_script("delete window.WebSocket")
    approve_a_hundred(visitor)
    page = visitor.page
    assert page.get_by_text("You approved it with changes.").is_visible()
    assert page.locator(".aa-status").inner_text().startswith("Using a tool")
    page.evaluate("window.stillHere = true")
    elsewhere(till.run_until_idle)
    page.locator(".aa-status").get_by_text("Completed").wait_for()
    assert page.evaluate("window.stillHere"), "the page was loaded anew"
    page.get_by_role("region", name="Answer").get_by_text("Refunded.").wait_for()
    assert page.get_by_text("paid 100").is_visible()
    assert page.locator("ins").inner_text() == "100.00 EUR"
    assert page.get_by_role("button", name="Cancel the run").count() == 0
    assert bool(sockets) is (way == "websocket")
    elsewhere(till.assert_called, run, "refund")
    visitor.shoot(f"completed-{way}")


def test_what_is_folded_open_and_typed_stays_while_news_come(
    run_of: Any, visit: Any, elsewhere: Any, people: Any
) -> None:
    run = run_of("refund")
    visitor = visit("lead", size="phone")
    page = visitor.open(page_of(run))
    page.get_by_label("Reason").fill("half a sentence")
    first = page.locator(".aa-entry").first
    first.evaluate("entry => { entry.marked = true; entry.scrollIntoView(); }")
    before = page.evaluate("window.scrollY")
    elsewhere(lambda: pause_run(run.id, by=people["lead"]))
    page.get_by_role("button", name="Resume").wait_for()
    assert first.evaluate("entry => entry.marked"), "an entry that did not change was replaced"
    assert page.get_by_label("Reason").input_value() == "half a sentence"
    assert abs(page.evaluate("window.scrollY") - before) < 300
    page.get_by_role("button", name="Cancel the run").click()
    assert page.get_by_text("half a sentence").first.is_visible()


def test_a_folded_value_stays_open(
    run_of: Any, visit: Any, elsewhere: Any, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "word " * 500
    monkeypatch.setitem(PLANS, long, PLANS["refund"])
    run = run_of(long)
    visitor = visit("lead")
    page = visitor.open(page_of(run))
    page.locator("details", has_text="Input").locator("summary").click()
    elsewhere(lambda: pause_run(run.id, by=people["lead"]))
    page.get_by_role("button", name="Resume").wait_for()
    assert page.locator("details", has_text="Input").evaluate("item => item.open")


def test_errors_stand_at_the_field_and_nothing_typed_is_lost(run_of: Any, visit: Any) -> None:
    run_of("refund")
    visitor = visit("approver")
    page = visitor.open(LIST)
    page.get_by_role("link", name="Pay 120 EUR back to friends").click()
    page.get_by_label("Amount").fill("-5")
    page.get_by_label("Reason").fill("because")
    page.get_by_label("Amount").press("Enter")
    assert page.get_by_role("button", name="Approve with changes").is_visible(), "Enter decides nothing"
    page.get_by_role("button", name="Approve with changes").click()
    page.get_by_text("Input should be greater than 0").wait_for()
    assert page.get_by_label("Amount").input_value() == "-5"
    assert page.get_by_label("Reason").input_value() == "because"
    visitor.assert_accessible()
    visitor.shoot("decide-error")
    page.get_by_role("button", name="Reject").click()
    page.get_by_text("You rejected it.").wait_for()


def test_all_of_it_works_without_javascript(run_of: Any, visit: Any, till: Any, elsewhere: Any) -> None:
    run_of("refund")
    visitor = visit("approver", java_script_enabled=False)
    page = visitor.open(LIST)
    page.get_by_role("link", name="Pay 120 EUR back to friends").click()
    page.get_by_label("Amount").fill("100")
    page.get_by_role("button", name="Approve", exact=True).click()
    assert page.get_by_text("Nothing has been decided yet.").is_visible()
    page.get_by_role("button", name="Approve with these changes").click()
    page.get_by_text("You approved it with changes.").wait_for()
    elsewhere(till.run_until_idle)
    page.reload()
    assert page.locator(".aa-status").inner_text().startswith("Completed")


def test_start_a_run_and_answer_its_question(run_of: Any, visit: Any, till: Any, elsewhere: Any) -> None:
    run_of("hello")
    visitor = visit("lead")
    page = visitor.open("/admin/agents_app/agentcontext/")
    page.get_by_role("link", name="Start a run").click()
    page.get_by_label("Input").fill("ask")
    page.get_by_role("button", name="Start the run").click()
    page.get_by_text("The run has been accepted.").wait_for()
    elsewhere(till.run_until_idle)
    page.get_by_role("link", name="Answer").click()
    page.get_by_label("Answer").fill("green")
    page.get_by_role("button", name="Answer").click()
    page.wait_for_url("**/agentcontext/**")
    elsewhere(till.run_until_idle)
    page.locator(".aa-status").get_by_text("Completed").wait_for()


def put_away(run_of: Any, settings: Any, folder: Path) -> tuple[UUID, Run[Any]]:
    """The id of a run that is in an archive, and a run that was brought back from there."""
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    settings.STORAGES = {**settings.STORAGES, "agents_archive": backend}
    away, back = (cancel_run(run_of("refund").id, by=SYSTEM).id for _ in range(2))
    archive_runs(days=0)
    return away, restore_run(back)


@pytest.mark.once  # the rows are the same, and so are the pages
@pytest.mark.parametrize(("size", "theme"), ALL_LOOKS)
def test_every_page_is_accessible_in_light_and_dark_wide_and_on_a_phone(
    run_of: Any, visit: Any, people: Any, till: Any, settings: Any, tmp_path: Path, size: str, theme: str
) -> None:
    archived, restored = put_away(run_of, settings, tmp_path)
    decided, waiting, unknown, asking = (run_of(plan) for plan in ("refund", "parcel", "ring", "ask schema"))
    till.approve_pending(decided, by=people["approver"], arguments={"amount": "100"}, reason="It is broken indeed.")
    till.run_until_idle()
    pages = {
        "runs": "/admin/agents_app/agentcontext/",
        "run-completed": page_of(decided),
        "run-waiting": page_of(waiting),
        "requests": LIST,
        "request-pending": page_of(request_of(waiting)),
        "request-decided": page_of(request_of(decided)),
        "question": page_of(question_of(asking)),
        "call-unknown": page_of(call_of(unknown)),
        "start": "/admin/agents_app/agentcontext/start/",
        "sessions": "/admin/agents_app/agentsession/",
        "events": "/admin/agents_app/agentevent/",
        "llms": "/admin/agents_app/llmstate/",
        "handlers": "/admin/agents_app/eventcursor/",
        "archived-runs": "/admin/agents_app/archivedrun/",
        "archived-run": f"/admin/agents_app/archivedrun/{archived}/change/",
        "restored-run": page_of(restored),
    }
    visitor = visit("lead", size=size, color_scheme=theme)
    for name, path in pages.items():
        visitor.open(path)
        visitor.shoot(f"{name}-{size}-{theme}")
        visitor.assert_accessible()


def test_the_llms_words_are_shown_as_they_come(run_of: Any, visit: Any, people: Any) -> None:
    """Pieces that a websocket would bring: the first, the next, one that came before, one after a gap."""
    run_of("hello")
    run = start_run("till", "hello", user=people["lead"])
    with change(run.id) as edit:
        step = thinking.open_turn(edit, llm="scripted")
    visitor = visit("lead")
    pieces = [(0, "Dear "), (5, "<i>Ada"), (5, "again"), (20, "the end")]
    frames = [
        {"type": "delta", "step": step.number, "attempt": 1, "index": index, "text": text} for index, text in pieces
    ]
    visitor.page.route_web_socket("**/ws/runs/**", lambda socket: [socket.send(json.dumps(frame)) for frame in frames])
    page = visitor.open(page_of(run))
    page.get_by_text("Dear <i>Ada … the end").wait_for()


def test_what_hides_is_named_while_it_is_written(run_of: Any, visit: Any, people: Any, elsewhere: Any) -> None:
    """In what was written before the page was opened, and in what comes; where a character takes two places, too."""
    run_of("hello")
    run = start_run("till", "hello", user=people["lead"])
    with change(run.id) as edit:
        step = thinking.open_turn(edit, llm="scripted")
    before = "Pay \u202eevil\u202c "
    PartialReply.objects.create(context_id=run.id, step=step.number, attempt=1, index=1, text=before)
    texts, frames, index = ["😀 z\u200bero ", "👩\u200d🚀 n\u200do ", "\U000e0041."], [], len(before)
    for text in texts:
        frames.append({"type": "delta", "step": step.number, "attempt": 1, "index": index, "text": text})
        index += len(text)
    visitor = visit("lead")
    visitor.page.route_web_socket("**/ws/runs/**", lambda socket: [socket.send(json.dumps(frame)) for frame in frames])
    page = visitor.open(page_of(run))
    written = page.locator("[data-writing]")
    written.get_by_text("⟨U+E0041⟩.").wait_for()
    shown = written.inner_text()
    assert shown == ("Pay ⟨U+202E⟩evil⟨U+202C⟩ 😀 z⟨U+200B⟩ero 👩\u200d🚀 n⟨U+200D⟩o ⟨U+E0041⟩.")
