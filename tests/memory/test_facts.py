"""Facts: what is known already, what contradicts, how much is kept, and what people wrote."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from agents_app.core.memory import MemoryAct, MemoryOrigin, Owner, Standing, Visibility
from agents_app.exceptions import InvalidInput, MemoryChanged, NotPermitted
from agents_app.memory import expiry, facts
from agents_app.memory.history import Author
from agents_app.models import Fact, MemoryChange, clock, database_now

pytestmark = pytest.mark.django_db

ANN = Owner(user="7")
LLM = Author(origin=MemoryOrigin.LLM, agent="clerk", run_id=uuid4(), step=3)
STAFF = Author(origin=MemoryOrigin.PERSON, by_key="1", by_name="olga")


def keep(text: str, author: Author = LLM, owner: Owner = ANN, **options: Any) -> Fact:
    return facts.remember(owner, text, author=author, **options).row


def history(row: Fact) -> list[str]:
    return list(MemoryChange.objects.filter(row_key=row.pk).order_by("at", "pk").values_list("act", flat=True))


def test_a_fact_says_where_it_comes_from() -> None:
    row = keep("Prefers e-mail.", key="Contact channel", confidence=0.8)
    row.refresh_from_db()
    assert (row.text, row.key, row.confidence, row.user_key) == ("Prefers e-mail.", "contact_channel", 0.8, "7")
    assert (row.origin, row.agent, row.run_key, row.step) == ("llm", "clerk", LLM.run_id, 3)
    change = MemoryChange.objects.get()
    assert (change.act, change.run_key, change.step, change.before) == ("added", LLM.run_id, 3, None)
    assert change.after is not None
    assert change.after["text"] == "Prefers e-mail."


def test_what_is_known_already_is_confirmed() -> None:
    first = keep("Prefers e-mail.", confidence=0.5)
    again = facts.remember(ANN, " prefers  E-Mail ", author=LLM, confidence=0.9)
    assert (again.act, again.row.pk, again.row.confidence) == (MemoryAct.CONFIRMED, first.pk, 0.9)
    assert Fact.objects.count() == 1
    assert history(first) == ["added", "confirmed"]


def test_the_newer_of_a_contradiction_wins_and_the_older_is_kept() -> None:
    old = keep("Prefers e-mail.", key="contact_channel")
    new = keep("Prefers to be called.", key="contact-channel")
    old.refresh_from_db()
    assert old.superseded_by_id == new.pk
    assert old.standing_at(database_now()) is Standing.SUPERSEDED
    assert list(Fact.objects.live()) == [new]
    assert history(old) == ["added", "superseded"]


def test_other_people_other_sessions_and_other_lanes_contradict_nobody() -> None:
    rows = [
        keep("Likes tea.", key="drink"),
        keep("Likes milk.", key="drink", owner=Owner(user="8")),
        keep("Likes rum.", key="drink", visibility=Visibility.STAFF),
        keep("Likes ale.", key="drink", visibility=Visibility.AGENT),
    ]
    assert set(Fact.objects.live()) == set(rows)
    assert len({row.place for row in rows}) == 4


def test_no_llm_talks_away_what_staff_have_written() -> None:
    row = keep("No refunds without a receipt.", key="refunds", author=STAFF)
    with pytest.raises(NotPermitted, match="only the staff"):
        keep("Refunds are always granted.", key="refunds")
    with pytest.raises(NotPermitted):
        facts.forget(row, LLM)
    keep("No refunds without a receipt.", key="refunds", valid_until=database_now() + timedelta(days=1))
    assert Fact.objects.get(pk=row.pk).valid_until is None
    assert list(Fact.objects.live()) == [row]
    assert keep("Refunds within 14 days.", key="refunds", author=STAFF).origin == "person"


def test_a_confirmation_by_staff_makes_it_theirs_but_not_the_other_way_round() -> None:
    row = keep("Is a reseller.")
    keep("Is a reseller.", author=STAFF)
    keep("Is a reseller.")
    row.refresh_from_db()
    assert (row.origin, row.by_name) == ("person", "olga")


def test_a_correction_takes_the_place_of_what_was_wrong() -> None:
    wrong = keep("Lives in Bern.", key="city")
    written = facts.correct(wrong, STAFF, text="Lives in Basel.", reason="She wrote so.")
    wrong.refresh_from_db()
    assert wrong.superseded_by_id == written.row.pk
    assert (written.row.key, written.row.text, written.row.origin) == ("city", "Lives in Basel.", "person")
    change = MemoryChange.objects.get(act="corrected")
    assert change.before is not None
    assert (change.by_name, change.reason, change.before["text"]) == ("olga", "She wrote so.", "Lives in Bern.")
    with pytest.raises(MemoryChanged):
        facts.correct(wrong, STAFF, text="Lives in Biel.")
    Fact.objects.filter(pk=written.row.pk).delete()
    with pytest.raises(MemoryChanged, match="erased"):
        facts.correct(written.row, STAFF, text="Lives in Biel.")


def test_a_correction_that_meets_another_of_its_key_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an LLM wrote between the look and the write is not overwritten unseen."""
    wrong = keep("Lives in Bern.", key="town")
    superseding = facts._supersede

    def meanwhile(new: Fact, author: Author, now: datetime) -> list[MemoryChange]:
        found = superseding(new, author, now)
        monkeypatch.setattr(facts, "_supersede", superseding)
        keep("Lives in Biel.", key="city", author=STAFF)
        return found

    monkeypatch.setattr(facts, "_supersede", meanwhile)
    with pytest.raises(MemoryChanged, match="look again"):
        facts.correct(wrong, STAFF, key="city", text="Lives in Basel.")
    assert Fact.objects.live().get().text == "Lives in Bern."


