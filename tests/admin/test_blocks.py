"""Values on a page: amounts with their currency, in the language of who reads them."""

from django.utils import translation

from agents_app.admin.blocks import amounts_inside, block, differences


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


ITEM = {"what": "Lamp", "unit_price": "62.5"}
ORDER = {"currency": "EUR", "items": [ITEM, {**ITEM, "currency": "USD"}]}


def test_amounts_inside_of_values() -> None:
    assert '"unit_price": "62.50 EUR"' in block("a", "Arguments", ORDER, {}).text
    assert '"unit_price": "62.5"' in block("a", "Result", ORDER).text, "what is no call or answer is as it is stored"
    with translation.override("de"):
        [changed] = differences(ORDER, {**ORDER, "items": [{**ITEM, "unit_price": "70.0"}, ORDER["items"][1]]}, {})
        assert (changed.label, changed.before, changed.after) == ("Items › 1 › Unit price", "62,50 EUR", "70,00 EUR")
        [other] = differences({"items": [ITEM]}, {"items": []}, {"items.unit_price": "CHF"})
        assert other.before == '[{"what": "Lamp", "unit_price": "62,50 CHF"}]'


def test_the_same_amount_written_otherwise_is_a_difference() -> None:
    assert len(differences({"total": "12"}, {"total": "12.00"}, {"total": "CHF"})) == 1


def test_the_amounts_that_are_in_a_value() -> None:
    shown = [{**ITEM, "unit_price": "62.50 EUR"}]
    assert amounts_inside([ITEM], shown) == (("1 › Unit price", "62.50 EUR"),)
    assert amounts_inside([ITEM], [ITEM]) == ()
