"""Every error has the one shape, whatever is sent and whatever breaks."""

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.signals import got_request_exception
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.test import APIClient

from agents_app.api import view
from agents_app.api.errors import answer_to
from agents_app.exceptions import AgentsError, LLMError
from agents_app.models import RunDetails


def code_of(answer: Any) -> tuple[int, str]:
    content = answer.json()
    assert set(content) == {"error"}
    assert set(content["error"]) == {"code", "message", "details"}
    assert content["error"]["message"]
    return answer.status_code, content["error"]["code"]


def send(client: Any, body: bytes | str, kind: str = "application/json") -> Any:
    return client.generic("POST", "/api/runs/", body, content_type=kind)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"agent": "desk", "input": NaN}',
        b'{"agent": "desk", "input": "x", "metadata": {"a": 1e999}}',
        b'{"agent": "desk", "input": "x", "metadata": {"a": -Infinity}}',
        b"[" * 100_000,
        b'{"a":' * 80 + b"1" + b"}" * 80,
        b'{"metadata": ' + b"9" * 5000 + b"}",
    ],
    ids=["cut", "no text", "NaN", "beyond floats", "infinite", "deeper than Python", "deep", "a long number"],
)
def test_what_is_no_json_is_refused(client_of: Any, desk: Any, body: bytes) -> None:
    assert code_of(send(client_of("customer"), body)) == (400, "invalid_json")


@pytest.mark.parametrize("body", ["[]", '"text"', "1", "null", "true"])
def test_a_body_is_an_object(client_of: Any, desk: Any, body: str) -> None:
    assert code_of(send(client_of("customer"), body)) == (400, "invalid_input")


def test_a_body_has_a_limit(client_of: Any, desk: Any) -> None:
    assert code_of(send(client_of("customer"), json.dumps({"input": "x" * 8_000_000}))) == (413, "too_large")


def test_other_formats_are_not_read(client_of: Any, desk: Any) -> None:
    client = client_of("customer")
    assert code_of(send(client, "agent=desk", "application/x-www-form-urlencoded")) == (415, "unsupported_media_type")
    assert code_of(client.get("/api/runs/", headers={"accept": "text/csv"})) == (406, "not_acceptable")


def test_nul_and_lone_surrogates_are_replaced(client_of: Any, desk: Any) -> None:
    body = r'{"agent": "desk", "input": "a\u0000b", "session": "s\ud800", "metadata": {"k\u0000": "\udfff"}}'
    run = send(client_of("customer"), body)
    assert run.status_code == 201
    details = RunDetails.objects.get()
    assert details.input == "a\ufffdb"
    assert details.metadata["k\ufffd"] == "\ufffd"
    assert run.json()["session"] == "s\ufffd"


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_are_not_allowed(client_of: Any, method: str) -> None:
    answer = getattr(client_of("admin"), method)("/api/runs/")
    assert code_of(answer) == (405, "method_not_allowed")
    assert answer.headers["Allow"]


def test_nobody_is_401_and_wrong_passwords_too(client: Any, people: Any) -> None:
    answer = client.get("/api/runs/")
    assert code_of(answer) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"]
    # Basic authentication, with a wrong password.
    wrong = client.get("/api/runs/", headers={"authorization": "Basic Y3VzdG9tZXI6d3Jvbmc="})
    assert code_of(wrong) == (401, "authentication_failed")
    right = client.get("/api/runs/", headers={"authorization": "Basic Y3VzdG9tZXI6c2VjcmV0"})
    assert right.status_code == 200


def test_a_session_login_needs_the_csrf_token(people: Any) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(people["customer"])
    answer = client.post("/api/runs/", {"agent": "desk", "input": "answer"}, format="json")
    assert code_of(answer) == (403, "csrf_failed")


def test_people_whose_account_is_closed_are_out(client_of: Any, people: Any) -> None:
    client = client_of("admin")
    people["admin"].is_active = False
    people["admin"].save()
    assert code_of(client.get("/api/runs/")) == (401, "not_authenticated")


