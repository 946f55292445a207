"""What happens when a host is cut off in mid-run: its runs go on elsewhere, and what it brings back late is refused."""

import sys
import time
from collections import Counter
from pathlib import Path
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection

from agents_app.core.status import ENDED
from agents_app.live.tickets import issue_ticket
from agents_app.models import AgentContext, AgentEvent
from tests.chaos import diary
from tests.chaos.desk import ENOUGH
from tests.chaos.models import Entry
from tests.chaos.network import Network
from tests.chaos.quiet import be_quiet
from tests.chaos.settings import LEASE_SECONDS
from tests.chaos.verdict import judge
from tests.chaos.world import Part, until
from tests.ws.raw import RawClient

CUT_SECONDS = 4 * LEASE_SECONDS
PATIENCE_SECONDS = 200.0
"""Without an event, until runs that are not at rest are lost."""
WATCHED = 5


class Hosts:
    """The parts, and whose process is whose."""

    def __init__(self, home: Path, parts: dict[str, Part]) -> None:
        self._home = home
        self._parts = parts
        self._pids: dict[int, str] = {}

    def look(self) -> None:
        """Start what has ended; remember whose processes there are."""
        for name, part in self._parts.items():
            part.keep_alive()
            assert part.process is not None
            for pid in (part.process.pid, *(one.pid for one in part.family)):
                self._pids[pid] = name

    def holders(self) -> dict[str, tuple[int, str]]:
        """Of each run the newest claim, and the host that has it."""
        newest: dict[str, tuple[int, str]] = {}
        for entry in diary.read(self._home)["claimed"]:
            claim = (entry["claim"], self._pids.get(entry["pid"], "?"))
            newest[entry["run"]] = max(newest.get(entry["run"], claim), claim)
        return newest

    def claims_of(self, host: str) -> int:
        """How many claims it has had."""
        return sum(self._pids.get(entry["pid"]) == host for entry in diary.read(self._home)["claimed"])

    def held_by(self, host: str) -> dict[str, int]:
        """The runs that it drives now, and its claims."""
        driven = AgentContext.objects.filter(lease_until__isnull=False).exclude(status__in=ENDED)
        ids = {str(pk) for pk in driven.values_list("pk", flat=True)}
        return {run: claim for run, (claim, by) in self.holders().items() if by == host and run in ids}

    def end(self) -> None:
        for part in self._parts.values():
            part.end()


def cut_and_heal(home: Path, network: Network, parts: dict[str, Part]) -> list[str]:
    """All of it; what was found to be broken."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    ann = get_user_model().objects.create_superuser("ann")
    hosts = Hosts(home, parts)

    def both_work() -> bool:
        hosts.look()
        return bool(
            hosts.claims_of("host-a") > 5 and hosts.claims_of("host-b") > 5 and len(hosts.held_by("host-a")) > 1
        )

    lost: dict[str, int] = {}
    while len(lost) < 2:  # else what it held has ended in this moment
        network.heal("host-a")
        until(both_work, "both hosts to work")
        network.cut("host-a")
        _say("host-a is cut off")
        time.sleep(1)  # what was on its way has arrived
        lost, moment = hosts.held_by("host-a"), time.monotonic()

    def long_enough() -> bool:
        hosts.look()
        return time.monotonic() - moment > CUT_SECONDS

    def taken_over() -> bool:
        hosts.look()
        now, held = hosts.holders(), hosts.held_by("host-a")
        return all(now[run][1] == "host-b" or run not in held for run in lost)

    until(long_enough, "the leases to run out")
    # Runs whose worker died are taken alone: by a worker that has nothing else, or by hint. So there is less to do now.
    (home / ENOUGH).touch()
    until(taken_over, "host-b to take over what host-a held")
    taken = [run for run, claim in lost.items() if hosts.holders()[run][0] > claim]
    before = hosts.claims_of("host-a")
    network.heal("host-a")
    (home / ENOUGH).unlink()
    _say(f"host-a is back; of {len(lost)} runs host-b has taken {len(taken)}")

    def is_back() -> bool:
        hosts.look()
        return hosts.claims_of("host-a") > before

    until(is_back, "host-a to work again")
    (home / ENOUGH).touch()
    be_quiet(hosts.look, parts["people"].leave, PATIENCE_SECONDS)
    read = _read_on_the_web(network, ann)
    hosts.end()
    return _findings(home, lost, taken, read)


def _read_on_the_web(network: Network, user: object) -> list[str]:
    """What the web process tells of some runs does not equal their events."""
    wrong = []
    for run_id, version in AgentContext.objects.order_by("-version").values_list("pk", "version")[:WATCHED]:
        path = f"/ws/runs/{run_id}/?after=0&ticket={issue_ticket(user)}"
        with RawClient(8000, path, host=network.address_of("web")) as client:
            if client.events_until(version) != list(range(1, version + 1)):
                wrong.append(f"run {run_id}: the web process told {client.numbers}")
    return wrong


def _findings(home: Path, lost: dict[str, int], taken: list[str], read: list[str]) -> list[str]:
    verdict = judge(home, Counter(Entry.objects.values_list("key", flat=True)))
    found = [f"{promise}: {text}" for promise, texts in verdict.findings.items() for text in texts]
    recovered = set(AgentEvent.objects.filter(type="run.recovered").values_list("context_id", flat=True))
    if not taken or not recovered & {UUID(run) for run in taken}:
        found.append(f"host-b has recovered nothing of {lost}")
    executed = len(diary.read(home)["executed"])
    _say(
        f"{AgentContext.objects.count()} runs, {AgentEvent.objects.count()} events, {executed} calls made, "
        f"{verdict.repeated} again; {len(lost)} runs were cut off, {len(taken)} taken over, {len(recovered)} recovered"
    )
    connection.close()
    return found + read


def _say(text: str) -> None:
    sys.stdout.write(f"… {text}\n")
    sys.stdout.flush()
