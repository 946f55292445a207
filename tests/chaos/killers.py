"""What is done to the world from outside, and through orders at failpoints. Everything here is counted."""

import contextlib
import itertools
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import psutil

from tests.chaos import diary, harm
from tests.chaos.settings import LEASE_SECONDS
from tests.chaos.world import Part, World

FROZEN_SECONDS = LEASE_SECONDS + 2.0
ORDERS = 6
"""Failpoints that have an order at the same time."""
PACE, HEAD_START = 0.8, 20
"""Kills for each run that has ended."""
BUSY_CHANCE = 0.1
BUSY_SECONDS = 1.0
"""Who reached a failpoint within this time is at work."""


class Killers:
    """Does harm in turn. `done` counts it by kind, `hits` the failpoints that were reached."""

    def __init__(self, world: World, chance: random.Random, failpoints: list[str]) -> None:
        self.world = world
        self.done: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self._random = chance
        self._failpoints = failpoints
        self._orders = self._endless_orders()
        self._frozen: dict[int, float] = {}
        self._last_hit: dict[int, float] = {}
        self._diary = diary.Follower(world.home / "diary")
        self._hits = diary.Follower(world.home / "hits")
        self._ways = itertools.cycle(
            (self.deploy, self.kill_idle_worker, self.kill_sentinel, self.kill_supervisor, self.kill_main)
        )
        self._moments = dict.fromkeys(self._rare, 0.0)

    def kills(self) -> int:
        """Processes killed so far, by us and by themselves on our order."""
        return sum(number for kind, number in self.done.items() if kind.startswith("kill "))

    def once(self, elapsed: float, ended: int) -> None:
        """One round. elapsed: seconds since the first. ended: runs that have; harm keeps pace with them, so that a slow
        machine gets on too."""
        self.look()
        if self.kills() > HEAD_START + PACE * ended:
            self._withdraw_orders()
            return
        self._keep_orders()
        if self._random.random() < BUSY_CHANCE:
            self.kill_busy_worker()
        for kind, (every, act) in self._rare.items():
            if elapsed - self._moments[kind] >= every:
                self._moments[kind] = elapsed
                act()

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
    def _rare(self) -> dict[str, tuple[float, Callable[[], None]]]:
        """What is done every so many seconds."""
        return {
            "stop": (7.0, self.stop_worker),
            "messages": (3.0, self.tamper_with_messages),
            "connections": (5.0, self.drop_connections),
            "clusters": (15.0, self.hurt_a_cluster),
            "people": (11.0, self.kill_people),
            "redis": (23.0, self.restart_redis),
            "postgresql": (41.0, self.restart_postgres),
        }

    # At failpoints.

    def _endless_orders(self) -> Iterator[tuple[str, str]]:
        """All failpoints in a new order each time; every seventh order stops the process instead of killing it."""
        for count in itertools.count():
            names = [*self._failpoints, *harm.COMMITS]
            self._random.shuffle(names)
            for place, name in enumerate(names):
                yield name, "cut" if name in harm.COMMITS else "stop" if (count + place) % 7 == 6 else "kill"

    def _withdraw_orders(self) -> None:
        for path in (self.world.home / harm.ORDERS).iterdir():
            path.unlink(missing_ok=True)

    def _keep_orders(self) -> None:
        pending = harm.pending(self.world.home)
        for _ in range(ORDERS - len(pending)):
            name, what = next(self._orders)
            if name not in pending:
                harm.order(self.world.home, name, what)
        if len(pending) == ORDERS and self._random.random() < 0.2:
            # One that nobody comes to makes room for another.
            (self.world.home / harm.ORDERS / pending[0].replace("/", "@")).unlink(missing_ok=True)

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

    def kill_busy_worker(self) -> None:
        if busy := self._busy():
            self._kill(self._random.choice(busy), "busy worker")

    def stop_worker(self) -> None:
        """Past its lease, in the midst of whatever it does."""
        if busy := self._busy():
            victim = self._random.choice(busy)
            with contextlib.suppress(psutil.Error):
                victim.send_signal(signal.SIGSTOP)
                self._froze(victim.pid, time.monotonic())

    def hurt_a_cluster(self) -> None:
        """Another way each time. Only while all clusters are whole, since it takes one seconds to start again."""
        if not all(part.whole() for part in self.world.clusters):
            return
        part = self._random.choice(self.world.clusters)
        with contextlib.suppress(psutil.Error):
            next(self._ways)(part)

    def kill_idle_worker(self, part: Part) -> None:
        """It may hold the lock of the queue: then its cluster looks healthy and does nothing."""
        busy = {one.pid for one in self._busy()}
        if idle := [one for one in part.members() if one.pid not in busy]:
            self._kill(self._random.choice(idle), "idle worker")

    def kill_sentinel(self, part: Part) -> None:
        if part.sentinel is not None:
            self._kill(part.sentinel, "sentinel")

    def kill_main(self, part: Part) -> None:
        if part.main is not None:
            self._kill(part.main, "main process")

    def kill_supervisor(self, part: Part) -> None:
        self._kill_part(part, "supervisor")

    def kill_people(self) -> None:
        self._kill_part(self._random.choice(self.world.people), "people")

    def _kill_part(self, part: Part, what: str) -> None:
        if part.process is not None and part.process.poll() is None:
            part.process.kill()
            self.done[f"kill {what}"] += 1

    def _kill(self, victim: psutil.Process, what: str) -> None:
        with contextlib.suppress(psutil.Error):
            victim.kill()
            self.done[f"kill {what}"] += 1

    def deploy(self, part: Part) -> None:
        """It is asked to end, and started again."""
        part.ask_to_end()
        self.done["deploys"] += 1

    def drop_connections(self) -> None:
        self.done["connections dropped"] += self.world.postgres.drop_connections(0.3)

    def tamper_with_messages(self) -> None:
        for server in (self.world.postgres, self.world.redis):
            if self._random.random() < 0.5:
                self.done["messages dropped"] += server.drop_messages()
            else:
                self.done["messages doubled"] += server.double_messages()

    def restart_redis(self) -> None:
        self.world.redis.restart()
        self.done["restarts of Redis"] += 1

    def restart_postgres(self) -> None:
        """By turns a crash and an orderly restart, which cuts all connections."""
        mode = "immediate" if self.done["restarts of PostgreSQL"] % 2 == 0 else "fast"
        self.world.postgres.restart(mode)
        self.done["restarts of PostgreSQL"] += 1
