"""A process of people who decide: `python -m tests.scenarios.deciders`. Talks in lines of JSON; ends with its stdin.

It also serves the site on a port of its own, so that others can decide through HTTP. Whoever has read a request waits
until the test lets all go on, so that the decisions fall together however slow the machine is.
"""

import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from uuid import UUID

import django

django.setup()

from django.conf import settings  # noqa: E402 - Django has to be set up first
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.servers.basehttp import ThreadedWSGIServer  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.test.testcases import QuietWSGIRequestHandler  # noqa: E402

from agents_app.exceptions import AlreadyDecided  # noqa: E402
from agents_app.services import approvals  # noqa: E402
from agents_app.testing.kit import queue_off  # noqa: E402
from tests import office  # noqa: E402

THREADS = 5
"""Deciders of this process at the same moment, each with a connection of its own."""
PATIENCE = 60.0
"""Seconds that somebody who has read a request waits for the others, at most."""
OTHERS = {"to": "Ann", "amount": "77"}
"""The arguments of who approves with others."""
TOKEN = "t" * 32
"""What a page of this site put into its form and its cookie."""

saying, together = threading.Lock(), threading.Event()


def say(**words: Any) -> None:
    """Tell the test."""
    with saying:
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()


read = approvals.approval_seen_by


def read_and_wait(user: Any, key: Any) -> Any:
    """What commands read first; the others do so before it is acted upon."""
    request = read(user, key)
    say(read=request.status)
    together.wait(PATIENCE)
    return request


class Decider:
    """A person, by name and key, with the session of their browser."""

    def __init__(self, name: str, key: Any, session: str) -> None:
        self.name, self.session = name, session
        self.user = get_user_model().objects.get(pk=key)

    def here(self, verdict: str, request: str, digest: str) -> dict[str, Any]:
        """Decide by the commands of this process."""
        by = {"by": self.user}
        try:
            if verdict == "reject":
                approvals.reject(UUID(request), reason="no", **by)
            elif verdict == "send back":
                approvals.send_back(UUID(request), instructions="less", **by)
            else:
                arguments = OTHERS if verdict == "edit" else None
                approvals.approve(UUID(request), digest=digest, arguments=arguments, **by)
        except AlreadyDecided as error:
            return {"told": error.details}
        return {"won": True}

    def by_http(self, verdict: str, request: str, digest: str, port: int) -> dict[str, Any]:
        """Decide at the site that a process of other people serves."""
        verb, body = {
            "reject": ("reject", {"reason": "no"}),
            "send back": ("send-back", {"instructions": "less"}),
            "edit": ("approve", {"digest": digest, "arguments": OTHERS}),
            "approve": ("approve", {"digest": digest}),
        }[verdict]
        headers = {
            "Content-Type": "application/json",
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={self.session}; {settings.CSRF_COOKIE_NAME}={TOKEN}",
            "X-CSRFToken": TOKEN,
        }
        connection = HTTPConnection("127.0.0.1", port, timeout=2 * PATIENCE)
        try:
            connection.request("POST", f"/api/approvals/{request}/{verb}/", json.dumps(body), headers)
            answer = connection.getresponse()
            found = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status == 200:
            return {"won": True}
        if (answer.status, found["error"]["code"]) == (409, AlreadyDecided.code):
            return {"told": found["error"]["details"]}
        return {"error": f"{answer.status} {found}"}


@contextmanager
def served() -> Iterator[int]:
    """The port at which this process serves the site."""
    with ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler, ipv6=False) as server:
        server.set_app(get_wsgi_application())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def one_after_the_other(people: list[Decider], turns: list[tuple[int, str]], order: dict[str, Any]) -> list[Any]:
    """What became of the decisions of these people (their places, and what they want)."""
    found = []
    for place, verdict in turns:
        person, about = people[place], (verdict, order["request"], order["digest"])
        try:
            end = person.by_http(*about, order["port"]) if order["port"] else person.here(*about)
        except Exception as error:  # told to the test, which fails
            end = {"error": repr(error)}
        found.append({"who": person.name, "verdict": verdict, **end})
    return found


def decide(pool: ThreadPoolExecutor, people: list[Decider], order: dict[str, Any]) -> None:
    """One round; each thread has turns of its own."""
    ends = [pool.submit(one_after_the_other, people, turns, order) for turns in order["turns"]]
    say(done=[end for future in ends for end in future.result()])


def main() -> None:
    """Go by what the test says: who the people are, then round after round, and `go` when all have read."""
    approvals.approval_seen_by = read_and_wait
    people: list[Decider] = []
    with queue_off(), office.open_office(), served() as port, ThreadPoolExecutor(THREADS) as pool:
        say(port=port)
        for line in sys.stdin:
            order = json.loads(line)
            if "people" in order:
                people = [Decider(*person) for person in order["people"]]
            elif "go" in order:
                together.set()
            else:
                together.clear()
                threading.Thread(target=decide, args=(pool, people, order)).start()
        together.set()


if __name__ == "__main__":
    main()
