"""Settings of AGENTS_APP and of the database that break a promise, found at start-up."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.db import router

from agents_app.conf import conf
from agents_app.core.approval_times import ApprovalTimes
from agents_app.core.budgets import default_problems
from agents_app.core.llm_limits import read_breaker
from agents_app.core.status import Effect
from agents_app.definitions.registry import registry
from agents_app.executors import get_executor
from agents_app.live.way import way
from agents_app.llm.embedders import problem_of_settings
from agents_app.llm.estimates import price_problems
from agents_app.llm.limits import candidates
from agents_app.llm.resolve import known, problem_of
from agents_app.models import AgentContext

SQLITE, POSTGRESQL = "sqlite3", "postgresql"
SQLITE_TIMEOUT = 5.0
"""What SQLite waits for a lock, in seconds, unless OPTIONS["timeout"] says otherwise."""


@register
def check_settings(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """AGENTS_APP, then the database that it names."""
    given = getattr(settings, "AGENTS_APP", {})
    if not isinstance(given, Mapping):
        hint = 'For example: AGENTS_APP = {"EXECUTOR": "django_q2"}.'
        return [Error("AGENTS_APP is not a dictionary.", hint=hint, id="agents_app.E101")]
    if conf.DATABASE not in settings.DATABASES:
        message = f'AGENTS_APP["DATABASE"] is {conf.DATABASE!r}, which is no alias in DATABASES.'
        hint = f"The aliases are: {', '.join(sorted(settings.DATABASES))}."
        return [*_unknown_names(given), Error(message, hint=hint, id="agents_app.E102")]
    return [
        *_unknown_names(given),
        *_breaker(),
        *_llms(),
        *_embedder(),
        *_spending(),
        *_times(),
        *_executor(),
        *_router(),
        *_live(),
        *_lease(),
        *_database(),
    ]


def _unknown_names(given: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for name in given:
        if name not in conf.names():
            near = get_close_matches(str(name), conf.names(), n=1)
            hint = f"Did you mean {near[0]}?" if near else f"The settings are: {', '.join(conf.names())}."
            yield Error(f"AGENTS_APP has no setting {name!r}.", hint=hint, id="agents_app.E103")


def _llms() -> Iterator[CheckMessage]:
    """An agent that names an LLM of its own is looked at with the agents."""
    hint = (
        f'Write "provider:name", "demo", or an alias of AGENTS_APP["LLMS"] ({", ".join(sorted(conf.LLMS)) or "none"}).'
    )
    if not known(conf.DEFAULT_LLM):
        yield Error(f'AGENTS_APP["DEFAULT_LLM"] is {conf.DEFAULT_LLM!r}: no such LLM.', hint=hint, id="agents_app.E108")
    if conf.MEMORY_LLM and not known(conf.MEMORY_LLM):
        yield Error(f'AGENTS_APP["MEMORY_LLM"] is {conf.MEMORY_LLM!r}: no such LLM.', hint=hint, id="agents_app.E108")
    for alias in sorted(conf.LLMS):
        for name in (alias, *candidates(alias)):
            if problem := problem_of(name):
                message = f'AGENTS_APP["LLMS"][{alias!r}] leads to no LLM. {problem}'
                yield Error(message, hint=hint, id="agents_app.E108")
                break


def _embedder() -> Iterator[CheckMessage]:
    if problem := problem_of_settings():
        hint = "Leave it empty for full text search only. See “Bring your own retriever” in the documentation."
        yield Error(problem, hint=hint, id="agents_app.E180")


def _breaker() -> Iterator[CheckMessage]:
    try:
        read_breaker(conf.LLM_BREAKER)
    except ValueError as error:
        hint = 'For example {"failures": 10, "window": 60, "open_seconds": 30}, or None.'
        yield Error(f'AGENTS_APP["LLM_BREAKER"]: {error}', hint=hint, id="agents_app.E109")


def _times() -> Iterator[CheckMessage]:
    found = ApprovalTimes(
        expires_after=conf.APPROVAL_EXPIRES_SECONDS,
        on_expiry=conf.APPROVAL_ON_EXPIRY,
        remind_after=conf.APPROVAL_REMIND_SECONDS,
        valid_for=conf.APPROVAL_VALID_SECONDS,
    ).problems()
    length: object = conf.APPROVAL_EXPIRES_SECONDS
    if length is None:
        found.append('`expires_after` is None: say "never" if people may take as long as they like.')
    for problem in found:
        hint = "See “When nobody decides” in the documentation."
        yield Error(f"The APPROVAL_… settings: {problem}", hint=hint, id="agents_app.E119")


def _executor() -> Iterator[CheckMessage]:
    try:
        get_executor()
    except ImproperlyConfigured as error:
        yield Error(str(error), hint="Name a built-in executor, or the dotted path of a class.", id="agents_app.E104")


def _spending() -> Iterator[CheckMessage]:
    for problem in [*default_problems(conf.BUDGETS), *price_problems()]:
        yield Error(problem, hint="See “Limit what a run may cost” in the documentation.", id="agents_app.E121")


def _router() -> Iterator[CheckMessage]:
    if router.db_for_write(AgentContext) != conf.DATABASE or router.db_for_read(AgentContext) != conf.DATABASE:
        message = f'AGENTS_APP["DATABASE"] is {conf.DATABASE!r}, but DATABASE_ROUTERS sends its rows elsewhere.'
        hint = 'Put "agents_app.router.AgentsRouter" first in DATABASE_ROUTERS.'
        yield Error(message, hint=hint, id="agents_app.E105")


def _live() -> Iterator[CheckMessage]:
    try:
        way()
    except ImproperlyConfigured as error:
        yield Error(str(error), hint='"auto" takes the best way there is.', id="agents_app.E106")


def _lease() -> Iterator[CheckMessage]:
    if conf.LEASE_SECONDS < 3 * conf.HEARTBEAT_SECONDS:
        message = "LEASE_SECONDS is less than three times HEARTBEAT_SECONDS: a busy worker would lose its runs."
        hint = f"Let a lease last at least {3 * conf.HEARTBEAT_SECONDS:g} s."
        yield CheckWarning(message, hint=hint, id="agents_app.W101")


# The database.


def _database() -> Iterator[CheckMessage]:
    database = settings.DATABASES[conf.DATABASE]
    options = database.get("OPTIONS") or {}
    kind = str(database.get("ENGINE", "")).rpartition(".")[2]
    if kind == SQLITE:
        yield from _sqlite(str(database.get("NAME", "")), options)
    elif kind == POSTGRESQL:
        yield from _postgresql(options)


def _sqlite(name: str, options: Mapping[str, Any]) -> Iterator[CheckMessage]:
    yield from _atomic_timeouts(float(options.get("timeout", SQLITE_TIMEOUT)))
    if ":memory:" in name or "mode=memory" in name or not name:
        return  # one process, one connection: nobody else locks it, and nothing outlives it
    where = f"DATABASES[{conf.DATABASE!r}]"
    if str(options.get("transaction_mode") or "").upper() not in ("IMMEDIATE", "EXCLUSIVE"):
        message = f"{where}: transactions begin as readers, and fail at once when two of them want to write."
        hint = 'Set OPTIONS["transaction_mode"] = "IMMEDIATE".'
        yield CheckWarning(message, hint=hint, id="agents_app.W102")
    start = str(options.get("init_command", ""))
    if not re.search(r"journal_mode\s*=\s*'?wal", start, re.IGNORECASE):
        message = f"{where}: without a write-ahead log every reader holds up the workers, and they the readers."
        hint = 'Set OPTIONS["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;".'
        yield CheckWarning(message, hint=hint, id="agents_app.W103")
    if re.search(r"synchronous\s*=\s*'?(off|normal|0|1)\b", start, re.IGNORECASE):
        yield _lost_commits(f"{where}: PRAGMA synchronous", "PRAGMA synchronous=FULL")


def _atomic_timeouts(busy: float) -> Iterator[CheckMessage]:
    """A running atomic tool holds SQLite's only writer; others must be ready to wait for longer than that."""
    for definition in registry.all():
        for tool in definition.tools.values():
            if tool.effect is Effect.ATOMIC and tool.timeout >= busy:
                message = (
                    f"{definition.name}.{tool.name} is atomic and may take {tool.timeout:g} s, but others wait only "
                    f"{busy:g} s for the database that it holds."
                )
                hint = 'Raise OPTIONS["timeout"] of the database (20 is good), or lower the timeout of the tool.'
                yield Error(message, hint=hint, id="agents_app.E107")


def _postgresql(options: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if re.search(r"synchronous_commit\s*=\s*'?(off|false|no|0)\b", str(options.get("options", "")), re.IGNORECASE):
        where = f"DATABASES[{conf.DATABASE!r}]: synchronous_commit=off"
        yield _lost_commits(where, "synchronous_commit=on, at least for this alias")


def _lost_commits(what: str, instead: str) -> CheckMessage:
    message = f"{what} loses committed rows when the machine stops: an accepted run, or the record of a call."
    return CheckWarning(message, hint=f"Use {instead}.", id="agents_app.W104")
