"""One invocation in a process of its own, as Lambda's runtime makes it: event and context in, the answer out.

Run with `python -m`; standard input is JSON: event, request_id, seconds.
"""

import json
import sys
import time

import django


class Context:
    """What Lambda gives a handler beside the event."""

    def __init__(self, request_id: str, seconds: float) -> None:
        self.aws_request_id = request_id
        self._until = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._until - time.monotonic()) * 1000)


def main() -> None:
    given = json.load(sys.stdin)
    django.setup()
    from agents_app.tasks import lambda_handler

    context = Context(given["request_id"], given["seconds"])
    json.dump(lambda_handler(given["event"], context), sys.stdout)


if __name__ == "__main__":
    main()
