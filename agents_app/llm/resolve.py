"""From the name of an LLM to an object that answers."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.utils.module_loading import import_string

from agents_app.conf import conf
from agents_app.core.llm_limits import LIMIT_KEYS, read_limits
from agents_app.exceptions import UnknownLLM
from agents_app.llm.base import LLM
from agents_app.llm.demo import DemoLLM
from agents_app.llm.endpoint import PROVIDERS, Endpoint, endpoint
from agents_app.llm.pydantic_ai import PydanticAILLM

CONNECTION_KEYS = ("base_url", "api_key", "settings")
KEYS = ("llm", *CONNECTION_KEYS, "fallback_llms", *LIMIT_KEYS)
"""What a dictionary in AGENTS_APP["LLMS"] may have."""

NAME_LIMIT = 200
"""Characters of the name of an LLM: it is stored with every turn."""

DEMO = "demo"
"""The name of the offline demo LLM, unless an alias has this name."""


def resolve(name: str) -> LLM:
    """The LLM of this name: an alias in AGENTS_APP["LLMS"], "provider:model", or "demo".

    It does no network I/O and needs no event loop. Raises `UnknownLLM`, whose text says what to do.
    """
    found = target(name)
    if isinstance(found, Endpoint):
        return PydanticAILLM(found)
    return DemoLLM() if found == DEMO else _own(name, found)


def known(name: str) -> bool:
    """Whether `resolve` would understand this name. Imports neither the LLM library nor anybody's class."""
    return problem_of(name) is None


def problem_of(name: str) -> str | None:
    """Why `resolve` would not understand this name, as a sentence; None if it would."""
    try:
        target(name)
    except UnknownLLM as error:
        return error.message
    return None


def target(name: str, *, seen: tuple[str, ...] = ()) -> Endpoint | str:
    """Where a name leads: an endpoint of a provider, "demo", or the dotted path of a class. Raises UnknownLLM."""
    if len(name) > NAME_LIMIT:
        raise UnknownLLM(f"The name of an LLM has at most {NAME_LIMIT} characters.")
    aliases: Mapping[str, Any] = conf.LLMS
    if name in aliases and name not in seen:
        return _aliased(name, aliases[name], seen=(*seen, name))
    if name == DEMO:
        return DEMO
    found = endpoint(name)
    if found is not None:
        return found
    if seen and "." in name and ":" not in name:
        return name
    raise UnknownLLM(_unknown(name, seen))


def _aliased(alias: str, value: Any, *, seen: tuple[str, ...]) -> Endpoint | str:
    if isinstance(value, str):
        return target(value, seen=seen)
    if not isinstance(value, Mapping) or not isinstance(value.get("llm"), str):
        raise UnknownLLM(f'AGENTS_APP["LLMS"]["{alias}"] must be a string or a dictionary with the key "llm".')
    options = {key: option for key, option in value.items() if key in CONNECTION_KEYS}
    if surplus := sorted(set(value) - set(KEYS)):
        raise UnknownLLM(f'AGENTS_APP["LLMS"]["{alias}"] has unknown keys {surplus}; it may have {", ".join(KEYS)}.')
    _check_limits(alias, value)
    found = target(value["llm"], seen=seen)
    if not options:
        return found
    if not isinstance(found, Endpoint):
        raise UnknownLLM(f'AGENTS_APP["LLMS"]["{alias}"]: base_url, api_key and settings need a "provider:model".')
    return found.with_options(**options)


def _check_limits(alias: str, value: Mapping[str, Any]) -> None:
    try:
        read_limits(value, conf.LLM_BREAKER)
    except ValueError as error:
        raise UnknownLLM(f'AGENTS_APP["LLMS"]["{alias}"]: {error}') from error
    fallbacks = value.get("fallback_llms", ())
    if not isinstance(fallbacks, list | tuple) or not all(isinstance(each, str) for each in fallbacks):
        raise UnknownLLM(f'AGENTS_APP["LLMS"]["{alias}"]: fallback_llms must be a list of names of LLMs.')


def _own(name: str, path: str) -> LLM:
    try:
        kind: Any = import_string(path)
        made: LLM = kind()
    except ImportError as error:
        raise UnknownLLM(f'The LLM "{name}" leads to "{path}", which cannot be imported: {error}') from error
    answering: Any = type(made)
    if not _answers(answering):
        raise UnknownLLM(f'The LLM "{name}" leads to "{path}", which has no method respond(request, on_text).')
    return made


@cache  # Python looks at a protocol's every method each time
def _answers(kind: type) -> bool:
    return issubclass(kind, LLM)


def _unknown(name: str, seen: tuple[str, ...]) -> str:
    aliases = ", ".join(sorted(conf.LLMS)) or "none yet"
    way = f" (reached by {' → '.join(seen)})" if seen else ""
    return (
        f'There is no LLM "{name}"{way}. Write "provider:model", for example "openai:gpt-5-mini" '
        f'(providers: {", ".join(sorted(PROVIDERS))}), or "demo", or an alias from AGENTS_APP["LLMS"] ({aliases}).'
    )
