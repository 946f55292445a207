"""Pushes wake-ups over HTTP, signed. What receives them is `agents_app.api.push`, at `…/push/`."""

import json
import time
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured

from agents_app.conf import conf
from agents_app.core.push_signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

KINDS = {"http": HTTPConnection, "https": HTTPSConnection}


@dataclass(frozen=True, kw_only=True, slots=True)
class Push:
    """A signed request, to be sent as it is (method POST) by whoever is in time: see PUSH_AGE_SECONDS."""

    url: str
    headers: dict[str, str]
    body: bytes


def signed_push(run_id: UUID) -> Push:
    """The wake-up of this run, for AGENTS_APP["PUSH_URL"]. Raises ImproperlyConfigured without that or a key."""
    if not (conf.PUSH_URL and conf.PUSH_KEYS):
        raise ImproperlyConfigured('Pushing needs AGENTS_APP["PUSH_URL"] and ["PUSH_KEYS"].')
    body = json.dumps({"run_id": str(run_id)}).encode()
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: sign(conf.PUSH_KEYS[0], timestamp, body),
    }
    return Push(url=conf.PUSH_URL, headers=headers, body=body)


class HttpPushExecutor:
    """Posts it itself, and asks for an answer before the run is driven. Waits for that for SUBMIT_SECONDS."""

    delays = False

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        """Raises OSError or HTTPException if nobody answers, RuntimeError if the answer is no."""
        if run_at is not None:
            return
        push = signed_push(run_id)
        status = _post(push, {**push.headers, "Prefer": "respond-async"})
        if not 200 <= status < 300:  # a redirection, too: a signed request goes where it was meant to go
            raise RuntimeError(f"{push.url} answered {status} to a wake-up.")


def _post(push: Push, headers: dict[str, str]) -> int:
    parts = urlsplit(push.url)
    if parts.scheme not in KINDS or not parts.hostname:
        raise ImproperlyConfigured('AGENTS_APP["PUSH_URL"] is no address of http or https.')
    connection = KINDS[parts.scheme](parts.hostname, parts.port, timeout=conf.SUBMIT_SECONDS)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.request("POST", target, body=push.body, headers=headers)
        status: int = connection.getresponse().status
        return status
    finally:
        connection.close()
