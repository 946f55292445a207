"""The same with leases that a busy machine does not lose."""

from tests.scenarios.cluster.settings import *  # noqa: F403  the same but for what follows
from tests.scenarios.cluster.settings import AGENTS_APP

AGENTS_APP = {
    **AGENTS_APP,
    "EXECUTOR": "agents_app.testing.executor.WaitingExecutor",
    "LEASE_SECONDS": 10.0,
    "HEARTBEAT_SECONDS": 0.5,
}
