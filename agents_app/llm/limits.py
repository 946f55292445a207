"""What the settings say about asking an LLM: its limits, and who is asked when it is down."""

from collections.abc import Mapping
from typing import Any

from agents_app.conf import conf
from agents_app.core.llm_limits import LIMIT_KEYS, LLMLimits, read_limits
from agents_app.exceptions import UnknownLLM

Answers = dict[Any, Any]

_kept: tuple[Any, Answers] = (None, {})
"""Answers to what is asked before every turn, and the settings that they were read from."""


def _answers() -> Answers:
    global _kept
    given = conf.given()
    if _kept[0] is not given or given is None:
        _kept = (given, {})
    return _kept[1]


def limits_of(name: str) -> tuple[str, LLMLimits]:
    """Under which name an LLM's limits are counted, and the limits. Raises UnknownLLM for settings that cannot be used.

    An alias that only leads on shares those of what it leads to.
    """
    answers = _answers()
    if name not in answers:
        answers[name] = _limits_of(name)
    found: tuple[str, LLMLimits] = answers[name]
    return found


def _limits_of(name: str) -> tuple[str, LLMLimits]:
    seen: set[str] = set()
    while (onward := _leads_on(name)) is not None and name not in seen:
        seen.add(name)
        name = onward
    try:
        return name, read_limits(_options(name) or {}, conf.LLM_BREAKER)
    except ValueError as error:
        raise UnknownLLM(f'AGENTS_APP["LLMS"]["{name}"]: {error}') from error


def _leads_on(name: str) -> str | None:
    """Where an alias leads that says nothing of its own about the LLM."""
    options = _options(name)
    if options is None or options["llm"] == name or any(key in options for key in LIMIT_KEYS):
        return None
    plain = isinstance(conf.LLMS[name], str) and ":" in options["llm"]
    return options["llm"] if plain or options["llm"] in conf.LLMS else None


def candidates(name: str, fallbacks: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The LLMs that are asked for this one, the first that is up: itself, its alias' fallbacks, then `fallbacks`."""
    answers, asked = _answers(), (name, fallbacks)
    if asked not in answers:
        collected: dict[str, None] = {}
        for each in (name, *fallbacks):
            _collect(each, collected)
        answers[asked] = tuple(collected)
    found: tuple[str, ...] = answers[asked]
    return found


def _collect(name: str, found: dict[str, None]) -> None:
    if name in found:
        return
    found[name] = None
    seen = {name}
    options = _options(name)
    while options is not None:
        for each in options.get("fallback_llms") or ():
            _collect(each, found)
        name = options["llm"]
        if name in seen:
            return
        seen.add(name)
        options = _options(name)


def _options(name: str) -> Mapping[str, Any] | None:
    """What stands under an alias, as a dictionary; None for what is no alias."""
    value = conf.LLMS.get(name)
    if isinstance(value, str):
        return {"llm": value}
    return value if isinstance(value, Mapping) and isinstance(value.get("llm"), str) else None
