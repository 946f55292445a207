"""Fifty people decide on one request at the same moment, in processes of their own: one wins, all others are told."""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from agents_app.core.status import ApprovalStatus, Verdict
from agents_app.models import ApprovalRequest, Decision
from agents_app.services import start_run
from agents_app.testing import AgentsKit, calls
from tests import office
from tests.office import Clerk

ROOT = Path(__file__).parents[2]
PROCESSES, PEOPLE, THREADS = 4, 50, 5
VERDICTS = ("approve", "reject", "edit", "send back")
MADE = {
    "approve": Verdict.APPROVED,
    "edit": Verdict.APPROVED,
    "reject": Verdict.REJECTED,
    "send back": Verdict.SENT_BACK,
}
PAID = {"approve": [("Ann", Decimal(120))], "edit": [("Ann", Decimal(77))], "reject": [], "send back": []}
TOGETHER = 20.0
"""Seconds until those who have read go on without the others."""
MOST = 240.0
"""Seconds for a whole round."""

pytestmark = [pytest.mark.postgresql_only, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]


class Deciders:
    """A process of people, and what it says."""

    def __init__(
        self,
        environment: dict[str, str],
        heard: "queue.Queue[tuple[Deciders, dict[str, Any]]]",
        module: str = "tests.scenarios.deciders",
    ) -> None:
        command = [sys.executable, "-m", module]
        own = {**environment, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = 0
        self._heard = heard
        self._ear = threading.Thread(target=self._listen)
        self._ear.start()

    def tell(self, **order: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._ear.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._heard.put((self, json.loads(line)))


class Arena:
    """The processes, and the rounds that they decide in."""

    def __init__(self, processes: list[Deciders], heard: "queue.Queue[tuple[Deciders, dict[str, Any]]]") -> None:
        self.processes, self._heard = processes, heard

    def next(self, until: float) -> tuple[Deciders, dict[str, Any]] | None:
        """What one of them says next; None if nothing came in time."""
        try:
            return self._heard.get(timeout=max(until - time.monotonic(), 0.001))
        except queue.Empty:
            return None

    def decide(self, request: ApprovalRequest, number: int, *, http: bool) -> tuple[list[dict[str, Any]], int]:
        """What became of each decision, and how many had read that the request was pending."""
        begun = time.monotonic()
        for place, process in enumerate(self.processes):
            port = self.processes[(place + 1) % PROCESSES].port if http else 0
            about = {"request": str(request.pk), "digest": request.digest, "port": port}
            process.tell(turns=turns_of(place, number), **about)
        ends: list[dict[str, Any]] = []
        reads, pending, gone = 0, 0, False
        while len(ends) < PEOPLE:
            found = self.next(begun + (MOST if gone else TOGETHER))
            assert found or not gone, f"only {len(ends)} of {PEOPLE} have come to an end"
            _, said = found or (None, {})
            ends += said.get("done", [])
            reads += "read" in said
            pending += said.get("read") == ApprovalStatus.PENDING
            if not gone and (found is None or reads == PROCESSES * THREADS):
                gone = True
                for process in self.processes:
                    process.tell(go=True)
        return ends, pending


def turns_of(place: int, number: int) -> list[list[tuple[int, str]]]:
    """Who decides what in each thread of a process; in each round others come first."""
    turns: list[list[tuple[int, str]]] = [[] for _ in range(THREADS)]
    for turn in range(place, PEOPLE, PROCESSES):
        person = (turn + 7 * number) % PEOPLE
        verdict = VERDICTS[(person + number) % len(VERDICTS)]
        turns[turn // PROCESSES % THREADS].append((person, verdict))
    return turns


@contextmanager
def arena_of(environment: dict[str, str]) -> Iterator[Arena]:
    names = [f"decider-{number:02}" for number in range(PEOPLE)]
    people = office.persons(dict.fromkeys(names, office.DECIDES))
    known = [(name, person.pk, session_of(person)) for name, person in people.items()]
    heard: queue.Queue[tuple[Deciders, dict[str, Any]]] = queue.Queue()
    with ExitStack() as stack:
        processes = []
        for _ in range(PROCESSES):
            processes.append(Deciders(environment, heard))
            stack.callback(processes[-1].end)
        arena, until = Arena(processes, heard), time.monotonic() + MOST
        while not all(process.port for process in processes):
            found = arena.next(until)
            assert found is not None, "a process of deciders has not started"
            found[0].port = found[1]["port"]
        for process in processes:
            process.tell(people=known)
        yield arena


def session_of(person: Any) -> str:
    browser = Client()
    browser.force_login(person)
    return str(browser.cookies["sessionid"].value)


def play(arena: Arena, agents: AgentsKit, number: int, *, http: bool) -> int:
    """A round. How many had read that the request was pending before anybody's decision was committed."""
    office.done.clear()
    agents.scripted_llm(Clerk, calls("pay", to="Ann", amount=120), "Done.")
    run = start_run(Clerk, "go")
    agents.run_until_idle()
    request = office.request_of(run)
    ends, pending = arena.decide(request, number, http=http)
    assert [end for end in ends if "error" in end] == []
    assert len({end["who"] for end in ends}) == PEOPLE
    (winner,) = [end for end in ends if end.get("won")]
    made = Decision.objects.get(request=request)
    assert (made.user_name, made.verdict) == (winner["who"], MADE[winner["verdict"]])
    assert made.door == ("rest" if http else "code")
    known = {"by": made.user_name, "verdict": str(made.verdict), "at": made.decided_at.isoformat()}
    assert [end for end in ends if not end.get("won") and end["told"] != known] == []
    agents.run_until_idle()
    agents.assert_completed(run)
    assert office.done == [("pay", paid) for paid in PAID[winner["verdict"]]]
    return pending


@pytest.fixture
def tell(capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print so that it is read also where the tests run in many processes: those pass on what comes to stderr alone."""

    def write(text: str) -> None:
        with capfd.disabled():
            sys.stderr.write(f"\n{text}\n")

    return write


@pytest.fixture
def race(
    child_environment: dict[str, str], agents: AgentsKit, tell: Callable[[str], None]
) -> Callable[[int, int], None]:
    """So many rounds, of which so many through HTTP."""

    def run(rounds: int, by_http: int) -> None:
        with office.open_office(), arena_of(child_environment) as arena:
            pending = [play(arena, agents, number, http=number < by_http) for number in range(rounds)]
        close = sum(number >= 2 for number in pending)
        mean = sum(pending) / rounds
        tell(f"In {close} of {rounds} rounds at least two had read `pending` before the winner; {mean:.1f} on average.")
        assert close >= 0.8 * rounds

    return run


def test_one_of_fifty_wins(race: Callable[[int, int], None]) -> None:
    race(8, 2)


@pytest.mark.long
def test_one_of_fifty_wins_two_hundred_times(race: Callable[[int, int], None]) -> None:
    race(200, 10)
