"""Keys of the settings and what HTTP headers carry: used by every part, and found in no row, log, event or archive."""

import base64
import gzip
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings
from pytest_httpserver import HTTPServer
from werkzeug import Response

from agents_app.definitions.handlers import handlers
from agents_app.definitions.registry import registry
from agents_app.models import AgentEvent, Notification
from agents_app.notify.outbox import listen
from agents_app.services import archive_runs
from agents_app.testing import AgentsKit, calls, run_until_idle
from tests import office, urls  # noqa: F401  # compiled here: Python 3.11 cannot compile in two threads at once
from tests.office import Clerk
from tests.services.test_secrets import everything_stored

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore::ResourceWarning")]

PLANTED = {
    "encryption": "planted-encryption-key-0123456789abcdef",
    "push": "planted-push-key-0123456789abcdef",
    "webhook": "planted-webhook-key-0123456789abcdef",
    "llm": "planted-llm-key-0123456789abcdef",
    "secret_key": "planted-secret-key-0123456789abcdef",
    "password": "planted-password-0123456789",
    "header": "planted-header-0123456789",
    "cookie": "planted-cookie-0123456789",
}


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(threaded=True) as server:
        yield server


@pytest.fixture
def installation(server: HTTPServer, tmp_path: Path) -> Iterator[None]:
    """With all of these keys. The LLM's server and the webhook's target quote what they were sent."""

    def quote(request: Any) -> Response:
        said = {"error": {"message": f"no: {dict(request.headers)}", "type": "invalid_request_error", "code": None}}
        return Response(json.dumps(said), 401, content_type="application/json")

    server.expect_request("/v1/chat/completions").respond_with_handler(quote)
    server.expect_request("/hook").respond_with_handler(quote)
    given = {
        **settings.AGENTS_APP,
        "ENCRYPTION_KEYS": [PLANTED["encryption"]],
        "PUSH_KEYS": [PLANTED["push"]],
        "NOTIFY": {"hook": {"channel": "webhook", "url": server.url_for("/hook"), "key": PLANTED["webhook"]}},
        "SITE_URL": "https://desk.example.com",
        "LLMS": {
            "quoting": {
                "llm": "openai:gpt-4o-mini",
                "base_url": server.url_for("/v1"),
                "api_key": PLANTED["llm"],
            }
        },
    }
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    storages = {**settings.STORAGES, "agents_archive": backend}
    with (
        office.open_office(),
        handlers.override(),
        override_settings(AGENTS_APP=given, STORAGES=storages, SECRET_KEY=PLANTED["secret_key"]),
    ):
        listen()
        yield


class Quoting(Clerk):
    name = "quoting"
    llm = "quoting"


def headers(password: str) -> dict[str, str]:
    basic = base64.b64encode(f"ada:{password}".encode()).decode()
    return {"Authorization": f"Basic {basic}", "X-Api-Key": PLANTED["header"], "Cookie": f"a={PLANTED['cookie']}"}


def start(agent: str, **more: str) -> Any:
    """Over REST, with headers that tell much."""
    body = {"agent": agent, "input": "go"}
    given = {**headers(PLANTED["password"]), "Idempotency-Key": f"start-{agent}", **more}
    return Client().post("/api/runs/", body, content_type="application/json", headers=given)


def test_they_are_found_nowhere(
    agents: AgentsKit, installation: None, server: HTTPServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG, logger="agents_app")
    ada = office.person("ada", "agents_app.start_run", *office.DECIDES)
    ada.set_password(PLANTED["password"])
    ada.save()

    def raises(*_: Any) -> None:
        raise RuntimeError("it broke")

    office.behaviour["order"] = raises
    with registry.override(Clerk, Quoting):
        agents.scripted_llm(Clerk, calls("order", what="paper"), calls("sign_in", account="a", password="b"), "Done.")
        assert start("clerk").status_code == 201
        assert start("clerk", Authorization=headers("wrong-" + PLANTED["password"])["Authorization"]).status_code == 401
        run_until_idle()
        listed = Client().get("/api/approvals/?status=pending", headers=headers(PLANTED["password"])).json()
        (request,) = listed["results"]
        address = f"/api/approvals/{request['id']}/approve/"
        approved = Client().post(
            address,
            {"digest": request["digest"]},
            content_type="application/json",
            headers=headers(PLANTED["password"]),
        )
        assert approved.status_code == 200
        refused = start("quoting")
        assert refused.status_code == 201
        run_until_idle()
    assert {record.path for record, _ in server.log} >= {"/v1/chat/completions", "/hook"}, "both were asked"
    assert Notification.objects.exists()
    assert "authentication" in " ".join(
        AgentEvent.objects.values_list("data__code", flat=True).exclude(data__code=None)
    )
    archive_runs(days=0)
    packed = [gzip.decompress(path.read_bytes()).decode() for path in tmp_path.rglob("*.gz")]
    assert packed
    stored = everything_stored()
    for text in (stored, caplog.text, *packed):
        assert text
        for name, secret in PLANTED.items():
            assert secret not in text, name
            assert base64.b64encode(secret.encode()).decode().rstrip("=") not in text, name
