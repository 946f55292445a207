"""Webhooks at real targets on loopback: signed, once by their key, bounded in time, parked, and released."""

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from agents_app.core.webhook_signature import is_signed_webhook
from agents_app.models import ChannelState, Notification
from agents_app.notify import ChannelDown, queue
from agents_app.notify.webhook import WebhookChannel
from agents_app.services import release_notification
from agents_app.testing import move_time, run_until_idle
from tests import office
from tests.notify.conftest import KEY, NOTED, Noted, telling
from tests.office import decider, person

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore::ResourceWarning")]
SECRET = "a-secret-in-the-path"


def hook(url: str, **options: Any) -> dict[str, Any]:
    return {"channel": "webhook", "url": url, "key": KEY, **options}


@pytest.fixture
def silent() -> Iterator[str]:
    """A target that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


@pytest.fixture
def dripping() -> Iterator[str]:
    """A target that sends a byte of its answer now and then, for ever."""
    over = threading.Event()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(5)

        def drip() -> None:
            try:
                connection, _ = listening.accept()
                with connection:
                    while not over.wait(0.05):
                        connection.sendall(b"H")
            except OSError:
                pass

        dripper = threading.Thread(target=drip, daemon=True)
        dripper.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        dripper.join(20)


def test_a_target_is_told_by_a_signed_request(ask: Any, httpserver: HTTPServer) -> None:
    decider()
    httpserver.expect_request("/hook", method="POST").respond_with_data("thanks")
    with telling(ops=hook(httpserver.url_for("/hook?x=1"))):
        run = ask()
    ((request, _),) = httpserver.log
    body = request.get_data()
    timestamp = int(request.headers["Agents-Timestamp"])
    assert is_signed_webhook([KEY], timestamp, body, request.headers["Agents-Signature"])
    assert not is_signed_webhook([KEY], timestamp, body + b" ", request.headers["Agents-Signature"])
    assert not is_signed_webhook(["other" * 10], timestamp, body, request.headers["Agents-Signature"])
    assert abs(timestamp - time.time()) < 300
    told = json.loads(body)
    asked = office.request_of(run)
    assert told["event"] == "approval.requested"
    assert told["request"]["id"] == str(asked.pk)
    assert told["request"]["run"] == str(run.id)
    assert told["request"]["url"].endswith(f"/{asked.pk}/change/")
    assert told["approvers"] == ["dora"]
    assert told["key"] == request.headers["Idempotency-Key"]
    assert "decide_url" not in body.decode()
    assert Notification.objects.get().state == "sent"


def test_after_a_failure_it_comes_again_with_the_same_key(ask: Any, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/").respond_with_data("x" * 100_000, status=500)
    httpserver.expect_ordered_request("/").respond_with_data("", status=204)
    with telling(ops=hook(httpserver.url_for("/"))):
        ask()
        row = Notification.objects.get()
        assert row.state == "waiting"
        assert row.error.endswith("answered 500.")
        assert len(row.error) < 100
        with move_time(6):
            run_until_idle()
    keys = [request.headers["Idempotency-Key"] for request, _ in httpserver.log]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert Notification.objects.get().state == "sent"


def test_an_hour_of_500_parks_it_and_staff_release_it(ask: Any, httpserver: HTTPServer) -> None:
    answer = {"status": 500}

    def respond(request: Request) -> Response:
        return Response("down", status=answer["status"])

    httpserver.expect_request("/").respond_with_handler(respond)
    decider()
    lead = person("lead", "agents_app.release_notification")
    with telling(ops=hook(httpserver.url_for("/")), noted={"channel": NOTED}):
        ask()
        assert len(Noted.sent) == 1
        for minute in range(3, 61, 3):
            with move_time(60.0 * minute):
                run_until_idle()
        row = Notification.objects.get(channel="ops")
        assert (row.state, row.attempts) == ("parked", 10)
        assert "answered 500" in row.error
        assert len(httpserver.log) == 10
        assert ChannelState.objects.get(name="ops").failing_since is not None
        answer["status"] = 200
        with move_time(3601):
            release_notification(row.pk, by=lead)
            run_until_idle()
    row.refresh_from_db()
    assert row.state == "sent"
    assert ChannelState.objects.get(name="ops").failures == 0


def test_a_target_that_hangs_takes_its_time_and_no_more(ask: Any, silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "FIRST_SECONDS", 600.0)  # longer than this test takes
    decider()
    with telling({"NOTIFY_SECONDS": 0.3}, hangs=hook(silent), noted={"channel": NOTED}):
        ask(), ask()
        assert len(Noted.sent) == 2
        # One try for both: who hangs is left alone for a while.
        assert sorted(Notification.objects.filter(channel="hangs").values_list("attempts", flat=True)) == [0, 1]
        assert "did not answer" in ChannelState.objects.get(name="hangs").error


def test_one_that_answers_byte_by_byte_has_no_more_time_than_others(dripping: str) -> None:
    with telling({"NOTIFY_SECONDS": 0.5}), pytest.raises(ChannelDown):
        WebhookChannel(url=dripping, key=KEY)._answer(b"{}", {})


def test_redirects_are_not_followed(ask: Any, httpserver: HTTPServer) -> None:
    elsewhere = httpserver.url_for("/internal")
    httpserver.expect_request("/").respond_with_data("", status=302, headers={"Location": elsewhere})
    httpserver.expect_request("/internal").respond_with_data("reached")
    with telling(ops=hook(httpserver.url_for("/"))):
        ask()
    assert [request.path for request, _ in httpserver.log] == ["/"]
    assert Notification.objects.get().state == "waiting"


def test_no_key_and_no_path_stands_in_rows_or_logs(
    ask: Any, httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    httpserver.expect_request(f"/{SECRET}").respond_with_data("no", status=500)
    caplog.set_level(logging.DEBUG, "agents_app")
    with telling(ops=hook(httpserver.url_for(f"/{SECRET}"))):
        ask()
    rows = [*Notification.objects.values(), *ChannelState.objects.values()]
    assert len(rows) == 2
    said = " ".join(each.getMessage() for each in caplog.records if each.name.startswith("agents_app"))
    for text in (str(rows), said):
        assert "answered 500" in text
        assert SECRET not in text
        assert KEY not in text


def test_an_answer_about_the_message_blocks_no_other(ask: Any, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/").respond_with_data("", status=422)
    httpserver.expect_ordered_request("/").respond_with_data("", status=200)
    with telling(ops=hook(httpserver.url_for("/"))):
        ask()
        ask()
        assert sorted(Notification.objects.values_list("state", flat=True)) == ["sent", "waiting"]
