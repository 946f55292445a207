"""Asks whether it may ask an LLM, as fast as it can: `python -m tests.runtime.llm_asker LIMITS RUN:CLAIM…`.

It says "ready", waits for a line, and writes one JSON line for each run.
"""

import json
import sys
from uuid import UUID

import django


def main() -> None:
    django.setup()
    from agents_app.core.llm_limits import read_limits
    from agents_app.models import database_now
    from agents_app.transitions.llms import Asker, admit

    limits = read_limits(json.loads(sys.argv[1]), None)
    askers = [one.split(":") for one in sys.argv[2:]]
    database_now()  # connected
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for run_id, claim in askers:
        asker = Asker(run_id=UUID(run_id), claim=int(claim), seconds=60)
        permit = admit("shared", limits, asker, llm="shared", tokens=None, patience=None)
        until = permit.until or database_now()
        told = {"until": until.timestamp(), "now": permit.until is None, "probe": permit.probe}
        sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
