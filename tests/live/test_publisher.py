"""Batches, at most four pieces a second, and never in anybody's way."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from uuid import uuid4

import pytest

from agents_app.live import publish
from agents_app.live import publisher as module
from agents_app.live.news import Changed, Delta
from agents_app.live.publisher import DELTA_SECONDS, PIECE_CHARACTERS, PIECES, Publisher
from agents_app.live.way import Way

RUN = uuid4()


class Recorder:
    """A sender that keeps what it was given; as long as `broken` it fails."""

    def __init__(self) -> None:
        self.batches: list[tuple[float, list[Changed | Delta]]] = []
        self.broken = False
        self.heard = True
        self.opened = 0
        self.closed = 0
        self.sending = threading.Event()
        self._may_return = threading.Event()
        self._may_return.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is sent meanwhile returns only after it."""
        self._may_return.clear()
        try:
            yield
        finally:
            self._may_return.set()

    def open(self, way: object) -> "Recorder":
        self.opened += 1
        if self.broken:
            raise OSError("the carrier is away")
        return self

    def send(self, news: Sequence[Changed | Delta]) -> bool:
        self.batches.append((time.monotonic(), list(news)))
        self.sending.set()
        assert self._may_return.wait(30)
        return self.heard

    def close(self) -> None:
        self.closed += 1

    @property
    def news(self) -> list[Changed | Delta]:
        return [one for _, batch in self.batches for one in batch]

    @property
    def text(self) -> str:
        return "".join(one.text for one in self.news if isinstance(one, Delta))


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(module, "open_sender", recorder.open)
    monkeypatch.setattr(module, "way", lambda: Way.CHANNELS)
    return recorder


