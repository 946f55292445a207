"""Values on a page: amounts with their currency, in the language of who reads them."""

from django.utils import translation

from agents_app.admin.blocks import block, differences


def test_amounts_are_shown_with_their_currency() -> None:
    values = {"total": "1012.5", "tip": None, "text": "Thanks"}
    currencies = {"total": "CHF", "tip": "EUR"}
    shown = block("answer", "Answer", values, currencies)
    assert shown.pairs == (("Total", "1,012.50 CHF"), ("Tip", "–"), ("Text", "Thanks"))
    [changed] = differences({"total": "12"}, {"total": "13.5"}, currencies)
    assert (changed.before, changed.after) == ("12.00 CHF", "13.50 CHF")
    with translation.override("de"):
        assert block("answer", "Answer", values, currencies).pairs[0] == ("Total", "1.012,50 CHF")


def test_what_is_no_number_keeps_its_currency() -> None:
    assert block("answer", "Answer", {"total": "a lot"}, {"total": "CHF"}).pairs == (("Total", "a lot CHF"),)
