"""The same with Celery as the queue. AGENTS_TEST_PREFIX keeps its messages apart from those of other tests."""

import os

from tests.celery_broker import PATIENCE, broker_url
from tests.scenarios.cluster.settings import *  # noqa: F403  the same but for what follows
from tests.scenarios.cluster.settings import AGENTS_APP

AGENTS_APP = {**AGENTS_APP, "EXECUTOR": "celery", "SLICE_SECONDS": 150.0}
CELERY_BROKER_URL = broker_url(os.environ["AGENTS_TEST_REDIS"])
CELERY_BROKER_TRANSPORT_OPTIONS = {**PATIENCE, "global_keyprefix": os.environ["AGENTS_TEST_PREFIX"]}
