"""Limits on how many runs are driven at once, as the settings say them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

from agents_app.conf import conf
from agents_app.definitions.inspection import is_limit
from agents_app.definitions.registry import registry


@register
def check_limits(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """MAX_RUNNING and what is like it, how many runs a worker drives, and how long it waits for open calls."""
    return [*_limits(), *_agents(), *_worker(), *_open_calls()]


def _limits() -> Iterator[CheckMessage]:
    for name in ("MAX_RUNNING_PER_USER", "MAX_RUNNING_PER_SESSION", "MEMORY_RUNS_PER_DAY"):
        if not is_limit(getattr(conf, name)):
            message = f"AGENTS_APP[{name!r}] is {getattr(conf, name)!r}."
            yield Error(message, hint="It is a whole number above 0, or None for no limit.", id="agents_app.E130")


def _agents() -> Iterator[CheckMessage]:
    given = conf.MAX_RUNNING
    if not isinstance(given, Mapping) or not all(is_limit(most) for most in given.values()):
        hint = 'It says for agents how many of their runs are driven at once, like {"support": 20}.'
        yield Error(f'AGENTS_APP["MAX_RUNNING"] is {given!r}.', hint=hint, id="agents_app.E131")
        return
    known = {definition.name for definition in registry.all()}
    for name in sorted(set(given) - known):
        message = f'AGENTS_APP["MAX_RUNNING"] limits {name!r}, and no agent has that name.'
        yield CheckWarning(message, hint=f"The agents are: {', '.join(sorted(known)) or 'none'}.", id="agents_app.W130")


def _worker() -> Iterator[CheckMessage]:
    for name in ("RUNS_PER_WORKER", "DATABASE_THREADS", "TOOL_THREADS"):
        if getattr(conf, name) is None or not is_limit(getattr(conf, name)):
            message = f"AGENTS_APP[{name!r}] is {getattr(conf, name)!r}: no run would ever go on."
            yield Error(message, hint="It is a whole number above 0.", id="agents_app.E132")


def _open_calls() -> Iterator[CheckMessage]:
    """A slice waits DRAIN_SECONDS for what is open at its end. What takes longer is given up, and asked again."""
    for definition in registry.all():
        calls = {"its LLM": definition.llm_timeout}
        calls |= {f"its tool “{tool.name}”": tool.timeout for tool in definition.tools.values()}
        longer = {what: seconds for what, seconds in calls.items() if seconds > conf.DRAIN_SECONDS}
        if longer:
            given = ", ".join(f"{what} {seconds:g} s" for what, seconds in longer.items())
            message = f"The agent {definition.name!r} gives {given}: over DRAIN_SECONDS ({conf.DRAIN_SECONDS:g} s)."
            hint = (
                f'Set AGENTS_APP["DRAIN_SECONDS"] to {max(longer.values()):g} or more (and the queue\'s timeout above '
                "it), or lower the timeout: a call that is open when a worker ends is given up after DRAIN_SECONDS."
            )
            yield CheckWarning(message, hint=hint, id="agents_app.W131")
