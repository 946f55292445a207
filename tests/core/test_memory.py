"""What is the same, what is like it, and whose it is."""

from uuid import UUID

from agents_app.core.memory import (
    Owner,
    Visibility,
    digest_of,
    overlap,
    patched,
    places_of,
    trusted,
)

S = UUID(int=5)


def test_writing_does_not_count() -> None:
    assert digest_of(" Likes  TEA. ") == digest_of("likes tea") != digest_of("likes teas")


def test_only_what_people_wrote_is_trusted() -> None:
    assert [trusted(origin) for origin in ("person", "user", "llm", "tool", "document")] == [True, *[False] * 4]


def test_what_a_run_may_see_lies_in_these_places_alone() -> None:
    assert places_of("7", S, "clerk") == (
        "user:7",
        "user:7/clerk",
        f"session:{S.hex}:7",
        f"session:{S.hex}:7/clerk",
    )
    assert places_of("", None, "clerk") == ()
    assert Owner(user="7").place(Visibility.STAFF, "clerk") not in places_of("7", S, "clerk")
    assert Owner(user="7").place(Visibility.AGENT, "other") not in places_of("7", S, "clerk")


def test_documents_are_patched() -> None:
    before = {"a": 1, "b": {"c": 2}, "d": [1]}
    assert patched(before, {"a": None, "b": {"e": 3}, "d": [2], "f": {"g": None}}) == {
        "b": {"c": 2, "e": 3},
        "d": [2],
        "f": {},
    }
    assert before == {"a": 1, "b": {"c": 2}, "d": [1]}


def test_words_in_common() -> None:
    assert overlap("invoices by e-mail", "Send invoice by email") == 1.0
    assert overlap("red bicycle", "red car") == 0.5
    assert overlap("", "x") == overlap("the of", "the of") == 0.0
