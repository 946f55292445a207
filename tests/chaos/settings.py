"""Settings of every process of a chaos: PostgreSQL, a queue that the process is told, and short patience.

AGENTS_TEST_PG, AGENTS_TEST_REDIS: the chaos' own servers. AGENTS_CHAOS_BROKER: postgresql, redis, orm or celery.
AGENTS_CHAOS_LLM: the URL of the scripted LLM.
"""

import os
import select
import time

from tests.celery_broker import PATIENCE, broker_url
from tests.settings_postgres import *  # noqa: F403  the same but for what follows
from tests.settings_postgres import AGENTS_APP, DATABASES, INSTALLED_APPS, Q_CLUSTER

if "FAKETIME" in os.environ:
    # faketime breaks the system call that `time.sleep` makes, here and before anybody imported it by name.
    time.sleep = lambda seconds: select.select([], [], [], seconds) and None

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos"]
DATABASES["default"]["OPTIONS"] = {**DATABASES["default"]["OPTIONS"], "connect_timeout": 10}

LEASE_SECONDS = 4.0
AGENTS_APP = {
    **AGENTS_APP,
    "EXECUTOR": "django_q2",
    "LLMS": {
        "scripted": {
            "llm": "openai:scripted",
            "base_url": os.environ.get("AGENTS_CHAOS_LLM", "http://127.0.0.1:9/v1"),
            "api_key": "none",
        },
        "limited": {"llm": "scripted", "max_concurrent": 6},
    },
    "LEASE_SECONDS": LEASE_SECONDS,
    "HEARTBEAT_SECONDS": 0.5,
    "POLL_SECONDS": 0.2,
    "SLICE_SECONDS": 5.0,
    "DRAIN_SECONDS": 4.0,
    "STALL_SECONDS": 15.0,
    "RUNS_PER_WORKER": 4,
    "LLM_ATTEMPTS": 50,
    "APPROVAL_EXPIRES_SECONDS": 15.0,
}
Q_CLUSTER = {**Q_CLUSTER, "workers": 2, "queue_limit": 2, "guard_cycle": 0.3, "log_level": "ERROR"}
match os.environ.get("AGENTS_CHAOS_BROKER", "postgresql"):
    case "postgresql":
        Q_CLUSTER["broker_class"] = "agents_app.brokers.postgresql.PostgreSQLBroker"
    case "redis":
        Q_CLUSTER["redis"] = os.environ["AGENTS_TEST_REDIS"]
        del Q_CLUSTER["orm"]
    case "celery":
        AGENTS_APP["EXECUTOR"] = "celery"
        CELERY_BROKER_URL = broker_url(os.environ["AGENTS_TEST_REDIS"])
        CELERY_BROKER_TRANSPORT_OPTIONS = PATIENCE
# Chaos has a shorter lease than a project may have, and the demo's tools may take longer than half of it.
SILENCED_SYSTEM_CHECKS = ["agents_app.E017"]
