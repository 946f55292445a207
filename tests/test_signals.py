"""Signals for the team's own code: after commit, all or one type or one agent; a broken receiver breaks nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from agents_app import Agent
from agents_app.definitions.registry import registry
from agents_app.services import SYSTEM, cancel_run, start_run
from agents_app.signals import RecordedEvent, disconnect, receive, run_changed
from agents_app.testing import AgentsKit
from tests import office
from tests.office import Clerk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("agents")]


class Other(Agent[str]):
    name = "other"


@pytest.fixture(autouse=True)
def _agents() -> Iterator[None]:
    with registry.override(Clerk, Other):
        yield


class Listener:
    """Remembers what it is told; connected until the end of the test."""

    def __init__(self) -> None:
        self.events: list[RecordedEvent] = []

    def __call__(self, event: RecordedEvent) -> None:
        self.events.append(event)

    def __hash__(self) -> int:
        return id(self)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]


@pytest.fixture
def connected() -> Iterator[Any]:
    listeners: list[Listener] = []

    def connect(*args: Any, **options: Any) -> Listener:
        listener = Listener()
        receive(*args, **options)(listener)
        listeners.append(listener)
        return listener

    yield connect
    for listener in listeners:
        assert disconnect(listener)


def test_all_one_type_one_agent(connected: Any) -> None:
    every, cancelled, others = connected(), connected("run.cancelled"), connected(agent="other")
    both = connected("run.started", agent="other")
    run = start_run(Clerk, "x")
    cancel_run(run.id, by=SYSTEM)
    start_run(Other, "x")
    assert every.types == ["run.started", "run.cancel_requested", "run.cancelled", "run.started"]
    assert cancelled.types == ["run.cancelled"]
    assert others.types == both.types == ["run.started"]
    event = cancelled.events[0]
    assert (event.run_id, event.agent, event.sequence, event.data) == (run.id, "clerk", 3, {})


def test_after_commit_and_not_on_rollback(connected: Any) -> None:
    every = connected()
    with transaction.atomic():
        start_run(Clerk, "x")
        assert every.events == []
    assert every.types == ["run.started"]
    office.rolled_back(lambda: start_run(Clerk, "x"))
    assert every.types == ["run.started"]


def test_a_receiver_that_breaks_is_logged_and_the_others_are_told(
    connected: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: RecordedEvent) -> None:
        raise ValueError("my receiver is broken")

    receive("run.started")(broken)
    every = connected()
    try:
        run = start_run(Clerk, "x")
    finally:
        disconnect(broken)
    assert every.types == ["run.started"]
    assert "my receiver is broken" in caplog.text
    assert run.again().version == 1


def test_a_function_that_was_disconnected_hears_nothing() -> None:
    listener = Listener()
    receive()(listener)
    assert disconnect(listener)
    assert not disconnect(listener)
    start_run(Clerk, "x")
    assert listener.events == []


def test_one_function_may_listen_to_two_types() -> None:
    listener = Listener()
    receive("run.started")(receive("run.cancelled")(listener))
    run = start_run(Clerk, "x")
    cancel_run(run.id, by=SYSTEM)
    assert listener.types == ["run.started", "run.cancelled"]
    assert disconnect(listener)
    start_run(Clerk, "x")
    assert len(listener.events) == 2


def test_run_changed_is_sent_once_per_change(agents: AgentsKit) -> None:
    heard: list[tuple[Any, int]] = []

    def hear(run_id: Any, version: int, **_: Any) -> None:
        heard.append((run_id, version))

    run_changed.connect(hear)
    try:
        run = start_run(Clerk, "x")
        cancel_run(run.id, by=SYSTEM)
    finally:
        run_changed.disconnect(hear)
    assert heard == [(run.id, 1), (run.id, 3)]
