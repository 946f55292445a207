"""Where promises are tried: the office, a script for its clerk, and people."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.conf import settings
from django.test import override_settings

from agents_app.definitions.registry import registry
from agents_app.runtime.held import Held
from agents_app.services import Run, start_run
from agents_app.testing import run_until_idle
from agents_app.testing.kit import AgentsKit
from agents_app.transitions import claims
from tests import office
from tests.office import Clerk

HEARING = f"{__name__}.HearingExecutor"
"""Its dotted path, for the settings."""


class HearingExecutor:
    """A queue that hears wake-ups, and forgets them."""

    delays = False
    heard: list[UUID] = []

    def submit(self, run_id: UUID, run_at: datetime | None = None) -> None:
        self.heard.append(run_id)


@dataclass
class Stage:
    """What the checks of the promises use."""

    agents: AgentsKit

    @cached_property
    def dora(self) -> Any:
        """She may decide, settle and control."""
        rights = ("agents_app.settle_toolcall", "agents_app.control_run", "agents_app.view_agentcontext")
        return office.person("dora", *office.DECIDES, *rights, "agents_app.view_transcript")

    def start(self, *turns: Any, **options: Any) -> Run[str]:
        """Start the clerk on a script; nothing is driven yet."""
        self.agents.scripted_llm(Clerk, *turns)
        return start_run(Clerk, "go", **options)

    def play(self, *turns: Any, **options: Any) -> Run[str]:
        """Start it, and let it go on as far as it can."""
        run = self.start(*turns, **options)
        run_until_idle()
        return run.again()

    def hold(self, run: Run[str]) -> Held:
        """Claim a run as a worker does that is then left to itself."""
        claim = claims.claim(run.id)
        assert claim is not None
        return Held(claim=claim, definition=registry.get("clerk"), inline=False)

    @contextmanager
    def setting(self, **changed: Any) -> Iterator[None]:
        """With other settings of the app."""
        with override_settings(AGENTS_APP={**settings.AGENTS_APP, **changed}):
            yield

    @contextmanager
    def hearing(self) -> Iterator[list[UUID]]:
        """The wake-ups that the queue hears inside."""
        HearingExecutor.heard.clear()
        with self.setting(EXECUTOR=HEARING):
            yield HearingExecutor.heard
