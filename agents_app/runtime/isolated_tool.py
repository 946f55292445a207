"""The child of `isolation`: reads a call's id on standard input, makes the call, prints its outcome as one JSON line.

Whatever the tool and the programs that it starts print goes to standard error, so that it cannot be taken for the
outcome.
"""

import json
import os
import sys

import django
from django.utils.module_loading import import_string

from agents_app.runtime.family import die_with

OUTCOME_OF = "agents_app.runtime.isolated_call.outcome_of"


def main() -> None:
    """Make one call. Models can be imported only after Django is set up, hence the dotted path."""
    job = json.loads(sys.stdin.read())
    die_with(job["worker"])
    parent = os.dup(1)  # which programs that the tool starts do not inherit
    os.dup2(2, 1)
    django.setup()
    outcome = import_string(OUTCOME_OF)(job["call"], job["agent"])
    told = {key: getattr(outcome, key) for key in ("ending", "result", "note", "code", "message")}
    until = outcome.until.isoformat() if outcome.until else None
    with os.fdopen(parent, "w") as pipe:
        pipe.write(json.dumps({**told, "until": until}) + "\n")


if __name__ == "__main__":
    main()