def test_a_projects_own_way_to_log_in_is_used(client: Any, people: Any, settings: Any) -> None:
    settings.AGENTS_APP = {
        **settings.AGENTS_APP,
        "API_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    }
    answer = client.get("/api/runs/", headers={"authorization": "Basic Y3VzdG9tZXI6c2VjcmV0"})
    assert answer.status_code == 401


def test_what_breaks_here_is_a_500_that_is_reported_and_says_nothing(
    client_of: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("secret detail")

    heard: list[Any] = []
    client = client_of("admin")
    client.raise_request_exception = False
    got_request_exception.connect(lambda **kwargs: heard.append(kwargs), weak=False, dispatch_uid="test")
    monkeypatch.setattr(view, "visible_runs", broken)
    try:
        answer = client.get("/api/runs/x/")
    finally:
        got_request_exception.disconnect(dispatch_uid="test")
    assert code_of(answer) == (500, "server_error")
    assert b"secret detail" not in answer.content
    assert heard
    assert "secret detail" in caplog.text


def test_a_database_that_is_away_is_a_503(client_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any) -> None:
        raise OperationalError("database is locked")

    client = client_of("admin")
    client.raise_request_exception = False
    monkeypatch.setattr(view, "visible_runs", away)
    answer = client.get("/api/runs/x/")
    assert code_of(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (LLMError("silent"), 502, "llm_error"),
        (AgentsError("odd"), 500, "error"),
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "not_permitted"),
        (RequestDataTooBig(), 413, "too_large"),
        (exceptions.NotFound(["odd"]), 404, "not_found"),
        (exceptions.ValidationError({"a": [{"b": ["wrong"]}]}), 400, "invalid_input"),
        (exceptions.APIException("odd"), 500, "error"),
    ],
)
def test_each_kind_of_error_has_its_status(error: Exception, status: int, code: str) -> None:
    answer = answer_to(error, {})
    assert (answer.status_code, answer.data["error"]["code"]) == (status, code)


def test_nested_errors_name_their_place() -> None:
    answer = answer_to(exceptions.ValidationError({"a": [{"b": ["wrong"]}]}), {})
    assert answer.data["error"]["details"] == {"errors": [{"path": ["a", "b"], "message": "wrong"}]}


@pytest.fixture
def languages(settings: Any) -> None:
    """Pages go by what the browser asks for."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]


@pytest.mark.usefixtures("languages")
@pytest.mark.parametrize(
    ("body", "status", "german"),
    [
        ("{", 400, "Der Inhalt ist kein gültiges JSON"),
        ("[]", 400, "Der Inhalt muss ein JSON-Objekt sein."),
        (json.dumps({"input": "x" * 8_000_000}), 413, "Der Inhalt einer Anfrage hat höchstens 8000000 Bytes."),
    ],
    ids=["no JSON", "no object", "large"],
)
def test_people_read_errors_in_the_language_they_ask_for(
    client_of: Any, desk: Any, body: str, status: int, german: str
) -> None:
    client = client_of("customer")
    codes = set()
    for language in ("de", "en", "tlh"):
        answer = client.generic(
            "POST", "/api/runs/", body, content_type="application/json", headers={"accept-language": language}
        )
        codes.add(code_of(answer))
        assert answer.json()["error"]["message"].startswith(german) is (language == "de")
    assert [status for status, _ in codes] == [status], "the code stays"


@pytest.mark.usefixtures("languages")
def test_what_is_wrong_with_a_field_is_said_in_that_language(client_of: Any, desk: Any) -> None:
    german = {"accept-language": "de-AT,de;q=0.8"}
    answer = client_of("customer").post("/api/runs/", {"input": 1, "frob": 2}, format="json", headers=german)
    error = answer.json()["error"]
    assert error["message"] == "Der Inhalt ist nicht zu gebrauchen."
    assert sorted((each["path"], each["message"]) for each in error["details"]["errors"]) == [
        (["agent"], "Dieses Feld fehlt"),
        (["frob"], "Dieses Feld gibt es nicht"),
        (["input"], "Erwartet wird ein Text"),
    ]


@pytest.mark.usefixtures("languages")
def test_the_framework_says_it_in_that_language_too(client_of: Any, desk: Any) -> None:
    answer = client_of("").get("/api/runs/", headers={"accept-language": "de"})
    assert code_of(answer)[1] == "not_authenticated"
    assert answer.json()["error"]["message"] == "Anmeldedaten fehlen."