def test_what_is_forgotten_counts_no_more() -> None:
    row = keep("Owns a dog.", key="pet")
    facts.forget(row, LLM, reason="asked")
    assert not Fact.objects.live().exists()
    assert facts.forget(row, LLM).changes == ()
    assert keep("Owns a cat.", key="pet") in Fact.objects.live()


def test_validity_has_a_begin_and_an_end() -> None:
    now = database_now()
    ends = keep("Is on holiday.", valid_until=now + timedelta(days=3))
    begins = keep("Moves to Rome.", valid_from=now + timedelta(days=5))
    assert list(Fact.objects.live()) == [ends]
    with clock.moved(timedelta(days=6)):
        assert list(Fact.objects.live()) == [begins]
        assert ends.standing_at(database_now()) is Standing.EXPIRED
    assert begins.standing_at(now) is Standing.TO_COME
    with pytest.raises(InvalidInput):
        keep("Was here.", valid_until=now - timedelta(days=1))


def test_a_place_holds_so_many(settings: Any) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "MEMORY_FACTS": 3}
    staff = keep("Staff said so.", author=STAFF)
    rows = [keep(f"Fact {number}.") for number in range(4)]
    assert set(Fact.objects.live()) == {staff, rows[2], rows[3]}
    assert history(rows[0]) == ["added", "expired"]


def test_old_rows_are_deleted_after_their_time(settings: Any) -> None:
    settings.AGENTS_APP = {**settings.AGENTS_APP, "MEMORY_KEEP_DAYS": 10}
    old, new = keep("Lives in Bern.", key="city"), keep("Lives in Basel.", key="city")
    facts.forget(keep("Owns a dog."), LLM)
    assert expiry.remove_old() == 0
    with clock.moved(timedelta(days=11)):
        assert expiry.remove_old() >= 2
    assert list(Fact.objects.all()) == [new]
    assert not Fact.objects.filter(pk=old.pk).exists()
    settings.AGENTS_APP = {**settings.AGENTS_APP, "MEMORY_KEEP_DAYS": None}
    with clock.moved(timedelta(days=1000)):
        assert expiry.remove_old() == 0


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", {}),
        ("   ", {}),
        ("x" * 1001, {}),
        (None, {}),
        ("x", {"confidence": 2}),
        ("x", {"confidence": float("nan")}),
        ("x", {"confidence": True}),
        ("x", {"key": "k" * 101}),
        ("x", {"visibility": "everybody"}),
    ],
)
def test_what_makes_no_fact_is_refused(text: Any, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        keep(text, **options)
    assert not Fact.objects.exists()


def test_nobody_has_no_memory() -> None:
    with pytest.raises(InvalidInput, match="nobody"):
        keep("x", owner=Owner())


def test_characters_that_cannot_be_stored_are_replaced() -> None:
    assert keep("a\x00b\ud800").text == "a�b�"
