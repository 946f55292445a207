"""What is switched off is said on the pages of what it holds back."""

from typing import Any

import pytest

from agents_app.models import KillSwitch
from agents_app.services import SYSTEM, switch_off, switch_on
from tests.admin.conftest import list_of, page_of, request_of

BANNER = "aa-switched-off"


@pytest.mark.parametrize(
    ("what", "pages"),
    [
        ({}, (True, True, True)),
        ({"agent": "till"}, (True, True, True)),
        ({"tool": "refund"}, (True, True, True)),
        ({"agent": "till", "tool": "parcel"}, (True, True, False)),
    ],
)
def test_the_banner_says_why_and_since_when(as_: Any, run_of: Any, what: Any, pages: tuple[bool, ...]) -> None:
    run = run_of("refund")
    client, request = as_("approver"), request_of(run)
    shown = [list_of("approvalrequest"), page_of(run), page_of(request)]
    assert [BANNER in client.get(page).content.decode() for page in shown] == [False] * 3
    switch = switch_off(by=SYSTEM, reason="Wrong <accounts>.", **what)
    texts = [client.get(page).content.decode() for page in shown]
    assert tuple(BANNER in text for text in texts) == pages
    for text in texts[:2]:
        assert "Wrong &lt;accounts&gt;." in text
        assert ("<accounts>" in text, 'class="aa-soft">system, <time' in text) == (False, True)
    switch_on(switch.pk, by=SYSTEM, reason="Mended.")
    assert [BANNER in client.get(page).content.decode() for page in shown] == [False] * 3


def test_what_holds_back_others_is_not_told_of_a_run(as_: Any, run_of: Any) -> None:
    run = run_of("refund")
    KillSwitch.objects.create(agent="somebody_else", reason="r", off_by="ann", off_at=request_of(run).created_at)
    assert BANNER not in as_("approver").get(page_of(run)).content.decode()
    assert BANNER in as_("approver").get(list_of("approvalrequest")).content.decode(), "the inbox tells of all"
