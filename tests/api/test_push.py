"""push/ drives a run for whoever can sign, and tells nobody else anything."""

import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client, override_settings

from agents_app.api import push as receiving
from agents_app.core.push_signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from agents_app.core.status import RunStatus
from agents_app.executors.http_push import signed_push
from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.services import start_run
from agents_app.testing import scripted_llm
from agents_app.testing.executor import WAITING
from tests import office
from tests.office import Clerk
from tests.packaging.test_readme import until

OLD, NEW = "old-key-old-key-old-key-old-key-old-key", "new-key-new-key-new-key-new-key-new-key"
URL = "/api/push/"


@pytest.fixture(autouse=True)
def _keys() -> Iterator[None]:
    ours = {**settings.AGENTS_APP, "EXECUTOR": WAITING, "PUSH_URL": f"http://testserver{URL}", "PUSH_KEYS": [NEW, OLD]}
    with override_settings(AGENTS_APP=ours):
        yield


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """What the view has driven, and for how long at most."""
    found: list[tuple[str, float]] = []
    monkeypatch.setattr("agents_app.tasks.continue_alone", lambda run_id, seconds: found.append((run_id, seconds)))
    return found


def post(body: bytes, timestamp: Any = None, signature: str | None = None, key: str = NEW, **more: str) -> Any:
    moment = int(time.time()) if timestamp is None else timestamp
    signed = sign(key, moment, body) if signature is None else signature
    headers = {TIMESTAMP_HEADER: str(moment), SIGNATURE_HEADER: signed, **more}
    return Client(enforce_csrf_checks=True).post(URL, body, content_type="application/json", headers=headers)


def body_for(run_id: Any) -> bytes:
    return f'{{"run_id": "{run_id}"}}'.encode()


@pytest.mark.parametrize("key", [NEW, OLD])
def test_each_key_is_accepted(key: str, driven: list[tuple[str, float]]) -> None:
    run_id = uuid4()
    answer = post(body_for(run_id), key=key)
    assert (answer.status_code, answer.content) == (204, b"")
    assert driven == [(str(run_id), 25.0)]


NOW = 1_800_000_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "another-key-another-key-another-key"},
        {"signature": ""},
        {"signature": "v1=" + "0" * 64},
        {"timestamp": NOW - 301},
        {"timestamp": NOW + 301},
        {"timestamp": "", "signature": "v1=" + "0" * 64},
        {"timestamp": "-5", "signature": "v1=" + "0" * 64},
        {"timestamp": "9" * 400, "signature": "v1=" + "0" * 64},
    ],
)
def test_whatever_is_wrong_is_answered_alike(
    wrong: dict[str, Any], driven: list[tuple[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving.time, "time", lambda: NOW)
    answer = post(body_for(uuid4()), **{"timestamp": NOW, **wrong})
    assert (answer.status_code, answer.content, driven) == (403, b"", [])
    assert post(body_for(uuid4()), timestamp=NOW - 299).status_code == 204


def test_another_body_under_the_same_signature(driven: list[tuple[str, float]]) -> None:
    moment = int(time.time())
    signature = sign(NEW, moment, body_for(uuid4()))
    assert post(body_for(uuid4()), timestamp=moment, signature=signature).status_code == 403
    assert driven == []


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b"{", b"{}", b'{"run_id": 7}', b'{"run_id": "x"}', b"\xff", b'"run_id"']
)
def test_a_signed_body_without_a_run(body: bytes, driven: list[tuple[str, float]]) -> None:
    assert (post(body).status_code, driven) == (400, [])


def test_a_long_body_is_not_read(driven: list[tuple[str, float]]) -> None:
    assert (post(b" " * 1001).status_code, driven) == (403, [])


def test_without_a_key_there_is_no_such_address(driven: list[tuple[str, float]]) -> None:
    with override_settings(AGENTS_APP={**settings.AGENTS_APP, "PUSH_KEYS": []}):
        assert (post(body_for(uuid4())).status_code, driven) == (404, [])


def test_only_post(driven: list[tuple[str, float]]) -> None:
    assert Client().get(URL).status_code == 405


def test_an_answer_before_the_run_is_driven(monkeypatch: pytest.MonkeyPatch) -> None:
    go, ended = threading.Event(), threading.Event()

    def continue_alone(run_id: str, seconds: float) -> None:
        go.wait(30)
        ended.set()

    monkeypatch.setattr("agents_app.tasks.continue_alone", continue_alone)
    monkeypatch.setattr(receiving, "_room", threading.BoundedSemaphore(1))
    assert post(body_for(uuid4()), Prefer="respond-async").status_code == 202
    assert post(body_for(uuid4()), Prefer="respond-async").status_code == 503
    go.set()
    assert ended.wait(30)
    until(lambda: post(body_for(uuid4()), Prefer="respond-async").status_code == 202)


@pytest.mark.django_db(transaction=True)
def test_replays_do_nothing() -> None:
    with office.open_office(), scripted_llm(Clerk, "Done."):
        run = start_run(Clerk, "x")
        push = signed_push(run.id)
        for _ in range(3):
            answer = Client().post(URL, push.body, content_type="application/json", headers=push.headers)
            assert answer.status_code == 204
        heartbeat.join()
        close_engine()
    assert (run.again().status, run.again().version) == (RunStatus.COMPLETED, 4)
