"""Ending tasks for sure."""

import asyncio
from typing import Any

ASK_AGAIN_SECONDS = 1.0


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and wait until they have ended, whatever they raise."""
    left = set(tasks)
    while left:
        # Again and again: Python 3.11's wait_for, in libraries that we call, sometimes swallows a cancellation.
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=ASK_AGAIN_SECONDS)
        for task in done:
            if not task.cancelled():
                task.exception()  # so that nobody complains that it was not looked at
