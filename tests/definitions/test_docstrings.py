"""Descriptions out of docstrings."""

from agents_app.definitions.docstrings import argument_texts, description

TEXT = """Pay back.

    Only once.

    Args:
        number: The number:
            with a colon.
        amount (Decimal): How much.
        empty:

    Returns:
        A receipt.
    """


def test_parameters_and_the_rest() -> None:
    assert description(TEXT) == "Pay back.\n\nOnly once.\n\nReturns:\n    A receipt."
    assert argument_texts(TEXT) == {"number": "The number: with a colon.", "amount": "How much.", "empty": ""}


def test_without_a_section() -> None:
    assert description("Pay.") == "Pay."
    assert description(None) == ""
    assert argument_texts("Pay.") == argument_texts(None) == {}
