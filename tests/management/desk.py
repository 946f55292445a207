"""Calling a command as a shell would, and runs for it to work on."""

import io
import json
from dataclasses import dataclass
from typing import Any

from django.core.management import CommandError, call_command

from agents_app.services import Run, start_run
from agents_app.testing import AgentsKit
from tests.testing.shop import ShopAgent


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a command printed, and its exit code; `error` is what went to stderr."""

    out: str
    error: str
    code: int

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def manage(name: str, *arguments: Any) -> Result:
    """`manage.py name arguments…`"""
    out, error, code, message = io.StringIO(), io.StringIO(), 0, ""
    try:
        call_command(name, *map(str, arguments), stdout=out, stderr=error, no_color=True)
    except CommandError as failure:
        code, message = failure.returncode, str(failure)
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    return Result(out=out.getvalue(), error=error.getvalue() + message, code=code)


def resting(agents: AgentsKit, *turns: Any, user: Any = None) -> Run[Any]:
    """A run of the shop's agent with these turns, driven until it rests."""
    agents.scripted_llm(ShopAgent, *turns)
    run: Run[Any] = start_run(ShopAgent, "Refund A-1, it broke", user=user)
    agents.run_until_idle()
    return run.again()
