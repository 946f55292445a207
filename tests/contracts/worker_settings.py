"""For workers that a test starts on its database, with the queue that AGENTS_TEST_QUEUE names."""

import os

from tests.celery_broker import PATIENCE, broker_url

if "AGENTS_TEST_PG_NAME" in os.environ:
    from tests.settings_postgres import *  # noqa: F403  the same but for what follows
    from tests.settings_postgres import AGENTS_APP, Q_CLUSTER
else:
    from tests.settings import *  # noqa: F403  the same but for what follows
    from tests.settings import AGENTS_APP, Q_CLUSTER

kind, prefix = os.environ["AGENTS_TEST_QUEUE"].split(":")
AGENTS_APP = {**AGENTS_APP, "EXECUTOR": "celery" if kind == "celery" else "django_q2"}
Q_CLUSTER = {**Q_CLUSTER, "name": prefix, "log_level": "ERROR"}
if kind == "redis":
    url = os.environ["AGENTS_TEST_REDIS"]
    Q_CLUSTER = {name: value for name, value in Q_CLUSTER.items() if name != "orm"} | {"redis": url}
elif kind == "postgresql":
    Q_CLUSTER["broker_class"] = "agents_app.brokers.postgresql.PostgreSQLBroker"
elif kind == "celery":
    CELERY_BROKER_URL = broker_url(os.environ["AGENTS_TEST_REDIS"])
    CELERY_BROKER_TRANSPORT_OPTIONS = {**PATIENCE, "global_keyprefix": prefix}
