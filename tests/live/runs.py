"""Runs with as many events as a test wants, and people who may or may not see them."""

from typing import Any
from uuid import UUID

from agents_app import Agent
from agents_app.definitions.registry import registry
from agents_app.models import AgentContext
from agents_app.services import SYSTEM, pause_run, resume_run, start_run
from tests import office


class Quiet(Agent[str]):
    """Is started and never driven."""

    name = "quiet"
    llm = "demo"
    instructions = "Nothing."


def quiet_run(user: Any = None) -> UUID:
    """A run with one event."""
    with registry.override(Quiet):
        return start_run(Quiet, "hello", user=user).id


def add_events(run_id: UUID, count: int) -> None:
    """So many events more, each committed by itself."""
    for _ in range(count):
        if AgentContext.objects.get(pk=run_id).paused_at is None:
            pause_run(run_id, by=SYSTEM)
        else:
            resume_run(run_id, by=SYSTEM)


def person(name: str, *permissions: str) -> Any:
    """A user with these permissions of this app."""
    return office.person(name, *[f"agents_app.{code}" for code in permissions], password="secret")
