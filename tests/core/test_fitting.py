"""Whatever is left out, what stays is a transcript that every provider takes, within its tokens."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_app.core.budgets import tokens_of
from agents_app.core.fitting import SHORT, Cut, apply_cut, cut_from, fit
from agents_app.core.transcript import AssistantMessage, CallResult, Correction, Message, ProposedCall, UserMessage

pytestmark = pytest.mark.once

texts = st.text(max_size=400) | st.integers(0, 9).map(lambda count: "word " * 200 * count)


@st.composite
def turns(draw: st.DrawFn) -> list[Message]:
    """A reply and what it was told next."""
    calls = [ProposedCall(id=f"c{number}", name="look", arguments="{}") for number in range(draw(st.integers(0, 3)))]
    told: list[Message] = [CallResult(call_id=call.id, name="look", content=draw(texts)) for call in calls]
    if not calls and draw(st.booleans()):
        told.append(Correction(text=draw(texts)))
    return [AssistantMessage(text=draw(texts), calls=tuple(calls)), *told]


@st.composite
def runs(draw: st.DrawFn) -> list[Message]:
    """An input and the turns that followed."""
    return [UserMessage(text=draw(texts)), *(m for turn in draw(st.lists(turns(), max_size=4)) for m in turn)]


def assert_valid(messages: Sequence[Message]) -> None:
    """It begins with an input, and each call has its result right behind its turn, no result stands alone."""
    assert isinstance(messages[0], UserMessage)
    wanted: list[str] = []
    for message in messages:
        if isinstance(message, CallResult):
            assert wanted[:1] == [message.call_id]
            wanted.pop(0)
        else:
            assert not wanted
        if isinstance(message, AssistantMessage):
            wanted = [call.id for call in message.calls]
    assert not wanted


def total(messages: Sequence[Message]) -> int:
    return sum(tokens_of(message) for message in messages)


@given(st.lists(runs(), max_size=5), runs(), st.integers(1, 4000))
def test_what_stays_is_valid_and_fits(before: list[list[Message]], own: list[Message], tokens: int) -> None:
    earlier = [message for run in before for message in run]
    messages = [*earlier, *own]
    cut = fit(messages, len(earlier), tokens)
    kept = apply_cut(messages, cut)
    assert_valid(kept)
    assert own[0] in kept
    starts = [place for place, message in enumerate(own) if isinstance(message, AssistantMessage)]
    least = apply_cut([own[0], *(own[starts[-1] :] if starts else [])], Cut(short=tuple(range(1, len(own)))))
    assert total(kept) <= max(tokens, total(least))
    if total(messages) <= tokens:
        assert kept == tuple(messages)


@given(st.lists(runs(), max_size=4), runs(), st.integers(1, 4000))
def test_a_stored_cut_gives_the_same_again(before: list[list[Message]], own: list[Message], tokens: int) -> None:
    earlier = [message for run in before for message in run]
    cut = fit([*earlier, *own], len(earlier), tokens)
    assert cut_from(cut.as_json()) == cut
    assert all(first < end for first, end in cut.dropped)
    assert all(one[1] < next_one[0] for one, next_one in pairwise(cut.dropped))


@given(st.lists(runs(), min_size=1, max_size=4), runs(), st.integers(1, 4000))
def test_the_newest_stay_longest(before: list[list[Message]], own: list[Message], tokens: int) -> None:
    """Of two turns of earlier runs the newer one is never gone while the older one stays."""
    earlier = [message for run in before for message in run]
    cut = fit([*earlier, *own], len(earlier), tokens)
    gone = {place for first, end in cut.dropped for place in range(first, end)}
    replies = [place for place, message in enumerate(earlier) if isinstance(message, AssistantMessage)]
    flags = [place in gone for place in replies]
    assert flags == sorted(flags, reverse=True)


@given(st.lists(runs(), min_size=1, max_size=4), runs(), st.integers(1, 4000))
def test_no_answered_request_is_left_without_its_answer(
    before: list[list[Message]], own: list[Message], tokens: int
) -> None:
    """An LLM that reads one would take it up again."""
    earlier = [message for run in before for message in run]
    kept = apply_cut([*earlier, *own], fit([*earlier, *own], len(earlier), tokens))
    stays = {id(message) for message in kept}
    for run in before:
        answers = [id(message) for message in run if isinstance(message, AssistantMessage)]
        assert id(run[0]) not in stays or not answers or answers[-1] in stays


def test_a_request_goes_with_its_answer() -> None:
    asked = [UserMessage(text="Refund A-1."), AssistantMessage(text="done " * 300)]
    own = [UserMessage(text="Anything else?")]
    assert apply_cut([*asked, *own], fit([*asked, *own], len(asked), 200)) == tuple(own)


def turn(number: int, result: str) -> list[Message]:
    call = ProposedCall(id=f"c{number}", name="look", arguments="{}")
    return [AssistantMessage(calls=(call,)), CallResult(call_id=call.id, name="look", content=result)]


def test_results_are_shortened_before_turns_are_left_out() -> None:
    own = [UserMessage(text="x"), *turn(1, "a" * 9000), *turn(2, "b" * 300), *turn(3, "c" * 3000)]
    kept = apply_cut(own, fit(own, 0, 1500))
    assert len(kept) == len(own)
    first = kept[2]
    assert isinstance(first, CallResult)
    assert first.content.startswith("a" * SHORT + "… [shortened")
    assert "9000" in first.content
    assert kept[3:] == tuple(own[3:]), "the newest turns stay whole"


def test_what_was_shortened_is_whole_again_where_it_fits_once_older_turns_are_gone() -> None:
    own = [UserMessage(text="x"), AssistantMessage(text="w" * 3000), *turn(1, "b" * 600), *turn(2, "c" * 600)]
    kept = apply_cut(own, fit(own, 0, 600))
    assert kept == (own[0], *own[2:])


def test_the_newest_turn_stays_when_it_does_not_fit() -> None:
    own = [UserMessage(text="x"), *turn(1, "a"), *turn(2, "c" * 90_000)]
    kept = apply_cut(own, fit(own, 0, 200))
    assert [type(message) for message in kept] == [UserMessage, AssistantMessage, CallResult]
    assert total(kept) < 200
