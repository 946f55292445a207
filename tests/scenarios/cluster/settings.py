"""Like the tests on PostgreSQL, with a queue, and with leases that end soon."""

from tests.settings_postgres import *  # noqa: F403  the same but for what follows
from tests.settings_postgres import AGENTS_APP, INSTALLED_APPS, Q_CLUSTER

INSTALLED_APPS = [*INSTALLED_APPS, "tests.scenarios.cluster"]
AGENTS_APP = {
    **AGENTS_APP,
    "EXECUTOR": "django_q2",
    "LEASE_SECONDS": 6.0,  # a busy machine does not lose it, and the tests wait for its end
    "HEARTBEAT_SECONDS": 0.3,
    "POLL_SECONDS": 0.1,
    "SLICE_SECONDS": 20.0,
    "DRAIN_SECONDS": 5.0,
    "ABANDONED_THREADS": 1,
    "LLMS": {"story": "tests.scenarios.cluster.story.StoryLLM"},
    "LIVE": "poll",
}
Q_CLUSTER = {**Q_CLUSTER, "workers": 2, "guard_cycle": 0.2, "log_level": "ERROR"}
# The demo's tools may take longer than half of such a lease; they are not called here.
SILENCED_SYSTEM_CHECKS = ["agents_app.E017"]
