"""Like the tests', on whichever database they use, with a queue, and with short patience."""

import importlib
import os

from tests.management.cluster.supervised import WORKERS

_base = importlib.import_module("tests.settings_postgres" if "AGENTS_TEST_PG_NAME" in os.environ else "tests.settings")
globals().update({name: value for name, value in vars(_base).items() if name.isupper()})

INSTALLED_APPS = [*_base.INSTALLED_APPS, "tests.scenarios.cluster"]
AGENTS_APP = {
    **_base.AGENTS_APP,
    "EXECUTOR": "django_q2",
    "LEASE_SECONDS": 2.0,
    "HEARTBEAT_SECONDS": 0.3,
    "POLL_SECONDS": 0.1,
    "SLICE_SECONDS": 30.0,
    "DRAIN_SECONDS": 0.5,
    "STALL_SECONDS": float(os.environ.get("AGENTS_TEST_STALL", 3)),
    "LLMS": {"story": "tests.scenarios.cluster.story.StoryLLM"},
    "LIVE": "poll",
}
Q_CLUSTER = {**_base.Q_CLUSTER, "workers": WORKERS, "queue_limit": 2, "guard_cycle": 0.2}
if "AGENTS_TEST_BROKER" in os.environ:
    Q_CLUSTER["broker_class"] = os.environ["AGENTS_TEST_BROKER"]
# The demo's tools may take longer than half of such a lease; they are not called here.
SILENCED_SYSTEM_CHECKS = ["agents_app.E017"]
