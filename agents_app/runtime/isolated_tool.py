"""The child of `isolation`: reads a call's id on standard input, makes the call, prints its outcome as one JSON line.

Whatever the tool prints goes to standard error, so that it cannot be taken for the outcome.
"""

import contextlib
import json
import sys

import django
from django.utils.module_loading import import_string

from agents_app.runtime.family import die_with

OUTCOME_OF = "agents_app.runtime.isolated_call.outcome_of"


def main() -> None:
    """Make one call. Models can be imported only after Django is set up, hence the dotted path."""
    job = json.loads(sys.stdin.read())
    die_with(job["worker"])
    with contextlib.redirect_stdout(sys.stderr):
        django.setup()
        outcome = import_string(OUTCOME_OF)(job["call"], job["agent"])
    told = {key: getattr(outcome, key) for key in ("ending", "result", "note", "code", "message")}
    until = outcome.until.isoformat() if outcome.until else None
    sys.stdout.write(json.dumps({**told, "until": until}) + "\n")


if __name__ == "__main__":
    main()
