"""A network of hosts on this machine: namespaces of Linux on one bridge, which is the machine's own end of it."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.chaos.world import Missing

NETWORKS = 50 * 250
"""Private networks to choose from, by the number of the process: several may test at the same time."""


class Network:
    """hosts: their names. `address` is the machine's. Raises Missing where it cannot be made."""

    def __init__(self, *hosts: str) -> None:
        if os.geteuid() != 0:
            raise Missing("root: only root may make network namespaces")
        number = os.getpid() % NETWORKS
        self._prefix = f"10.{100 + number // 250}.{number % 250}"
        self._bridge = f"agb{os.getpid()}"
        self._hosts = {host: place for place, host in enumerate(hosts, start=2)}
        self.address = f"{self._prefix}.1"
        self.range = f"{self._prefix}.0/24"
        try:
            self._make()
        except (OSError, subprocess.CalledProcessError) as error:
            self.close()
            raise Missing(f"network namespaces (apt-get install iproute2): {error}") from None
        except BaseException:
            self.close()
            raise

    def _make(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("addr", "add", f"{self.address}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for host in self._hosts:
            space = self._space(host)
            _ip("netns", "add", space)
            _ip("link", "add", self._cable(host), "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("-n", space, "addr", "add", f"{self.address_of(host)}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", space, "link", "set", device, "up")
            _ip("link", "set", self._cable(host), "up")
            self.heal(host)

    def address_of(self, host: str) -> str:
        """Of one of the hosts."""
        return f"{self._prefix}.{self._hosts[host]}"

    def on(self, host: str) -> list[str]:
        """What a command begins with that shall run there."""
        return ["ip", "netns", "exec", self._space(host)]

    def cut(self, host: str) -> None:
        """From now on what it sends and what is sent to it is lost without a word; its own cable seems well."""
        _ip("link", "set", self._cable(host), "nomaster")

    def heal(self, host: str) -> None:
        """Plug it in again."""
        _ip("link", "set", self._cable(host), "master", self._bridge)

    def close(self) -> None:
        """Kill what runs on the hosts, and take all of it away."""
        for host in self._hosts:
            space = self._space(host)
            there = subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True, check=False)
            for pid in there.stdout.split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            self._remove("link", "del", self._cable(host))
            self._remove("netns", "del", space)
        self._remove("link", "del", self._bridge)

    def _remove(self, *words: str) -> None:
        with suppress(OSError):
            subprocess.run(["ip", *words], stderr=subprocess.DEVNULL, check=False)

    def left(self) -> list[str]:
        """What of it is still there."""
        names = [*map(self._space, self._hosts), *map(self._cable, self._hosts), self._bridge]
        return [
            name for name in names if any((Path(place) / name).exists() for place in ("/run/netns", "/sys/class/net"))
        ]

    def _space(self, host: str) -> str:
        return f"agents-{os.getpid()}-{host}"

    def _cable(self, host: str) -> str:
        return f"agv{os.getpid()}-{self._hosts[host]}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
