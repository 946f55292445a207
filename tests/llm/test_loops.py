"""What belongs to an event loop is used on no other, and not after it."""

import asyncio
import os

import pytest

from agents_app.llm.loops import PerLoop


def test_one_thing_per_key_and_loop() -> None:
    cache: PerLoop[object] = PerLoop()

    async def twice() -> tuple[object, object, object]:
        return await cache.get("a", object), await cache.get("a", object), await cache.get("b", object)

    first, again, other = asyncio.run(twice())
    assert first is again
    assert first is not other
    assert asyncio.run(twice())[0] is not first


def test_things_of_a_closed_loop_are_dropped() -> None:
    cache: PerLoop[object] = PerLoop()
    loops = [asyncio.new_event_loop() for _ in range(2)]  # both referenced: nothing but closing drops them
    for loop in loops:
        loop.run_until_complete(cache.get("a", object))
        loop.close()
    with asyncio.Runner() as runner:
        runner.run(cache.get("a", object))
        assert len(cache._loops) == 1


def test_two_at_the_same_time_get_the_same() -> None:
    cache: PerLoop[object] = PerLoop()

    async def both() -> list[object]:
        return await asyncio.gather(cache.get("a", object), cache.get("a", object))

    first, second = asyncio.run(both())
    assert first is second


def test_a_forked_process_does_not_use_its_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    cache: PerLoop[object] = PerLoop()

    async def before_and_after() -> tuple[object, object]:
        before = await cache.get("a", object)
        monkeypatch.setattr(os, "getpid", lambda: -1)
        return before, await cache.get("a", object)

    before, after = asyncio.run(before_and_after())
    assert before is not after


def test_taking_out_all() -> None:
    cache: PerLoop[int] = PerLoop()

    async def take() -> tuple[list[int], list[int]]:
        await cache.get("a", lambda: 1)
        return cache.pop_all(), cache.pop_all()

    assert asyncio.run(take()) == ([1], [])


def test_outside_of_a_loop_it_is_refused() -> None:
    with pytest.raises(RuntimeError):
        PerLoop[int]().pop_all()
