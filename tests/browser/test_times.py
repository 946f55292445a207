"""Times stand in the reader's own zone and language; without scripts in the server's, which is named."""

from typing import Any

import pytest

from tests.admin.conftest import page_of

pytestmark = [
    pytest.mark.long,
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.timeout(400),
]

SHOWN = """() => [...document.querySelectorAll("time[data-time=full]")].map((item) => [
    item.textContent,
    new Intl.DateTimeFormat(document.documentElement.lang, {
        dateStyle: "medium", timeStyle: "medium", timeZone: "America/New_York",
    }).format(new Date(item.dateTime)),
])"""


def test_times_are_the_readers(run_of: Any, visit: Any) -> None:
    run = run_of("refund")
    visitor = visit("viewer", timezone_id="America/New_York")
    page = visitor.open(page_of(run))
    page.wait_for_function("!document.querySelector('time[data-time=full]').textContent.includes('IST')")
    shown = page.evaluate(SHOWN)
    assert shown
    assert all(text == wanted for text, wanted in shown), shown
    assert "IST" in page.locator("time[data-time=full]").first.get_attribute("title")


def test_without_scripts_the_zone_is_named(run_of: Any, visit: Any) -> None:
    run = run_of("refund")
    page = visit("viewer", java_script_enabled=False).open(page_of(run))
    texts = page.locator("time").all_text_contents()
    assert texts
    assert all(text.endswith(" IST") for text in texts), texts
