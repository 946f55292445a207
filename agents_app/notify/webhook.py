"""A signed POST to one address of the settings. What it answers is looked at by its status alone."""

import json
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.utils.timezone import is_aware, make_aware

from agents_app.conf import conf
from agents_app.core.push_signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from agents_app.core.webhook_signature import sign_webhook
from agents_app.notify.channels import Channel, ChannelDown
from agents_app.notify.messages import Item, Message

KINDS = {"http": HTTPConnection, "https": HTTPSConnection}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
LEAST_CHARACTERS = 32
ABOUT_THE_MESSAGE = (400, 409, 410, 413, 415, 422)
"""Answers that another message might not get."""
MOST_SECONDS = 3600.0


class WebhookChannel(Channel):
    """url: where to. key: what both sides sign with. Redirects are not followed: it goes where the settings say."""

    personal: ClassVar[bool] = False
    secret: ClassVar[bool] = False

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self._parts = urlsplit(url)

    def send(self, message: Message) -> None:
        """Raises ChannelDown, and ValueError where the receiver does not want this message."""
        body = json.dumps(body_of(message), ensure_ascii=False).encode()
        timestamp = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "agents_app",
            "Idempotency-Key": message.key,
            TIMESTAMP_HEADER: str(timestamp),
            SIGNATURE_HEADER: sign_webhook(self._key, timestamp, body),
        }
        status, after = self._answer(body, headers)
        if 200 <= status < 300:
            return
        if status in ABOUT_THE_MESSAGE:
            raise ValueError(f"{self._place} answered {status}.")
        raise ChannelDown(f"{self._place} answered {status}.", retry_after=after)

    def problems(self) -> Iterable[str]:
        parts = self._parts
        if parts.scheme not in KINDS or not parts.hostname or parts.username or parts.password:
            yield "its “url” is no address of http or https without a name and password in it"
        elif parts.scheme == "http" and parts.hostname not in LOOPBACK:
            yield "its “url” is not encrypted: use https"
        if len(self._key) < LEAST_CHARACTERS:
            yield f"its “key” is shorter than {LEAST_CHARACTERS} characters"

    @property
    def _place(self) -> str:
        """Without the path: some services have a secret there."""
        return f"{self._parts.scheme}://{self._parts.netloc.rpartition('@')[2]}"

    def _answer(self, body: bytes, headers: dict[str, str]) -> tuple[int, float | None]:
        try:
            return self._post(body, headers)
        except (OSError, HTTPException) as error:
            raise ChannelDown(f"{self._place} did not answer: {type(error).__name__}.") from error

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, float | None]:
        """The status, and how long to wait, if it says so."""
        parts = self._parts
        connection = KINDS[parts.scheme](parts.hostname or "", parts.port, timeout=conf.NOTIFY_SECONDS)
        # The time is limited as a whole: the connection's own limit begins anew with each byte.
        limit = threading.Timer(conf.NOTIFY_SECONDS, _shut, [connection])
        limit.daemon = True
        limit.start()
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            connection.request("POST", target, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, _seconds(answer.headers.get("Retry-After", ""))
        finally:
            limit.cancel()
            _shut(connection)


def body_of(message: Message) -> dict[str, Any]:
    """What a receiver reads."""
    (item,) = message.items
    return {
        "key": message.key,
        "event": item.event,
        "subject": message.subject,
        "call" if item.call_id is not None else "request": _about(item),
        "approvers": list(message.approvers),
    }


def _about(item: Item) -> dict[str, Any]:
    return {
        "id": str(item.call_id or item.request_id),
        "run": str(item.run_id),
        "agent": item.agent,
        "tool": item.tool,
        "summary": item.summary,
        "reason": item.reason,
        "requester": item.requester,
        "asked_at": _moment(item.asked_at),
        "expires_at": None if item.expires_at is None else _moment(item.expires_at),
        "url": item.url,
    }


def _moment(moment: Any) -> str:
    return str((moment if is_aware(moment) else make_aware(moment)).isoformat())


def _seconds(text: str) -> float | None:
    return min(float(text), MOST_SECONDS) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _shut(connection: HTTPConnection) -> None:
    """Also where an answer is still coming: it is not read. Whoever waits for it wakes up."""
    if connection.sock is not None:
        with suppress(OSError):  # it is closed already
            connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
