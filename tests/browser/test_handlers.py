"""Event handlers that are parked or failing, in light and dark, on a screen and on a phone; and how they go on."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from agents_app.models import EventCursor, database_now
from tests.admin.conftest import list_of, page_of
from tests.browser.conftest import LOOKS

pytestmark = [
    pytest.mark.long,
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.timeout(400),
]
NAME = "shop.letters.write_to_the_customer"
"""The server's code knows it."""
WHY = "Event 1 (run.started): SMTPServerDisconnected: Connection unexpectedly closed by mail.example.com. "


def at(run: Any, handler: str = NAME, **given: Any) -> EventCursor:
    due = database_now() + timedelta(minutes=5)
    return EventCursor.objects.create(
        **{"context_id": run.id, "handler": handler, "wanted": 1, "due_at": due, "attempts": 10, "error": WHY, **given}
    )


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_parked_ones_go_on(people: Any, run_of: Any, visit: Any, elsewhere: Any, size: str, scheme: str) -> None:
    people["lead"].user_permissions.add(Permission.objects.get(codename="control_eventcursor"))
    runs = [run_of(plan) for plan in ("hello", "look", "refund", "ask")]
    now = database_now()
    first, second, third = (at(run, parked_at=now - timedelta(hours=3), error=WHY * 3) for run in runs[:3])
    at(runs[3], attempts=3)
    at(runs[3], "alarm", attempts=1, error="Event 1 (run.started): KeyError: 'phone'")
    gone = at(runs[0], "shop.former", parked_at=now)
    visitor = visit("lead", size=size, color_scheme=scheme)
    visitor.open(list_of("eventcursor"))
    visitor.shoot(f"handlers-{size}-{scheme}")
    visitor.assert_accessible()
    visitor.open(page_of(gone))
    visitor.shoot(f"handler-gone-{size}-{scheme}")
    page = visitor.open(page_of(first))
    visitor.shoot(f"handler-parked-{size}-{scheme}")
    visitor.assert_accessible()
    page.get_by_role("button", name="Skip event 1").click()
    page.get_by_text("It goes on without that event.").wait_for()
    visitor.shoot(f"handler-skipped-{size}-{scheme}")
    page = visitor.open(list_of("eventcursor"))
    for row in (second, third):
        page.locator(f'input[name="_selected_action"][value="{row.pk}"]').check()
    page.locator('select[name="action"]').select_option("skip_selected")
    page.locator('button[name="index"]').click()
    page.get_by_text("Skip these 2 events?").wait_for()
    visitor.shoot(f"handlers-skip-{size}-{scheme}")
    visitor.assert_accessible()
    page.get_by_role("link", name="No, go back").click()
    visitor.open(page_of(second))
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("It is told the event again.").wait_for()
    visitor.shoot(f"handler-released-{size}-{scheme}")
    stood = elsewhere(lambda: [EventCursor.objects.get(pk=row.pk) for row in (first, second, third)])
    assert [(row.sequence, row.parked_at is None) for row in stood] == [(1, True), (0, True), (0, False)]
