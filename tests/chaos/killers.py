"""What is done to the world from outside, and through orders at failpoints. Everything here is counted."""

import contextlib
import itertools
import json
import random
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any

import psutil

from tests.chaos import diary, harm
from tests.chaos.settings import LEASE_SECONDS
from tests.chaos.world import Part, World

FROZEN_SECONDS = LEASE_SECONDS + 2.0
ORDERS, FIRST_ORDERS = 8, 4
"""Failpoints that have an order at the same time; and so many of them where nobody was killed yet."""
PACE, HEAD_START = 0.55, 10
"""Kills for each run that has ended."""
MUST = (
    "kill at a failpoint",
    "kill busy worker",
    "kill idle worker",
    "kill main process",
    "kill people",
    "kill sentinel",
    "kill supervisor",
    "deploys",
    "stopped",
    "connections cut during COMMIT",
    "connections dropped",
    "messages doubled",
    "messages dropped",
    "restarts of PostgreSQL",
    "restarts of Redis",
    "releases",
)
"""What a chaos must have done at least once."""
RELEASE_AFTER = 120
"""The next release comes when half as many runs have ended."""
BUSY_CHANCE = 0.1
BUSY_SECONDS = 1.0
"""Who reached a failpoint within this time is at work."""


class Killers:
    """Does harm in turn. `done` counts it by kind, `hits` the failpoints that were reached, `done_at` the processes
    killed at each.

    deadly: failpoints at each of which somebody must be killed. others: where somebody may be.
    """

    def __init__(self, world: World, chance: random.Random, deadly: list[str], others: list[str]) -> None:
        self.world = world
        self.done: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self._random = chance
        self.done_at: Counter[str] = Counter()
        self._deadly, self._failpoints = deadly, [*deadly, *others]
        self._orders = self._endless_orders()
        self._frozen: dict[int, float] = {}
        self._last_hit: dict[int, float] = {}
        self._diary = diary.Follower(world.home / "diary")
        self._hits = diary.Follower(world.home / "hits")
        self._ways = deque(
            (
                (self.kill_sentinel, Part.has_sentinel),
                (self.deploy, Part.is_cluster),
                (self.kill_idle_worker, Part.is_cluster),
                (self.kill_supervisor, Part.is_supervised),
                (self.kill_main, Part.is_cluster),
            )
        )
        self._next = {kind: every // 2 for kind, (every, _) in self._rare.items()}

    def kills(self) -> int:
        """Processes killed so far, by us and by themselves on our order."""
        return sum(number for kind, number in self.done.items() if kind.startswith("kill "))

    def undone(self) -> list[str]:
        """What must be done and was not yet; and the failpoints of the product at which nobody was killed."""
        return [kind for kind in MUST if not self.done[kind]] + [
            f"kill at {name}" for name in self._deadly if not self.done_at[name]
        ]

    def once(self, ended: int) -> None:
        """One round. ended: runs that have; harm keeps pace with them, not with the clock, so that a slow machine gets
        on too."""
        self.look()
        if self.kills() > HEAD_START + PACE * ended:
            # Enough for now; but where nobody was killed yet somebody must be.
            if self.kills() <= 2 * PACE * ended:
                self._keep_orders(0)
            else:
                self._withdraw_orders()
            return
        self._keep_orders(ORDERS)
        if self._random.random() < BUSY_CHANCE:
            self.kill_busy_worker()
        for kind, (every, act) in self._rare.items():
            if ended >= self._next[kind] and act():
                self._next[kind] = ended + every

    def look(self) -> None:
        """Read what has happened, and let those go on who were stopped until their lease must be over."""
        now = time.monotonic()
        for line in self._hits.new():
            name, pid, moment = line.split()
            self.hits[name] += 1
            self._last_hit[int(pid)] = float(moment)
        for entry in map(json.loads, self._diary.new()):
            if entry["kind"] == "obeyed":
                self._obeyed(entry, now)
        for pid, until in list(self._frozen.items()):
            if until <= now:
                self._go_on(pid)

    def _obeyed(self, entry: dict[str, Any], now: float) -> None:
        match entry["what"]:
            case "kill":
                self.done["kill at a failpoint"] += 1
                self.done_at[entry["failpoint"]] += 1
            case "stop":
                self._froze(entry["pid"], now)
            case _:
                self.done["connections cut during COMMIT"] += 1

    def stop(self) -> None:
        """Do no more harm, and let go on whoever was stopped."""
        self._withdraw_orders()
        time.sleep(0.2)
        self.look()
        for pid in list(self._frozen):
            self._go_on(pid)

    @property
    def _rare(self) -> dict[str, tuple[int, Callable[[], bool]]]:
        """What is done each time that so many runs more have ended; later, if it cannot be done now."""
        return {
            "stop": (15, self.stop_worker),
            "messages": (3, self.tamper_with_messages),
            "connections": (8, self.drop_connections),
            "clusters": (14, self.hurt_a_cluster),
            "people": (6, self.kill_people),
            "redis": (40, self.restart_redis),
            "postgresql": (50, self.restart_postgres),
            "release": (RELEASE_AFTER, self.release),
        }

    # At failpoints.

    def _endless_orders(self) -> Iterator[tuple[str, str]]:
        """All failpoints in a new order each time; every tenth order stops the process instead of killing it."""
        for count in itertools.count():
            names = [*self._failpoints, *harm.COMMITS]
            self._random.shuffle(names)
            for place, name in enumerate(names):
                yield name, "cut" if name in harm.COMMITS else "stop" if (count + place) % 10 == 9 else "kill"

    def _withdraw_orders(self) -> None:
        for name in harm.pending(self.world.home):
            harm.withdraw(self.world.home, name)

    def _keep_orders(self, most: int) -> None:
        """So many orders, and more only where nobody was killed yet."""
        pending = harm.pending(self.world.home)
        missing = [name for name in self._deadly if not self.done_at[name]]
        self._random.shuffle(missing)
        first = [(name, "kill") for name in missing[:FIRST_ORDERS] if name not in pending]
        others = [next(self._orders) for _ in range(most - len(pending) - len(first))]
        for name, what in first + others:
            if name not in pending:
                harm.order(self.world.home, name, what)
        given_up = [name for name in pending if name not in missing]
        if len(pending) >= most and given_up and self._random.random() < 0.2:
            # One that nobody comes to makes room for another.
            harm.withdraw(self.world.home, given_up[0])

    def _froze(self, pid: int, now: float) -> None:
        self.done["stopped"] += 1
        self._frozen[pid] = now + FROZEN_SECONDS
        diary.write("frozen", process=pid)

    def _go_on(self, pid: int) -> None:
        self._frozen.pop(pid, None)
        diary.write("thawed", process=pid)
        with contextlib.suppress(psutil.Error):
            psutil.Process(pid).send_signal(signal.SIGCONT)

    # From outside.

    def _busy(self) -> list[psutil.Process]:
        now = time.monotonic()
        recent = {pid for pid, moment in self._last_hit.items() if now - moment < BUSY_SECONDS} - set(self._frozen)
        return [one for part in self.world.clusters for one in part.members() if one.pid in recent]

    def kill_busy_worker(self) -> bool:
        busy = self._busy()
        return bool(busy) and self._kill(self._random.choice(busy), "busy worker")

    def stop_worker(self) -> bool:
        """Past its lease, in the midst of whatever it does."""
        if busy := self._busy():
            victim = self._random.choice(busy)
            with contextlib.suppress(psutil.Error):
                victim.send_signal(signal.SIGSTOP)
                self._froze(victim.pid, time.monotonic())
                return True
        return False

    def hurt_a_cluster(self) -> bool:
        """Another way each time. Only while all clusters are whole, since it takes one seconds to start again."""
        if not all(part.whole() for part in self.world.clusters):
            return False
        way, can = self._ways[0]
        part = self._random.choice([part for part in self.world.clusters if can(part)])
        if way(part):
            self._ways.rotate(-1)
            return True
        return False

    def kill_idle_worker(self, part: Part) -> bool:
        """It may hold the lock of the queue: then its cluster looks healthy and does nothing."""
        busy = {one.pid for one in self._busy()}
        idle = [one for one in part.members() if one.pid not in busy]
        return bool(idle) and self._kill(self._random.choice(idle), "idle worker")

    def kill_sentinel(self, part: Part) -> bool:
        return part.sentinel is not None and self._kill(part.sentinel, "sentinel")

    def kill_main(self, part: Part) -> bool:
        return part.main is not None and self._kill(part.main, "main process")

    def kill_supervisor(self, part: Part) -> bool:
        return part.own is not None and self._kill(part.own, "supervisor")

    def kill_people(self) -> bool:
        forked = self._random.choice(self.world.people).forked()
        return bool(forked) and self._kill(forked[0], "people")

    def _kill(self, victim: psutil.Process, what: str) -> bool:
        try:
            victim.kill()
        except psutil.Error:
            return False
        self.done[f"kill {what}"] += 1
        return True

    def deploy(self, part: Part) -> bool:
        """It is asked to end, and started again."""
        part.ask_to_end()
        self.done["deploys"] += 1
        return True

    def release(self) -> bool:
        """Other code, from now on in each process that starts; all are asked to end, some of them in vain."""
        if not self.done["releases"]:
            (self.world.home / diary.RELEASED).touch()
            for part in self.world.parts:
                part.ask_to_end()
            self.done["releases"] += 1
        return True

    def drop_connections(self) -> bool:
        self.done["connections dropped"] += self.world.postgres.drop_connections(0.3)
        return True

    def tamper_with_messages(self) -> bool:
        for server in (self.world.postgres, self.world.redis):
            if self._random.random() < 0.5:
                self.done["messages dropped"] += server.drop_messages()
            else:
                self.done["messages doubled"] += server.double_messages()
        return True

    def restart_redis(self) -> bool:
        self.world.redis.restart()
        self.done["restarts of Redis"] += 1
        return True

    def restart_postgres(self) -> bool:
        """By turns a crash and an orderly restart, which cuts all connections."""
        mode = "immediate" if self.done["restarts of PostgreSQL"] % 2 == 0 else "fast"
        self.world.postgres.restart(mode)
        self.done["restarts of PostgreSQL"] += 1
        return True
