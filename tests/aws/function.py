"""The function behind the server: each event is handled in a fresh process, some by two at once, failed ones again."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).parents[2]
ATTEMPTS = 3


class Function:
    """environment: of the processes. seconds: the function's timeout. Every second event is delivered twice."""

    def __init__(self, environment: dict[str, str], seconds: float) -> None:
        self.events: list[dict[str, Any]] = []
        self.deliveries = 0
        self.errors: list[str] = []
        self._environment = environment
        self._seconds = seconds
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def invoke(self, event: dict[str, Any]) -> None:
        """As Lambda does with `InvocationType=Event`: later, at least once."""
        with self._lock:
            self.events.append(event)
            request_id = str(uuid4())
            for _ in range(2 if len(self.events) % 2 == 0 else 1):
                thread = threading.Thread(target=self._deliver, args=(event, request_id))
                self._threads.append(thread)
                thread.start()

    def _deliver(self, event: dict[str, Any], request_id: str) -> None:
        for _ in range(ATTEMPTS):
            done = self.run(event, request_id)
            with self._lock:
                self.deliveries += 1
                if done.returncode == 0:
                    return
                self.errors.append(done.stderr)

    def run(self, event: Any, request_id: str) -> subprocess.CompletedProcess[str]:
        """One invocation, waited for."""
        given = json.dumps({"event": event, "request_id": request_id, "seconds": self._seconds})
        command = [sys.executable, "-m", "tests.aws.runtime"]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self._environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def join(self) -> None:
        """Wait until all that was invoked has ended, and what that invoked."""
        joined = 0
        while joined < len(self._threads):
            self._threads[joined].join()
            joined += 1