@pytest.fixture
def publisher(sender: Recorder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """Its thread stays while the test lasts: a new one would have a connection of its own, and not have to rest."""
    monkeypatch.setattr(module, "LINGER_SECONDS", 600.0)
    publisher = Publisher()
    yield publisher
    publisher.shutdown(30)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows a piece of text waits until it is asked for, however slow the machine."""
    monkeypatch.setattr(module, "DELTA_SECONDS", 600.0)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "agents_app.live"]


def test_changes_of_one_moment_are_one_batch_with_the_newest_version(publisher: Publisher, sender: Recorder) -> None:
    other = uuid4()
    with sender.held():
        publisher.changed(RUN, 1)  # goes at once, and alone
        assert sender.sending.wait(30)
        for version in (2, 4, 3):
            publisher.changed(RUN, version)
        publisher.changed(other, 9)
    assert publisher.flush(30)
    assert [batch for _, batch in sender.batches] == [
        [Changed(run_id=RUN, version=1)],
        [Changed(run_id=RUN, version=4), Changed(run_id=other, version=9)],
    ]


def test_while_nobody_listens_it_looks_less_often_and_still_hurries_when_asked(
    publisher: Publisher, sender: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UNHEARD_SECONDS", 120.0)
    sender.heard = False
    publisher.changed(RUN, 1)
    assert publisher.flush(30)
    publisher.changed(RUN, 2)
    time.sleep(0.3)
    assert len(sender.batches) == 1
    assert publisher.flush(30)
    assert sender.news[-1] == Changed(run_id=RUN, version=2)
    publisher.changed(RUN, 3)
    publisher.shutdown(30)
    assert sender.news[-1] == Changed(run_id=RUN, version=3)


def test_who_commits_gives_way_to_the_publisher_only_if_somebody_listens(
    publisher: Publisher, sender: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    for version, heard in enumerate([True, False, True], start=1):
        sender.heard = heard
        monkeypatch.setattr(module, "give_way", partial(given.append, version))
        publisher.changed(RUN, version)
        assert publisher.flush(30)
    assert given == [2]  # of what was known when it came: nothing at first, then a listener, then none


def test_pieces_are_joined_and_say_how_much_came_before(publisher: Publisher, sender: Recorder) -> None:
    started = time.monotonic()
    pieces = [f"word{number} " for number in range(60)]
    for index, piece in enumerate(pieces):
        publisher.said(RUN, 1, 1, piece, first=index == 0)
        time.sleep(0.01)
    assert publisher.flush(30)
    took = time.monotonic() - started
    assert sender.text == "".join(pieces)
    assert len(sender.news) <= took / DELTA_SECONDS + 2
    length = 0
    for delta in sender.news:
        assert isinstance(delta, Delta)
        assert delta.index == length
        length += len(delta.text)


@pytest.mark.usefixtures("unhurried")
def test_a_new_attempt_starts_at_nought_and_drops_what_was_not_sent(publisher: Publisher, sender: Recorder) -> None:
    publisher.said(RUN, 1, 1, "first ", first=True)
    assert publisher.flush(30)
    publisher.said(RUN, 1, 1, "late", first=False)
    publisher.said(RUN, 1, 2, "again", first=True)
    assert publisher.flush(30)
    last = sender.news[-1]
    assert isinstance(last, Delta)
    assert (last.attempt, last.index, last.text) == (2, 0, "again")
    assert "late" not in sender.text


@pytest.mark.usefixtures("unhurried")
def test_text_that_was_not_sent_before_the_run_moved_on_is_late(publisher: Publisher, sender: Recorder) -> None:
    publisher.said(RUN, 1, 1, "first ", first=True)
    assert publisher.flush(30)
    publisher.said(RUN, 1, 1, "late", first=False)
    assert publisher.knows(RUN)
    publisher.changed(RUN, 2)
    assert not publisher.knows(RUN)
    publisher.said(RUN, 3, 1, "next", first=True)
    assert publisher.flush(30)
    assert sender.news[1:] == [
        Changed(run_id=RUN, version=2),
        Delta(run_id=RUN, step=3, attempt=1, index=0, text="next"),
    ]


def test_a_flood_is_cut_into_pieces_that_fit_and_the_rest_is_dropped(publisher: Publisher, sender: Recorder) -> None:
    publisher.said(RUN, 1, 1, "x" * (PIECE_CHARACTERS * PIECES * 3), first=True)
    assert publisher.flush(30)
    publisher.said(RUN, 1, 1, "end", first=False)
    assert publisher.flush(30)
    assert len(sender.news) == PIECES + 1
    assert all(isinstance(one, Delta) and len(one.text) <= PIECE_CHARACTERS for one in sender.news)
    last = sender.news[-1]
    assert isinstance(last, Delta)
    assert last.index == PIECE_CHARACTERS * PIECES * 3


def test_failures_drop_news_and_end_by_themselves(
    publisher: Publisher, sender: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "BACK_OFF_SECONDS", 0.0)
    sender.broken = True
    publisher.changed(RUN, 1)
    assert publisher.flush(30)
    assert "dropped" in caplog.text
    sender.broken = False
    publisher.changed(RUN, 2)
    assert publisher.flush(30)
    assert sender.news == [Changed(run_id=RUN, version=2)]


def test_while_the_carrier_is_away_it_is_not_stormed(
    publisher: Publisher, sender: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACK_OFF_SECONDS", 600.0)
    sender.broken = True
    for version in range(1, 6):
        publisher.changed(RUN, version)
        assert publisher.flush(30)
    assert sender.opened == 1


@pytest.mark.usefixtures("unhurried")
def test_shutdown_sends_what_is_left_and_ends_thread_and_connection(publisher: Publisher, sender: Recorder) -> None:
    publisher.said(RUN, 1, 1, "a", first=True)
    assert publisher.flush(30)
    publisher.said(RUN, 1, 1, "b", first=False)
    publisher.shutdown(30)
    assert sender.text == "ab"
    assert not threads()
    assert sender.opened == sender.closed == 1
    publisher.changed(RUN, 5)  # starts anew
    assert publisher.flush(30)
    assert Changed(run_id=RUN, version=5) in sender.news


def test_without_news_the_thread_ends(publisher: Publisher, sender: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.05)
    publisher.changed(RUN, 1)
    assert publisher.flush(30)
    until = time.monotonic() + 30
    while threads() and time.monotonic() < until:
        time.sleep(0.01)
    assert not threads()
    assert sender.closed == 1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on; it is what queues do
def test_a_forked_worker_has_a_publisher_of_its_own(sender: Recorder) -> None:
    publish.delta(RUN, step=1, attempt=1, index=0, text="parent")
    assert publish.flush(30)
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            publish.delta(RUN, step=2, attempt=1, index=0, text="child")
            os.write(writes, f"{publish.flush(30)} {sender.text}".encode())
        finally:
            os._exit(0)
    os.close(writes)
    os.waitpid(child, 0)
    assert os.read(reads, 100).decode() == "True parentchild"
    os.close(reads)
    assert sender.text == "parent"
