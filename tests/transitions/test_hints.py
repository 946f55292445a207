"""What is said of a queue that takes no wake-ups."""

from uuid import uuid4

import pytest

from agents_app.transitions import hints


class Queue:
    """An executor that can be stopped."""

    delays, stopped = False, False

    def submit(self, run_id: object, run_at: object = None) -> None:
        if self.stopped:
            raise ConnectionError("Nobody listens.")


@pytest.mark.once
def test_an_outage_is_told_with_one_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    queue, run_id = Queue(), uuid4()
    monkeypatch.setattr(hints, "get_executor", lambda: queue)
    assert hints.send_hint(run_id)
    queue.stopped = True
    assert [hints.send_hint(run_id) for _ in range(3)] == [False] * 3
    assert [bool(record.exc_info) for record in caplog.records] == [True, False, False]
    assert {record.levelname for record in caplog.records} == {"ERROR"}
    assert all("ConnectionError: Nobody listens." in record.getMessage() for record in caplog.records)
    assert {vars(record)["run_id"] for record in caplog.records} == {run_id}
    queue.stopped = False
    assert hints.send_hint(run_id)
    queue.stopped = True
    hints.send_hint(run_id)
    assert caplog.records[-1].exc_info
