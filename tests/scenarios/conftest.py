"""Every story is played by real threads on a committed database, with the office open and the queue off."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agents_app import register
from agents_app.runtime.engines import close_engine
from agents_app.runtime.heartbeat import heartbeat
from agents_app.services import Run, start_run
from agents_app.testing import run_until_idle
from agents_app.testing.kit import AgentsKit
from tests import office
from tests.office import Clerk


@pytest.fixture(autouse=True)
def _office(transactional_db: None, agents: AgentsKit) -> Iterator[None]:
    with office.open_office():
        yield
    close_engine()
    heartbeat.join()


@pytest.fixture
def started(agents: AgentsKit) -> Callable[..., Run[str]]:
    """Start the clerk on a script, and let it go on as far as it can: `started(calls("look", number="1"), "Done.")`."""

    def begin(*turns: Any, limits: dict[str, Any] | None = None, **options: Any) -> Run[str]:
        agent = limited(**limits) if limits else Clerk
        agents.scripted_llm(agent, *turns)
        run = start_run(agent, "go", **options)
        run_until_idle()
        return run.again()

    return begin


def limited(**limits: Any) -> type[Clerk]:
    """Another clerk, with limits of its own (`max_steps`, `timeout`, …)."""
    agent: type[Clerk] = type("LimitedClerk", (Clerk,), {"name": "limited", "__module__": __name__, **limits})
    return register(agent)


@pytest.fixture
def dora() -> Any:
    """She may decide on every tool of the clerk, settle outcomes and control runs."""
    return office.person(
        "dora",
        *office.DECIDES,
        "agents_app.settle_toolcall",
        "agents_app.control_run",
        "agents_app.view_agentcontext",
        "agents_app.view_transcript",
    )


@pytest.fixture
def carl() -> Any:
    """A customer without any permission."""
    return office.person("carl")
