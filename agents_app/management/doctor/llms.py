"""Are the agents sound, and can their LLMs be reached?"""

import time
from collections.abc import Iterator
from datetime import datetime

from asgiref.sync import async_to_sync
from django.utils.timezone import is_aware, localtime

from agents_app.conf import conf
from agents_app.core.transcript import LLMReply, LLMRequest, UserMessage
from agents_app.definitions.registry import registry
from agents_app.exceptions import LLMError
from agents_app.llm import LLM, candidates, close_connections, resolve
from agents_app.management.doctor.findings import Finding, broken, ok, warning
from agents_app.selectors.llms import visible_llms
from agents_app.services import SYSTEM

SECONDS = 30.0
QUESTION = "Answer with the word OK."
ASK = "--call-llm asks it a question"


def examine_agents() -> Iterator[Finding]:
    """The registered agents."""
    sound = registry.all()
    unsound = len(registry.classes()) - len(sound)
    if unsound:
        yield broken("agents", f"{unsound} agents cannot be used.", "manage.py check says why.")
    if sound:
        yield ok("agents", ", ".join(definition.name for definition in sound))
    elif not unsound:
        yield warning(
            "agents", "None is registered.", "Write one in an app's agents.py and decorate it with @register."
        )


def examine_llms(*, call: bool) -> Iterator[Finding]:
    """Every LLM that an agent names, and the default. call: ask each a question, which may cost a little."""
    agents: dict[str, list[str]] = {conf.DEFAULT_LLM: []}
    for definition in registry.all():
        for name in candidates(definition.llm or conf.DEFAULT_LLM, definition.fallback_llms):
            agents.setdefault(name, []).append(definition.name)
    for name, users in agents.items():
        yield _examine(name, users, call=call)
    yield from _down()


def _down() -> Iterator[Finding]:
    """Those that nobody asks for the time being."""
    for row in visible_llms(SYSTEM).exclude(open_until__isnull=True):
        text = f"down since {_clock(row.opened_at)}: {row.error} ({row.error_code})"
        advice = "It is tried again by itself. The admin's page of LLMs closes its breaker at once."
        yield warning(f"LLM {row.name}", text, advice)


def _examine(name: str, users: list[str], *, call: bool) -> Finding:
    subject, used = f"LLM {name}", f"used by {', '.join(users)}" if users else "the default"
    try:
        llm = resolve(name)
        if not call:
            return ok(subject, f"{used}; {ASK}")
        before = time.monotonic()
        reply = async_to_sync(_ask)(llm, name)
    except Exception as error:
        advice = "Is its key set, its address right, its server running? See AGENTS_APP[“LLMS”] and DEFAULT_LLM."
        return broken(subject, f"{used}: {type(error).__name__}: {error}", advice)
    return ok(subject, f"{used}; {reply.llm or name} answered in {time.monotonic() - before:.1f} s")


async def _ask(llm: LLM, name: str) -> LLMReply:
    request = LLMRequest(llm=name, instructions="", messages=(UserMessage(text=QUESTION),), timeout=SECONDS)
    try:
        reply = await llm.respond(request)
    finally:
        await close_connections()
    if not reply.text and not reply.calls:
        raise LLMError("It answered with nothing.")
    return reply


def _clock(moment: datetime | None) -> str:
    if moment is None:
        return "now"
    return f"{localtime(moment) if is_aware(moment) else moment:%Y-%m-%d %H:%M:%S}"
