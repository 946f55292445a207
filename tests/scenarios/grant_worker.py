"""A worker that wants a use of a standing grant: `python -m tests.scenarios.grant_worker`. Talks in lines of JSON; ends
with its stdin.

It waits where the gate has said that the grant allows the call and nothing is counted yet, until the test lets all go.
"""

import json
import sys
import threading
from typing import Any
from uuid import UUID

import django

django.setup()

from agents_app import override_llm  # noqa: E402
from agents_app.definitions.registry import registry  # noqa: E402
from agents_app.runtime import drive, iterate  # noqa: E402 - Django has to be set up first
from agents_app.runtime.engines import engine  # noqa: E402
from agents_app.runtime.held import Held  # noqa: E402
from agents_app.testing import calls, script  # noqa: E402
from agents_app.testing.kit import queue_off  # noqa: E402
from agents_app.transitions import claims  # noqa: E402
from tests import office  # noqa: E402

PATIENCE = 60.0
"""Seconds that who has judged waits for the others, at most."""

together = threading.Event()


def say(**words: Any) -> None:
    """Tell the test."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def work(run: UUID) -> None:
    """Go on with this run as far as it goes."""
    with override_llm(office.Clerk, script(calls("pay", to="Ann", amount=60), "Done.")):
        claim = claims.claim(run)
        assert claim is not None
        held = Held(claim=claim, definition=registry.get("clerk"), inline=False)
        acts = iterate.prepare(held)
        while acts:
            (act,) = acts
            reply = engine().run(lambda on, act=act: drive.perform(on, held, act))
            acts = iterate.settle(held, act, reply)


judge = iterate.judge


def judge_and_wait(*given: Any) -> Any:
    """The first verdicts that name a grant are acted upon when all have theirs."""
    verdicts = judge(*given)
    if any(verdict.grant for verdict in verdicts.of.values()) and not together.is_set():
        say(judged=True)
        together.wait(PATIENCE)
    return verdicts


def try_to(run: UUID) -> None:
    """Say what was done in the end."""
    try:
        work(run)
    except Exception as error:  # told to the test, which fails
        say(error=repr(error))
    else:
        say(done=len(office.done))


def main() -> None:
    """Go by what the test says: which run, and `go` when all have judged."""
    iterate.judge = judge_and_wait
    with queue_off(), office.open_office():
        say(port=1)
        for line in sys.stdin:
            order = json.loads(line)
            if "go" in order:
                together.set()
            else:
                together.clear()
                office.done.clear()
                threading.Thread(target=try_to, args=(UUID(order["run"]),)).start()
        together.set()


if __name__ == "__main__":
    main()
